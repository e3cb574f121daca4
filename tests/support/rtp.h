/* SPDX-License-Identifier: LGPL-2.1-or-later */
// What tests of payloader and depayloader share: elements in a row, packets.
#pragma once

#include <gst/rtp/rtp.h>

#include "support/element.h"

namespace e2ee::test {

constexpr GstClockTime kFrameTime = 20 * GST_MSECOND;

/// Noise with a time and a key or delta flag.
Buffer make_frame(gsize size, bool keyframe, unsigned index = 0);
Buffer at_time(Buffer buffer, unsigned index);
bool is_delta(GstBuffer *buffer);
bool has_flag(GstBuffer *buffer, GstBufferFlags flag);

/// One element between two test pads that need not know of keys.
class Stage {
 public:
  explicit Stage(const char *factory, const Provider &provider = nullptr);
  ~Stage() { gst_harness_teardown(harness_); }
  Stage(const Stage &) = delete;
  Stage &operator=(const Stage &) = delete;

  GstHarness *harness() { return harness_; }
  GstElement *element() { return harness_->element; }
  void set_caps(const char *caps) { gst_harness_set_src_caps_str(harness_, caps); }
  /// Unless they are what it has already.
  void set_caps(Caps caps);

  GstFlowReturn try_push(GstBuffer *buffer) {
    return gst_harness_push(harness_, gst_buffer_ref(buffer));
  }
  std::vector<Buffer> push(GstBuffer *buffer);
  std::vector<Buffer> pull();
  /// Those that went upstream, or downstream, since the last call.
  std::vector<std::string> upstream_events();
  std::vector<std::string> events();
  Caps out_caps() { return Caps(gst_pad_get_current_caps(harness_->sinkpad)); }

 private:
  GstHarness *harness_;
  Caps caps_;
};

/// What goes into the first leaves the last; caps go along.
class Row {
 public:
  explicit Row(std::vector<Stage *> stages) : stages_(std::move(stages)) {}
  std::vector<Buffer> push(GstBuffer *buffer);
  std::vector<Buffer> push(const std::vector<Buffer> &buffers);
  void set_caps(const Caps &caps) { stages_[0]->set_caps(Caps(gst_caps_ref(caps.get()))); }
  Caps out_caps() { return stages_.back()->out_caps(); }

 private:
  std::vector<Stage *> stages_;
};

/// rtpe2eepay with a first picture id that shows byte order and width.
class Payloader : public Stage {
 public:
  explicit Payloader(const char *caps, const char *mode = "15-bit", int offset = 0x1234,
                     guint mtu = 1200);
};

/// rtpe2eedepay for packets of this encoding name.
class Depayloader : public Stage {
 public:
  explicit Depayloader(const char *encoding_name);
};

struct Packet {
  Bytes payload;
  bool marker = false;
  guint16 seq = 0;
};
Packet parse(GstBuffer *buffer);
Bytes descriptor_of(GstBuffer *buffer, gsize size);

/// A packet of VP8 or VP9 with this payload.
Buffer make_packet(const Bytes &payload, guint16 seq, guint32 rtp_time, bool marker);
Buffer renumbered(Buffer packet, guint16 seq, bool marker);

std::string field_of(const Caps &caps, const char *field);
std::string text_of(const Caps &caps);

/// Which temporal layer each frame of a period belongs to, and which references it leaves alone.
struct TemporalLayers {
  std::vector<int> ids;  // of the frames
  std::vector<int> decimators;
  std::vector<int> bitrates;
  const char *flags;
  const char *syncs;
};
extern const TemporalLayers kTwoTemporalLayers;

/// Sets up `vp8enc` for them.
void set_temporal_layers(GstElement *encoder, const TemporalLayers &layers);
/// For encode().
inline void use_two_temporal_layers(GstElement *encoder) {
  set_temporal_layers(encoder, kTwoTemporalLayers);
}

}  // namespace e2ee::test
