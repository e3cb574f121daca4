// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/gst.h>

// The end of a source of RTP inside rtpbin, while others go on.
namespace recorder {

// Its end goes behind what its jitter buffer holds, which gives up what is missing in between.
void end_source(GstElement *jitterbuffer);

// rtpbin forgets it, with its jitter buffer.
void clear_source(GstElement *rtpbin, guint ssrc);

}  // namespace recorder
