/* SPDX-License-Identifier: LGPL-2.1-or-later */
// LiveKit's frame encryption as livekit-client 2.23 writes and reads it.
#include "core/chainedkeys.h"
#include "core/trailer.h"

namespace e2ee {

extern const Scheme kLivekit;

namespace {

constexpr ClearRule kClearRules[] = {
    {CodecId::vp8, 10, 3},
    {CodecId::vp9, 0, 0},
    {CodecId::opus, 1, 1},
    // Where there is no slice; else two bytes into the first one, see layout_nal.cpp.
    {CodecId::h264, 10, 3, true},
    {CodecId::h265, 10, 3, true},
    {CodecId::data, 0, 0},
};

bool derive(const DeriveRequest &request, Key &key) {
  return derive_chained(request, "LKFrameEncryptionKey", key);
}

}  // namespace

const Scheme kLivekit = {
    .name = "livekit",
    .description = "LiveKit's frame encryption",
    .clear_rules = kClearRules,
    .carries = "use VP8, VP9, H.264, H.265 or Opus",
    .overhead = kTrailerOverhead,
    .max_key_id = 255,
    .derive = derive,
};

}  // namespace e2ee
