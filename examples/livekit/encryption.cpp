// SPDX-License-Identifier: LGPL-2.1-or-later
#include "encryption.h"

#include <gst/e2ee/e2ee.h>

#include "common/words.h"

namespace livekit {

// GCM is the name of what LiveKit's own clients do.
wire::Encryption encryption_of(const std::string &scheme) {
  return examples::enum_of(GST_TYPE_E2EE_SCHEME, scheme) == GST_E2EE_SCHEME_LIVEKIT ? wire::GCM
                                                                                    : wire::CUSTOM;
}

}  // namespace livekit
