/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Parameter sets of H.264 and H.265 that do not come in the key frames which need them.
#pragma once

#include <gst/gst.h>

#include <vector>

#include "core/nal.h"
#include "decoderconfig.h"

namespace e2ee {

/// Knows the parameter sets of a stream and puts them into key frames that lack them: receivers of
/// encrypted frames get no others. Such parameter sets come in codec_data or in buffers of their
/// own. All frames are byte streams. For one thread.
class ParameterSets {
 public:
  /// Another stream or codec: forgets everything but `units`, which its codec_data has. A null
  /// `rule`: of a codec without NAL units; frames stay as they are.
  void start(const NalRule *rule, std::vector<NalBytes> units);

  /// Keeps what a buffer without a picture has: parameter sets, and SEI messages for the next
  /// frame. False, and nothing is kept, for anything else and for too many bytes.
  bool keep(GstBuffer *buffer);

  /// Takes note of the parameter sets of a frame, if any came in another way before: its own are
  /// newer. An encoder that puts all into its frames knows which need them.
  void learn(GstBuffer *frame);

  /// Puts the parameter sets that are missing into a key frame, and into any frame what was kept
  /// for it. False when there is no memory.
  bool complete(GstBuffer *&frame);

  /// Frames are lost on purpose: what was kept for the next one goes, the parameter sets stay.
  void flush();

 private:
  // What the buffers since the last frame had for the next one.
  struct Waiting {
    std::vector<NalBytes> sets;
    std::vector<NalBytes> messages;
    GstClockTime pts = GST_CLOCK_TIME_NONE;
    GstClockTime dts = GST_CLOCK_TIME_NONE;
    GstClockTime duration = GST_CLOCK_TIME_NONE;
    bool discont = false;
  };

  std::uint8_t type_of(std::uint8_t first_byte) const { return first_byte & rule_->type_mask; }
  void take(std::vector<NalBytes> newer);
  void end_waiting(GstBuffer *&frame);
  std::vector<NalBytes> missing_in(ByteView frame) const;
  std::vector<std::uint8_t> with_units(ByteView frame, const std::vector<NalBytes> &sets) const;

  const NalRule *rule_ = nullptr;
  std::vector<NalBytes> known_;  // in the order of their types: VPS, SPS, PPS
  Waiting waiting_;
  bool waits_ = false;  // there is something in it
};

}  // namespace e2ee
