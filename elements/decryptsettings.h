/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/e2ee/e2ee.h>
#include <gst/gst.h>

#include <string>

namespace e2ee {

/// What can be set on e2eedecrypt beside what it shares with e2eeencrypt.
struct DecryptSettings {
  static constexpr guint kDefaultKeyWaitBytes = 8 * 1024 * 1024;

  GstE2EESFrameKidMap kid_map = GST_E2EE_SFRAME_KID_MAP_PROFILE;
  guint replay_window = 0;
  GstE2EEServerFrames server_frames = GST_E2EE_SERVER_FRAMES_DROP;
  std::string server_trailer_hex;
  GstClockTime key_wait = 0;
  guint key_wait_bytes = kDefaultKeyWaitBytes;
  bool allow_plaintext = false;

  static void install(GObjectClass *klass);
  /// False for an unknown one.
  bool set(guint id, const GValue *value);
  bool get(guint id, GValue *value) const;
  /// Whether a frame cryptor that was opened before has to be opened anew.
  static bool is_cryptors(guint id);
};

}  // namespace e2ee
