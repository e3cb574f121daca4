// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/gst.h>

namespace recorder {

// Has feedback of a webrtcbin reach the right stream in Janus, which goes by a packet's first
// message: behind a report about the audio, requests for key frames and packets of the video are
// taken for the audio's and dropped. So each leaves in a packet of its own, as RFC 5506 allows.
// Janus 1.1 does not read the media SSRC of a PLI either but takes the sender's, and where it does
// not know that one, the first stream; it knows the SSRCs that it sends with, so a PLI names the
// video as its sender too. Measured with 1.1.2: without this no PLI of a bundled subscriber but the
// first reached the publisher, with it all.
void split_feedback(GstElement *webrtcbin);

// Makes every request for a key frame that passes this pad of webrtcbin a PLI: Janus does not take
// FIR from subscribers.
void ask_by_pli(GstPad *pad);

}  // namespace recorder
