/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gst/gst.h>

#include "rtp_format.h"

// RED (RFC 2198) inside the encryption: a frame is a whole payload, which e2eereddec takes apart
// once it is decrypted. Its sender encodes Opus.
namespace e2ee::rtp {

namespace {

// The parameters of RED name payload types; those of Opus are elsewhere in the SDP.
bool describe_red_frames(const GstStructure *, GstStructure *frame_caps) {
  gst_structure_set(frame_caps, "channels", G_TYPE_INT, 2, "rate", G_TYPE_INT, 48000, nullptr);
  return true;
}

}  // namespace

constinit const Format red_format = {
    .frame_caps = "audio/x-opus, channel-mapping-family = (int) 0, redundancy = (string) red",
    .media = "audio",
    .encoding_names = {"RED", nullptr},
    .clock_rate = 48000,
    .splits = false,
    .talkspurts = true,
    .spatial_layers = false,
    .received_only = true,
    .describe_frame_caps = describe_red_frames,
};

}  // namespace e2ee::rtp
