// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

namespace examples {

// Calls a copy, since the callback may destroy what it is a member of. Does nothing where there is
// none.
template <typename Callback, typename... Arguments>
void call(Callback callback, Arguments &&...arguments) {
  if (callback)
    callback(arguments...);
}

}  // namespace examples
