/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "buffers/clearframes.h"

#include "buffers/framememory.h"
#include "buffers/frametail.h"
#include "core/serverframe.h"
#include "errors.h"
#include "gste2eemeta.h"

namespace e2ee {

namespace {

bool parse_hex(const std::string &hex, std::vector<std::uint8_t> &bytes) {
  bytes.clear();
  if (hex.size() % 2 != 0)
    return false;
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    const gint high = g_ascii_xdigit_value(hex[i]);
    const gint low = g_ascii_xdigit_value(hex[i + 1]);
    if (high < 0 || low < 0)
      return false;
    bytes.push_back(static_cast<std::uint8_t>(high << 4 | low));
  }
  return true;
}

}  // namespace

GstBuffer *mark_unprotected(GstBuffer *buffer, Counters &counters) {
  counters.passed_in_the_clear();
  buffer = gst_buffer_make_writable(buffer);
  if (!gst_e2ee_buffer_is_unprotected(buffer))
    gst_e2ee_buffer_add_unprotected_meta(buffer);
  return buffer;
}

bool ServerFrames::configure(GstE2EEServerFrames wanted, const std::string &trailer,
                             GError **error) {
  wanted_ = wanted;
  if (parse_hex(trailer, trailer_) && (trailer_.empty() || trailer_.size() >= kMinServerTrailer))
    return true;
  return fail(error, GST_E2EE_ERROR_INVALID_OPTION,
              "server-trailer: must be hex digits, at least %" G_GSIZE_FORMAT " bytes",
              kMinServerTrailer);
}

ServerFrames::Kind ServerFrames::look_at(GstBuffer *&buffer, Counters &counters) const {
  std::size_t behind = trailer_.size();
  bool is_filler = false;
  {
    // A few bytes are looked at, but a frame in several memories has to be merged to be decrypted
    // anyway.
    const MappedBuffer map(buffer, GST_MAP_READ);
    if (!map)
      return Kind::no;
    const ByteView frame = map.bytes();
    if (ends_with(frame, trailer_)) {
      is_filler = is_known_filler(frame.first(frame.size() - behind));
    } else {
      const auto found = h264_filler_tail(frame, trailer_);
      if (!found)
        return Kind::no;
      behind = *found;
      is_filler = true;
    }
  }
  counters.server_frame_came();
  if (wanted_ != GST_E2EE_SERVER_FRAMES_PASS &&
      !(wanted_ == GST_E2EE_SERVER_FRAMES_KNOWN && is_filler))
    return Kind::unwanted;
  buffer = without_tail(buffer, behind);
  return Kind::wanted;
}

}  // namespace e2ee
