/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Parameter sets of H.264 and H.265 that do not come in the key frames which need them.
#pragma once

#include <gst/gst.h>

#include <optional>
#include <vector>

#include "buffers/decoderconfig.h"
#include "core/nal.h"

namespace e2ee {

/// Knows the parameter sets of a stream and puts them into key frames that lack them: receivers of
/// encrypted frames get no others. Such parameter sets come in codec_data or in buffers of their
/// own. All frames are byte streams. For one thread.
class ParameterSets {
 public:
  /// Another stream or codec: forgets everything but `units`, which its codec_data has. A null
  /// `rule`: of a codec without NAL units; frames stay as they are.
  void start(const NalRule *rule, const std::vector<NalBytes> &units);

  /// Keeps what a buffer without a picture has: parameter sets, and SEI messages and the time of
  /// the next frame. Delimiters and filler go. False, and nothing is kept, for anything else and
  /// for too many bytes.
  bool keep(GstBuffer *buffer);

  /// Takes note of the parameter sets of a frame, which are newer than those known. Does nothing
  /// while none are known: an encoder that puts all into its frames repeats them where needed.
  void learn(GstBuffer *frame);

  /// Whether learn() begins with the first frame: for receivers that have key frames alone, and
  /// encoders that put parameter sets into the first one.
  void learn_all(bool all) { learns_all_ = all; }

  /// Puts the parameter sets that are missing into a key frame, and into any frame what was kept
  /// for it. False when there is no memory.
  bool complete(GstBuffer *&frame);

  /// Frames are lost on purpose: what was kept for the next one goes, the parameter sets stay.
  void flush();

 private:
  struct Unit {
    NalBytes bytes;
    std::uint8_t type = 0;
    std::optional<unsigned> id;

    // Whether this one takes the place of the other: of one with its id, or of the same bytes.
    bool replaces(const Unit &other) const {
      return type == other.type && (id && other.id ? id == other.id : bytes == other.bytes);
    }
  };
  using Units = std::vector<Unit>;

  // What the buffers since the last frame had for the next one.
  struct Waiting {
    Units sets;
    Units messages;
    GstClockTime pts = GST_CLOCK_TIME_NONE;
    GstClockTime dts = GST_CLOCK_TIME_NONE;
    GstClockTime duration = GST_CLOCK_TIME_NONE;
    bool discont = false;
  };

  std::uint8_t type_of(std::uint8_t first_byte) const { return first_byte & rule_->type_mask; }
  Unit unit_of(ByteView unit) const;
  static std::size_t size_of(const Units &units);
  static void put(Units &sets, Unit set);  // in place of one that it replaces
  static bool fit(const Units &sets, const Units &messages = {});
  void take(Units newer);
  void end_waiting(GstBuffer *&frame);
  Units missing_in(ByteView frame) const;
  std::vector<std::uint8_t> with_units(ByteView frame, const Units &sets) const;

  const NalRule *rule_ = nullptr;
  Units known_;  // in the order of their types: VPS, SPS, PPS; the newer ones of a type last
  Waiting waiting_;
  bool waits_ = false;  // there is something in it
  bool learns_all_ = false;
};

}  // namespace e2ee
