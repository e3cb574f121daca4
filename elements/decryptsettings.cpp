/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "decryptsettings.h"

namespace e2ee {

namespace {

enum : guint {
  PROP_0,
  PROP_SFRAME_KID_MAP,
  PROP_REPLAY_WINDOW,
  PROP_SERVER_FRAMES,
  PROP_SERVER_TRAILER,
  PROP_KEY_WAIT,
  PROP_KEY_WAIT_BYTES,
  PROP_ALLOW_PLAINTEXT,
  N_PROPERTIES,
};

constexpr guint kMaxReplayWindow = 4096;

}  // namespace

bool DecryptSettings::is_cryptors(guint id) {
  return id == PROP_SFRAME_KID_MAP || id == PROP_ALLOW_PLAINTEXT;
}

bool DecryptSettings::set(guint id, const GValue *value) {
  const gchar *text;
  switch (id) {
    case PROP_SFRAME_KID_MAP:
      kid_map = static_cast<GstE2EESFrameKidMap>(g_value_get_enum(value));
      break;
    case PROP_REPLAY_WINDOW:
      replay_window = g_value_get_uint(value);
      break;
    case PROP_SERVER_FRAMES:
      server_frames = static_cast<GstE2EEServerFrames>(g_value_get_enum(value));
      break;
    case PROP_SERVER_TRAILER:
      text = g_value_get_string(value);
      server_trailer_hex = text != nullptr ? text : "";
      break;
    case PROP_KEY_WAIT:
      key_wait = g_value_get_uint64(value);
      break;
    case PROP_KEY_WAIT_BYTES:
      key_wait_bytes = g_value_get_uint(value);
      break;
    case PROP_ALLOW_PLAINTEXT:
      allow_plaintext = g_value_get_boolean(value);
      break;
    default:
      return false;
  }
  return true;
}

bool DecryptSettings::get(guint id, GValue *value) const {
  switch (id) {
    case PROP_SFRAME_KID_MAP:
      g_value_set_enum(value, kid_map);
      break;
    case PROP_REPLAY_WINDOW:
      g_value_set_uint(value, replay_window);
      break;
    case PROP_SERVER_FRAMES:
      g_value_set_enum(value, server_frames);
      break;
    case PROP_SERVER_TRAILER:
      g_value_set_string(value, server_trailer_hex.empty() ? nullptr : server_trailer_hex.c_str());
      break;
    case PROP_KEY_WAIT:
      g_value_set_uint64(value, key_wait);
      break;
    case PROP_KEY_WAIT_BYTES:
      g_value_set_uint(value, key_wait_bytes);
      break;
    case PROP_ALLOW_PLAINTEXT:
      g_value_set_boolean(value, allow_plaintext);
      break;
    default:
      return false;
  }
  return true;
}

void DecryptSettings::install(GObjectClass *klass) {
  const auto flags = static_cast<GParamFlags>(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
                                              GST_PARAM_MUTABLE_READY);
  static GParamSpec *properties[N_PROPERTIES];
  /**
   * GstE2EEDecrypt:sframe-kid-map:
   *
   * What the key id of an SFrame frame means. Can be set in NULL or READY.
   *
   * Since: 0.1
   */
  properties[PROP_SFRAME_KID_MAP] =
      g_param_spec_enum("sframe-kid-map", "SFrame key id map",
                        "Scheme sframe: what a KID means. profile: 56 random bits, key index and "
                        "ratchet step, as e2eeencrypt draws it; plain: the key id. Set in NULL or "
                        "READY",
                        GST_TYPE_E2EE_SFRAME_KID_MAP, GST_E2EE_SFRAME_KID_MAP_PROFILE, flags);
  /**
   * GstE2EEDecrypt:replay-window:
   *
   * Drops frames whose IV was among this many accepted last under their key; with scheme `sframe`
   * also those whose counter is this far behind. It finds duplicates, not recordings that are
   * played again. The element remembers for its life, over READY and NULL; a flush makes it forget.
   * 0, the default, is off. Can be set in NULL or READY.
   *
   * Since: 0.1
   */
  properties[PROP_REPLAY_WINDOW] =
      g_param_spec_uint("replay-window", "Replay window",
                        "Drop frames whose IV was among this many accepted last under their key, "
                        "which finds duplicates, not recordings played again; with scheme sframe "
                        "also those whose counter is this far behind. Remembered for the element's "
                        "life, forgotten after a flush. 0: off. Set in NULL or READY",
                        0, kMaxReplayWindow, 0, flags);
  /**
   * GstE2EEDecrypt:server-frames:
   *
   * What to do with frames that the media server injects in the clear, told by
   * #GstE2EEDecrypt:server-trailer. Can be set in NULL or READY.
   *
   * Since: 0.1
   */
  properties[PROP_SERVER_FRAMES] =
      g_param_spec_enum("server-frames", "Server frames",
                        "What to do with frames that the media server injects in the clear, told "
                        "by server-trailer: drop, known (pass the published fillers only), pass. "
                        "Set in NULL or READY",
                        GST_TYPE_E2EE_SERVER_FRAMES, GST_E2EE_SERVER_FRAMES_DROP, flags);
  /**
   * GstE2EEDecrypt:server-trailer:
   *
   * Trailer of injected frames as the server announced it: hex digits, at least 7 bytes. %NULL, the
   * default, is the one that all servers of the scheme use, which RealtimeKit has. Can be set in
   * NULL or READY.
   *
   * Since: 0.1
   */
  properties[PROP_SERVER_TRAILER] =
      g_param_spec_string("server-trailer", "Server trailer",
                          "Trailer of injected frames as the server announced it: hex digits, at "
                          "least 7 bytes; unset: the one that all servers of the scheme use, which "
                          "realtimekit has. Set in NULL or READY",
                          nullptr, flags);
  /**
   * GstE2EEDecrypt:key-wait:
   *
   * Nanoseconds to hold frames whose key is late before they are dropped; 0, the default, drops
   * them at once. Can be set in NULL or READY.
   *
   * Since: 0.1
   */
  properties[PROP_KEY_WAIT] =
      g_param_spec_uint64("key-wait", "Key wait",
                          "Nanoseconds to hold frames whose key is late before dropping them; 0: "
                          "drop at once. Set in NULL or READY",
                          0, G_MAXUINT64, 0, flags);
  /**
   * GstE2EEDecrypt:key-wait-bytes:
   *
   * Most bytes of memory that #GstE2EEDecrypt:key-wait holds, 1 KiB for each frame included; beyond
   * that the oldest frames go first. Can be set in NULL or READY.
   *
   * Since: 0.1
   */
  properties[PROP_KEY_WAIT_BYTES] =
      g_param_spec_uint("key-wait-bytes", "Key wait bytes",
                        "Most memory to hold with key-wait, 1 KiB for each frame included; beyond "
                        "that the oldest frames go first. Set in NULL or READY",
                        0, G_MAXUINT, kDefaultKeyWaitBytes, flags);
  /**
   * GstE2EEDecrypt:allow-plaintext:
   *
   * Passes frames in the clear until this participant has a key or a frame verified, marked with
   * #GstE2EEUnprotectedMeta. Not with scheme `sframe`, whose frames cannot be told from others. Can
   * be set in NULL or READY.
   *
   * Since: 0.1
   */
  properties[PROP_ALLOW_PLAINTEXT] =
      g_param_spec_boolean("allow-plaintext", "Allow plaintext",
                           "Pass frames in the clear until this participant has a key or a frame "
                           "verified; marked and counted. Not with scheme sframe, whose frames "
                           "cannot be told from others. Set in NULL or READY",
                           FALSE, flags);
  g_object_class_install_properties(klass, N_PROPERTIES, properties);
}

}  // namespace e2ee
