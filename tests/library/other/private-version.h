/* SPDX-License-Identifier: LGPL-2.1-or-later */
// As if the plugin had been built with another library.
#pragma once

namespace e2ee {
inline constexpr unsigned kPrivateVersion = 7;
}
