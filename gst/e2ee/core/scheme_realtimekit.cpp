/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Cloudflare RealtimeKit's frame encryption as @cloudflare/realtimekit 2.0.2 ships it: its worker
// is never told a codec, and so leaves as much of a VP9 frame in the clear as of VP8.
#include "core/chainedkeys.h"
#include "core/trailer.h"

namespace e2ee {

extern const Scheme kRealtimekit;

namespace {

constexpr ClearRule kClearRules[] = {
    {CodecId::vp8, 10, 3},
    {CodecId::vp9, 10, 3, true},
    {CodecId::opus, 1, 1},
};

constexpr std::uint8_t kServerTrailer[] = {'L', 'K', 'R', 'O', 'C', 'K', 'S'};

bool derive(const DeriveRequest &request, Key &key) {
  return derive_chained(request, "RealtimeKitFrameEncryptionKey", key);
}

}  // namespace

const Scheme kRealtimekit = {
    .name = "realtimekit",
    .description = "Cloudflare RealtimeKit's frame encryption",
    .clear_rules = kClearRules,
    .carries = "use VP8, VP9 or Opus",
    .overhead = kTrailerOverhead,
    .max_key_id = 15,
    .ring_size = 16,
    .key_bits = 128,
    .server_trailer = kServerTrailer,
    .derive = derive,
};

}  // namespace e2ee
