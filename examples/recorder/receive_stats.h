// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "receive.h"

namespace recorder {

std::vector<examples::ObjectPtr<GstElement>> jitterbuffers_of(GstElement *pipeline);

// What did not come in time, as the jitter buffers of `pipeline` count it.
void add_packets(ReceiveStats &stats, GstElement *pipeline);

}  // namespace recorder
