/* SPDX-License-Identifier: LGPL-2.1-or-later */
// What users set of how frames are encrypted and decrypted: properties that the elements and
// GstE2EEFrameCryptor have in common.
#pragma once

#include <gst/gst.h>

#include <string>

#include "framecryptor.h"

namespace e2ee {

/// Ids of these properties; further ones of a class start with kFurtherProperties.
enum FrameProperty : guint {
  kScheme = 1,
  kParticipant,
  kSframeSuite,
  kSframeKid,
  kSframeKidMap,
  kSframeSsrc,
  kSframePerSsrc,
  kSframeRatchetBits,
  kNalFormat,
  kClearHeader,
  kReplayWindow,
  kServerFrames,
  kServerTrailer,
  kFurtherProperties,
};

struct FrameSettings {
  CryptorOptions options;
  GstE2EENalFormat nal_format = GST_E2EE_NAL_FORMAT_BYTE_STREAM;
  guint replay_window = 0;
  GstE2EEServerFrames server_frames = GST_E2EE_SERVER_FRAMES_DROP;
  std::string server_trailer;  // hex; empty: the scheme's

  /// False when `id` is none of FrameProperty.
  bool set(guint id, const GValue *value);
  bool get(guint id, GValue *value) const;
};

GParamSpec *scheme_property(GParamFlags flags);
GParamSpec *participant_property(GParamFlags flags);
GParamSpec *sframe_suite_property(GParamFlags flags);
GParamSpec *sframe_kid_property(GParamFlags flags);
GParamSpec *sframe_kid_map_property(GParamFlags flags);
GParamSpec *sframe_ssrc_property(GParamFlags flags);
GParamSpec *sframe_per_ssrc_property(GParamFlags flags);
GParamSpec *sframe_ratchet_bits_property(GParamFlags flags);
GParamSpec *nal_format_property(GParamFlags flags);
GParamSpec *clear_header_property(GParamFlags flags);
GParamSpec *replay_window_property(GParamFlags flags);
GParamSpec *server_frames_property(GParamFlags flags);
GParamSpec *server_trailer_property(GParamFlags flags);

// Of others that have the same text everywhere.
GParamSpec *key_provider_property(GParamFlags flags);
GParamSpec *stats_property(GParamFlags flags);

}  // namespace e2ee
