/* SPDX-License-Identifier: LGPL-2.1-or-later */
// A wire format with its key schedule. One file a scheme, one line in the table of scheme.cpp.
#pragma once

#include "core/codec.h"
#include "core/key.h"
#include "core/reason.h"

namespace e2ee {

class SealState;
class OpenStates;

/// Values of GstE2EEScheme.
enum class SchemeId : std::uint8_t { livekit, realtimekit, jitsi, sframe };

/// How many bytes of a frame stay in the clear.
struct ClearRule {
  CodecId codec;
  std::uint8_t key;
  std::uint8_t delta;  // also audio
  std::size_t length(FrameType type) const { return type == FrameType::key ? key : delta; }
};

struct SealRequest {
  const CodecRule &codec;
  ClearRule clear;
  FrameType type;
  ByteView frame;
};

struct OpenRequest {
  const CodecRule &codec;
  ClearRule clear;
  ByteView frame;
};

struct Opened {
  std::size_t size = 0;      // of the plaintext
  KeyRef key;                // that verified, or would have been used
  std::uint64_t key_id = 0;  // that the frame names
};

struct Scheme {
  SchemeId id;
  const char *name;
  std::span<const ClearRule> clear_rules;  // a codec without a rule is refused
  std::size_t overhead;                    // bytes a frame grows by, at most
  unsigned max_keyring;                    // key ids are below this

  /// Fills key.secret and key.next from material bytes of either a first or a later generation.
  bool (*derive)(const Material &material, ByteView bytes, Key &key);

  /// Encrypts into `out`, which has room for frame and overhead and is the frame's own memory or
  /// does not overlap it.
  Reason (*seal)(SealState &state, const SealRequest &request, ByteSpan out, std::size_t &written);

  /// Decrypts into `out`, as long as the frame; its own memory or one that does not overlap. On
  /// failure nothing decrypted is left in `out`.
  Reason (*open)(OpenStates &states, const KeyRing &ring, const OpenRequest &request, ByteSpan out,
                 Opened &opened);

  /// Whether a frame is laid out like an encrypted one.
  bool (*recognises)(ByteView frame);

  const ClearRule *rule_for(CodecId codec) const;
};

/// Null for a scheme that this build does not have.
const Scheme *scheme_for(SchemeId id);

}  // namespace e2ee
