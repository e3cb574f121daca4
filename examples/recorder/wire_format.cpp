// SPDX-License-Identifier: LGPL-2.1-or-later
#include "wire_format.h"

namespace recorder {

CryptorPtr WireFormat::new_cryptor(GstE2EEKeyProvider *provider, const std::string &participant,
                                   const std::string &server_frames) const {
  const auto text_or_null = [](const std::string &text) {
    return text.empty() ? nullptr : text.c_str();
  };
  return CryptorPtr(GST_E2EE_FRAME_CRYPTOR(g_object_new(
      GST_TYPE_E2EE_FRAME_CRYPTOR, "key-provider", provider, "participant",
      text_or_null(participant), "scheme", enum_of(GST_TYPE_E2EE_SCHEME, scheme), "sframe-suite",
      sframe_suite, "sframe-kid-map", enum_of(GST_TYPE_E2EE_SFRAME_KID_MAP, sframe_kid_map),
      "clear-header", enum_of(GST_TYPE_E2EE_CLEAR_HEADER, clear_header), "server-frames",
      enum_of(GST_TYPE_E2EE_SERVER_FRAMES, server_frames), "server-trailer",
      text_or_null(server_trailer), nullptr)));
}

bool WireFormat::is_sframe() const {
  return enum_of(GST_TYPE_E2EE_SCHEME, scheme) == GST_E2EE_SCHEME_SFRAME;
}

bool WireFormat::names_ratchet_step() const {
  return is_sframe() &&
         enum_of(GST_TYPE_E2EE_SFRAME_KID_MAP, sframe_kid_map) == GST_E2EE_SFRAME_KID_MAP_PROFILE;
}

bool WireFormat::leaves_readable(const Codec &codec) const {
  if (is_sframe())
    return codec.sframe_keeps_header &&
           enum_of(GST_TYPE_E2EE_CLEAR_HEADER, clear_header) != GST_E2EE_CLEAR_HEADER_NONE;
  return !codec.livekit_hides_all ||
         enum_of(GST_TYPE_E2EE_SCHEME, scheme) != GST_E2EE_SCHEME_LIVEKIT;
}

unsigned WireFormat::largest_ring() const {
  const int known = enum_of(GST_TYPE_E2EE_SCHEME, scheme);
  return known == GST_E2EE_SCHEME_JITSI || known == GST_E2EE_SCHEME_REALTIMEKIT ? 16 : 256;
}

bool WireFormat::tells_server_frames() const {
  return !server_trailer.empty() ||
         enum_of(GST_TYPE_E2EE_SCHEME, scheme) == GST_E2EE_SCHEME_REALTIMEKIT;
}

}  // namespace recorder
