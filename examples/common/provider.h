// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/e2ee/e2ee.h>

#include <string>

#include "gst_ptr.h"

namespace examples {

// A key provider from its string form, with its keys read. Throws Refused with what is wrong;
// `where` is put in front, as the option that the text is from.
ObjectPtr<GstE2EEKeyProvider> make_provider(const std::string &text, const std::string &where = {});

}  // namespace examples
