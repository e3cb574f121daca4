// SPDX-License-Identifier: LGPL-2.1-or-later
#include "provider.h"

#include "program.h"

namespace examples {

ObjectPtr<GstE2EEKeyProvider> make_provider(const std::string &text, const std::string &where) {
  Error error;
  ObjectPtr<GstE2EEKeyProvider> provider(
      gst_e2ee_key_provider_new_from_string(text.c_str(), error.out()));
  if (provider)
    gst_e2ee_key_provider_check(provider.get(), error.out());
  error.check<Refused>(where);
  return provider;
}

}  // namespace examples
