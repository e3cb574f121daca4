/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gst/e2ee/e2ee-enums.h>

#include <vector>

#include "core/scheme.h"

// The name of a value describes it, as GStreamer's elements have it: gst-inspect-1.0 shows it
// beside the nick. glib-mkenums would write the C name there.

GType gst_e2ee_scheme_get_type() {
  static const auto *const values = [] {
    auto *all = new std::vector<GEnumValue>;
    for (const e2ee::Scheme *scheme : e2ee::schemes())
      all->push_back({static_cast<gint>(all->size()), scheme->description, scheme->name});
    all->push_back({});
    return all;
  }();
  static const GType type = g_enum_register_static("GstE2EEScheme", values->data());
  return type;
}

GType gst_e2ee_kdf_get_type() {
  static const GEnumValue values[] = {
      {GST_E2EE_KDF_AUTO, "PBKDF2 for passphrases, HKDF for raw bytes", "auto"},
      {GST_E2EE_KDF_PBKDF2, "PBKDF2-HMAC-SHA256", "pbkdf2"},
      {GST_E2EE_KDF_HKDF, "HKDF-SHA256", "hkdf"},
      {}};
  static const GType type = g_enum_register_static("GstE2EEKdf", values);
  return type;
}

GType gst_e2ee_sframe_kid_map_get_type() {
  static const GEnumValue values[] = {
      {GST_E2EE_SFRAME_KID_MAP_PROFILE, "56 random bits, key index, ratchet step", "profile"},
      {GST_E2EE_SFRAME_KID_MAP_PLAIN, "The KID is the key id", "plain"},
      {}};
  static const GType type = g_enum_register_static("GstE2EESFrameKidMap", values);
  return type;
}

GType gst_e2ee_clear_header_get_type() {
  static const GEnumValue values[] = {
      {GST_E2EE_CLEAR_HEADER_SCHEME, "What the scheme leaves readable", "scheme"},
      {GST_E2EE_CLEAR_HEADER_NONE, "Nothing is readable: pure RFC 9605 frames", "none"},
      {}};
  static const GType type = g_enum_register_static("GstE2EEClearHeader", values);
  return type;
}

GType gst_e2ee_nal_format_get_type() {
  static const GEnumValue values[] = {
      {GST_E2EE_NAL_FORMAT_BYTE_STREAM, "Start codes, Annex B", "byte-stream"},
      {GST_E2EE_NAL_FORMAT_LENGTH4, "Lengths of four bytes", "length4"},
      {}};
  static const GType type = g_enum_register_static("GstE2EENalFormat", values);
  return type;
}

GType gst_e2ee_server_frames_get_type() {
  static const GEnumValue values[] = {
      {GST_E2EE_SERVER_FRAMES_DROP, "Drop them", "drop"},
      {GST_E2EE_SERVER_FRAMES_KNOWN, "Pass the published filler payloads only", "known"},
      {GST_E2EE_SERVER_FRAMES_PASS, "Pass all that end with the server's trailer", "pass"},
      {}};
  static const GType type = g_enum_register_static("GstE2EEServerFrames", values);
  return type;
}

GType gst_e2ee_error_get_type() {
  static const GEnumValue values[] = {
      {GST_E2EE_ERROR_INVALID_KEY, "The key is empty or too short", "invalid-key"},
      {GST_E2EE_ERROR_INVALID_INDEX, "The key index is outside the key ring", "invalid-index"},
      {GST_E2EE_ERROR_INVALID_OPTION, "The option is unknown or unsuitable", "invalid-option"},
      {GST_E2EE_ERROR_NOT_FOUND, "No such participant, key or provider kind", "not-found"},
      {GST_E2EE_ERROR_IO, "The file or descriptor cannot be read", "io"},
      {GST_E2EE_ERROR_PARSE, "The text or file is malformed", "parse"},
      {GST_E2EE_ERROR_CRYPTO, "Cipher, derivation or random generator failed", "crypto"},
      {GST_E2EE_ERROR_LIMIT, "More of something than is allowed", "limit"},
      {GST_E2EE_ERROR_MISSING_KEY, "There is no key for the frame or message now", "missing-key"},
      {GST_E2EE_ERROR_AUTH, "The frame or message does not verify", "auth"},
      {GST_E2EE_ERROR_MALFORMED, "No frame of the scheme and codec, or no message", "malformed"},
      {GST_E2EE_ERROR_REPLAYED, "The frame was accepted before", "replayed"},
      {GST_E2EE_ERROR_UNSUPPORTED, "The scheme does not carry such frames", "unsupported"},
      {}};
  static const GType type = g_enum_register_static("GstE2EEError", values);
  return type;
}

GQuark gst_e2ee_error_quark() {
  return g_quark_from_static_string("gst-e2ee-error-quark");
}
