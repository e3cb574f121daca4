// SPDX-License-Identifier: LGPL-2.1-or-later
#include "wire_format.h"

namespace recorder {

int enum_of(GType type, const std::string &nick) {
  const auto klass = static_cast<GEnumClass *>(g_type_class_ref(type));
  const GEnumValue *value = g_enum_get_value_by_nick(klass, nick.c_str());
  const int number = value ? value->value : 0;
  g_type_class_unref(klass);
  return number;
}

std::vector<std::string> words_of(GType type) {
  const auto klass = static_cast<GEnumClass *>(g_type_class_ref(type));
  std::vector<std::string> words;
  for (guint i = 0; i < klass->n_values; ++i)
    words.emplace_back(klass->values[i].value_nick);
  g_type_class_unref(klass);
  return words;
}

std::string alternatives(GType type) {
  const std::vector<std::string> words = words_of(type);
  std::string text = words.front() + " (default)";
  for (std::size_t i = 1; i < words.size(); ++i)
    text += (i + 1 < words.size() ? ", " : " or ") + words[i];
  return text;
}

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

bool WireFormat::tells_server_frames() const {
  return !server_trailer.empty() ||
         enum_of(GST_TYPE_E2EE_SCHEME, scheme) == GST_E2EE_SCHEME_REALTIMEKIT;
}

}  // namespace recorder
