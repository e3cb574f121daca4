/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gst/e2ee/gste2eeframe.h>

#include <optional>
#include <vector>

#include "core/packettrailer.h"
#include "core/scheme.h"
#include "core/sframe.h"
#include "core/trailer.h"

namespace e2ee {

namespace {

struct Peeked {
  std::uint64_t key_id = 0;
  std::vector<std::uint8_t> iv;
};

std::optional<Peeked> peek_trailer(const CodecRule &codec, ByteView frame) {
  std::optional<TrailerFields> fields = read_trailer(codec, frame);
  if (!fields) {
    const auto behind = find_packet_trailer(frame);
    if (behind && behind->size < frame.size())
      fields = read_trailer(codec, frame.first(frame.size() - behind->size));
  }
  if (!fields)
    return {};
  return Peeked{fields->key_id, {fields->iv.begin(), fields->iv.end()}};
}

std::optional<Peeked> peek_sframe(const ClearRule &rule, const CodecRule &codec, ByteView frame) {
  const std::size_t clear = rule.length(codec.frame_type(frame));
  if (frame.size() <= clear)
    return {};
  const auto header = parse_sframe_header(frame.subspan(clear));
  if (!header)
    return {};
  Peeked peeked{header->kid, std::vector<std::uint8_t>(16)};
  store_be64(peeked.iv.data(), header->kid);
  store_be64(peeked.iv.data() + 8, header->counter);
  return peeked;
}

std::optional<Peeked> peek(const Scheme &scheme, const CodecRule &codec, ByteView frame) {
  const ClearRule *rule = scheme.rule_for(codec);
  if (rule == nullptr)
    rule = scheme.rule_for(whole_frames_of(codec));
  if (rule == nullptr || frame.empty())
    return {};
  return scheme.layout == Layout::trailer ? peek_trailer(codec, frame)
                                          : peek_sframe(*rule, codec, frame);
}

}  // namespace

}  // namespace e2ee

gboolean gst_e2ee_peek_frame(GstE2EEScheme scheme, const gchar *media_type,
                             GstE2EEClearHeader clear_header, GstBuffer *frame, guint64 *key_id,
                             GBytes **iv) {
  g_return_val_if_fail(media_type != nullptr && GST_IS_BUFFER(frame), FALSE);
  if (key_id != nullptr)
    *key_id = 0;
  if (iv != nullptr)
    *iv = nullptr;
  if (static_cast<guint>(clear_header) > GST_E2EE_CLEAR_HEADER_NONE)
    return FALSE;
  const e2ee::Scheme *rules =
      e2ee::scheme_for(scheme, {.clear_header = clear_header == GST_E2EE_CLEAR_HEADER_SCHEME});
  const e2ee::CodecRule *codec = e2ee::codec_for_media_type(media_type);
  GstMapInfo map;
  if (rules == nullptr || codec == nullptr || !gst_buffer_map(frame, &map, GST_MAP_READ))
    return FALSE;
  const auto peeked = e2ee::peek(*rules, *codec, {map.data, map.size});
  gst_buffer_unmap(frame, &map);
  if (!peeked)
    return FALSE;
  if (key_id != nullptr)
    *key_id = peeked->key_id;
  if (iv != nullptr)
    *iv = g_bytes_new(peeked->iv.data(), peeked->iv.size());
  return TRUE;
}
