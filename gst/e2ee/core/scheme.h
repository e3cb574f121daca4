/* SPDX-License-Identifier: LGPL-2.1-or-later */
// A wire format with its key schedule. One file a scheme, one row in the table of scheme.cpp, one
// value of GstE2EEScheme.
#pragma once

#include "core/codec.h"
#include "core/key.h"
#include "core/reason.h"

namespace e2ee {

struct SframeSuite;

/// How many bytes of a frame stay in the clear.
struct ClearRule {
  CodecId codec;
  std::uint8_t key;
  std::uint8_t delta;  // and where all are alike
  // Peers take the type from their encoder, which knows more of layers than a frame's header says:
  // when the tag does not verify with one length, the other is tried.
  bool try_both = false;
  std::size_t length(FrameType type) const { return type == FrameType::key ? key : delta; }
};

struct DeriveRequest {
  const Scheme &scheme;
  const Material &material;
  ByteView bytes;  // of this generation
  bool ratcheted;  // they are not what was given, but what a ratchet made of that
};

/// How encrypted frames are laid out, see layout.h.
enum class Layout : std::uint8_t { trailer, sframe };

struct Scheme {
  const char *name;                           // the nick of its GstE2EEScheme
  const char *description;                    // of that value, for people
  std::span<const ClearRule> clear_rules;     // a codec without a rule is refused
  std::span<const ClearRule> rtp_rules = {};  // of SFrame over RTP
  const char *carries;                        // what to use instead then, for people
  std::size_t overhead;                       // bytes a frame grows by, at most
  std::size_t headroom = 0;                   // of these, in front of the frame
  std::uint64_t max_key_id;
  unsigned max_window = 64;  // ratchet steps that a receiver can look ahead
  unsigned ring_size = 0;    // of all peers; 0: they can choose
  unsigned key_bits = 0;     // likewise
  Layout layout = Layout::trailer;
  ByteView server_trailer =
      {};  // of frames that servers send in the clear; empty: they announce it
  const SframeSuite *suite = nullptr;
  // Of SFrame. The KID's lowest bits are the ratchet step; key ids are masked by max_key_id.
  unsigned step_bits = 0;    // none: nothing names the step
  bool drawn_kids = false;   // the encryptor draws what the KID has above the key id
  bool per_ssrc = false;     // each SSRC has keys of its own
  bool clear_header = true;  // VP8 keeps its header readable

  /// Why it cannot use a material, for people; null when it can. May be null itself.
  const char *(*refuses)(const Material &material) = nullptr;

  /// Fills key.secret and key.next.
  bool (*derive)(const DeriveRequest &request, Key &key);

  /// Whether a frame is laid out like an encrypted one. With SFrame any bytes may be one.
  bool recognises(ByteView frame) const;

  const ClearRule *rule_for(const CodecRule &codec) const;

  /// Of SFrame: the key id that a KID holds.
  std::uint64_t key_id_of(std::uint64_t kid) const { return kid >> step_bits & max_key_id; }

  /// Whether both derive the same keys from the same material.
  bool same_keys(const Scheme &other) const {
    return std::string_view(name) == other.name && suite == other.suite &&
           per_ssrc == other.per_ssrc;
  }

  /// Why a material cannot be used, for people; empty when it can.
  std::string why_refused(const Material &material) const;
};

/// What of a scheme can be chosen. Others than SFrame leave nothing open.
struct SchemeOptions {
  unsigned sframe_suite = 4;
  bool plain_kids = false;
  bool clear_header = true;
  unsigned ratchet_bits = 0;  // of the KID; 0: as plain_kids says
  bool per_ssrc = false;
};

/// How many bits of a KID may be the ratchet step; fewer have no room for frames that come late.
inline constexpr unsigned kLeastRatchetBits = 3;
inline constexpr unsigned kMostRatchetBits = 32;

/// In the order of GstE2EEScheme; SFrame as it is by default.
std::span<const Scheme *const> schemes();

/// `id`: a value of GstE2EEScheme. The same object for the same choice; null for one that there is
/// not.
const Scheme *scheme_for(std::size_t id, const SchemeOptions &options = {});

}  // namespace e2ee
