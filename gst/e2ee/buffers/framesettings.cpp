/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "buffers/framesettings.h"

namespace e2ee {

namespace {

// A string property; an empty text is none.
std::string text_of(const GValue *value) {
  const gchar *text = g_value_get_string(value);
  return text != nullptr ? text : "";
}

void set_text(GValue *value, const std::string &text) {
  g_value_set_string(value, text.empty() ? nullptr : text.c_str());
}

std::optional<std::uint32_t> ssrc_of(const GValue *value) {
  const gint64 ssrc = g_value_get_int64(value);
  return ssrc < 0 ? std::nullopt : std::optional(static_cast<std::uint32_t>(ssrc));
}

}  // namespace

bool FrameSettings::set(guint id, const GValue *value) {
  switch (id) {
    case kScheme:
      options.scheme = static_cast<GstE2EEScheme>(g_value_get_enum(value));
      return true;
    case kParticipant:
      options.participant = text_of(value);
      return true;
    case kSframeSuite:
      options.sframe_suite = g_value_get_uint(value);
      return true;
    case kSframeKid:
      options.sframe_kid = g_value_get_uint64(value);
      if (options.sframe_kid == G_MAXUINT64)
        options.sframe_kid.reset();
      return true;
    case kSframeKidMap:
      options.plain_kids = g_value_get_enum(value) == GST_E2EE_SFRAME_KID_MAP_PLAIN;
      return true;
    case kSframeSsrc:
      options.ssrc = ssrc_of(value);
      return true;
    case kSframePerSsrc:
      options.per_ssrc = g_value_get_boolean(value);
      return true;
    case kSframeRatchetBits:
      options.ratchet_bits = g_value_get_uint(value);
      return true;
    case kNalFormat:
      nal_format = static_cast<GstE2EENalFormat>(g_value_get_enum(value));
      return true;
    case kClearHeader:
      options.clear_header = g_value_get_enum(value) == GST_E2EE_CLEAR_HEADER_SCHEME;
      return true;
    case kReplayWindow:
      replay_window = g_value_get_uint(value);
      return true;
    case kServerFrames:
      server_frames = static_cast<GstE2EEServerFrames>(g_value_get_enum(value));
      return true;
    case kServerTrailer:
      server_trailer = text_of(value);
      return true;
    default:
      return false;
  }
}

bool FrameSettings::get(guint id, GValue *value) const {
  switch (id) {
    case kScheme:
      g_value_set_enum(value, options.scheme);
      return true;
    case kParticipant:
      set_text(value, options.participant);
      return true;
    case kSframeSuite:
      g_value_set_uint(value, options.sframe_suite);
      return true;
    case kSframeKid:
      g_value_set_uint64(value, options.sframe_kid.value_or(G_MAXUINT64));
      return true;
    case kSframeKidMap:
      g_value_set_enum(value, options.plain_kids ? GST_E2EE_SFRAME_KID_MAP_PLAIN
                                                 : GST_E2EE_SFRAME_KID_MAP_PROFILE);
      return true;
    case kSframeSsrc:
      g_value_set_int64(value, options.ssrc ? gint64{*options.ssrc} : -1);
      return true;
    case kSframePerSsrc:
      g_value_set_boolean(value, options.per_ssrc);
      return true;
    case kSframeRatchetBits:
      g_value_set_uint(value, options.ratchet_bits);
      return true;
    case kNalFormat:
      g_value_set_enum(value, nal_format);
      return true;
    case kClearHeader:
      g_value_set_enum(
          value, options.clear_header ? GST_E2EE_CLEAR_HEADER_SCHEME : GST_E2EE_CLEAR_HEADER_NONE);
      return true;
    case kReplayWindow:
      g_value_set_uint(value, replay_window);
      return true;
    case kServerFrames:
      g_value_set_enum(value, server_frames);
      return true;
    case kServerTrailer:
      set_text(value, server_trailer);
      return true;
    default:
      return false;
  }
}

GParamSpec *scheme_property(GParamFlags flags) {
  return g_param_spec_enum("scheme", "Scheme",
                           "Wire format and key schedule; both ends must use the same",
                           GST_TYPE_E2EE_SCHEME, GST_E2EE_SCHEME_LIVEKIT, flags);
}

GParamSpec *participant_property(GParamFlags flags) {
  return g_param_spec_string("participant", "Participant",
                             "Identity whose key is used; unset: the shared key", nullptr, flags);
}

GParamSpec *sframe_suite_property(GParamFlags flags) {
  return g_param_spec_uint("sframe-suite", "SFrame cipher suite",
                           "Cipher suite of scheme sframe by its number in IANA's registry: 1 to 5 "
                           "of RFC 9605, 6 to 8 AES-256-CTR with HMAC-SHA-512; 3 and 8, with "
                           "32-bit tags, are refused for video",
                           1, 8, 4, flags);
}

GParamSpec *sframe_kid_property(GParamFlags flags) {
  return g_param_spec_uint64("sframe-kid", "SFrame key id",
                             "Scheme sframe: an explicit KID to encrypt with, for applications "
                             "that guarantee a base key which no other sender and no earlier "
                             "start used; default: drawn at random",
                             0, G_MAXUINT64, G_MAXUINT64, flags);
}

GParamSpec *sframe_kid_map_property(GParamFlags flags) {
  return g_param_spec_enum("sframe-kid-map", "SFrame key id map",
                           "Scheme sframe: what the KID of a frame to decrypt means. profile: 56 "
                           "random bits, key index and ratchet step, as e2eeencrypt draws it; "
                           "plain: the key id",
                           GST_TYPE_E2EE_SFRAME_KID_MAP, GST_E2EE_SFRAME_KID_MAP_PROFILE, flags);
}

GParamSpec *sframe_ssrc_property(GParamFlags flags) {
  return g_param_spec_int64("sframe-ssrc", "SFrame SSRC",
                            "Scheme sframe: the stream's SSRC, for a key of its own as SFrame over "
                            "RTP derives it; the payloader needs the same. -1: none, or when "
                            "decrypting with sframe-per-ssrc the one in the caps",
                            -1, G_MAXUINT32, -1, flags);
}

GParamSpec *sframe_per_ssrc_property(GParamFlags flags) {
  return g_param_spec_boolean("sframe-per-ssrc", "SFrame keys for each SSRC",
                              "Scheme sframe: derive a key for each SSRC, as sframe-ssrc does by "
                              "itself. To encrypt needs sframe-ssrc",
                              FALSE, flags);
}

GParamSpec *sframe_ratchet_bits_property(GParamFlags flags) {
  return g_param_spec_uint("sframe-ratchet-bits", "SFrame ratchet bits",
                           "Scheme sframe: the KID is the key id, then so many bits of the ratchet "
                           "step: 3 to 32. 0: the KID is as sframe-kid and sframe-kid-map say",
                           0, 32, 0, flags);
}

GParamSpec *nal_format_property(GParamFlags flags) {
  return g_param_spec_enum("nal-format", "NAL format",
                           "SFrame over RTP: how the encrypted frames of H.264 and H.265 separate "
                           "their NAL units; both ends must use the same",
                           GST_TYPE_E2EE_NAL_FORMAT, GST_E2EE_NAL_FORMAT_BYTE_STREAM, flags);
}

GParamSpec *clear_header_property(GParamFlags flags) {
  return g_param_spec_enum("clear-header", "Clear header",
                           "Scheme sframe: whether VP8 keeps its header readable in front of the "
                           "frame, which browsers and media servers need; none makes pure RFC "
                           "9605 frames",
                           GST_TYPE_E2EE_CLEAR_HEADER, GST_E2EE_CLEAR_HEADER_SCHEME, flags);
}

GParamSpec *replay_window_property(GParamFlags flags) {
  return g_param_spec_uint("replay-window", "Replay window",
                           "Refuse frames whose IV was among this many accepted last under their "
                           "key, which finds duplicates, not recordings played again; with scheme "
                           "sframe also those whose counter is this far behind. 0: off",
                           0, 4096, 0, flags);
}

GParamSpec *server_frames_property(GParamFlags flags) {
  return g_param_spec_enum("server-frames", "Server frames",
                           "What to do with frames that the media server makes in the clear, told "
                           "by server-trailer: drop, known (pass the published fillers only), pass",
                           GST_TYPE_E2EE_SERVER_FRAMES, GST_E2EE_SERVER_FRAMES_DROP, flags);
}

GParamSpec *server_trailer_property(GParamFlags flags) {
  return g_param_spec_string("server-trailer", "Server trailer",
                             "Trailer of such frames as the server announced it: hex digits, at "
                             "least 7 bytes; unset: the one that all servers of the scheme use, "
                             "which realtimekit has",
                             nullptr, flags);
}

GParamSpec *key_provider_property(GParamFlags flags) {
  return g_param_spec_object("key-provider", "Key provider",
                             "Where keys come from: a GstE2EEKeyProvider",
                             GST_TYPE_E2EE_KEY_PROVIDER, flags);
}

GParamSpec *stats_property(GParamFlags flags) {
  return g_param_spec_boxed("stats", "Statistics",
                            "Frames and bytes so far, drops by reason, and id, generation, "
                            "fingerprint and AES back end of the key in use",
                            GST_TYPE_STRUCTURE, flags);
}

}  // namespace e2ee
