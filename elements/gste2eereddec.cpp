/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * SECTION:element-e2eereddec
 * @title: e2eereddec
 * @short_description: takes decrypted Opus out of RED, with what was lost
 * @see_also: e2eedecrypt, rtpe2eedepay
 *
 * Browsers and mobile clients encrypt a payload of RED (RFC 2198) as if it was one frame of Opus:
 * whoever receives it finds the frame, and repetitions of those before it, only behind e2eedecrypt.
 * rtpreddec looks for them in front of it and cannot be used.
 *
 * A repetition is used where the frame itself did not come. GAP events wait for the next frame,
 * which may fill the gap. Opus without RED passes as it is: what comes is told by the field
 * `redundancy` of the caps, as rtpe2eedepay sets it.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 udpsrc port=5006
 * caps="application/x-rtp,media=audio,encoding-name=RED,clock-rate=48000,payload=63" !
 * rtpjitterbuffer do-lost=true ! rtpe2eedepay ! e2eedecrypt
 * key-provider="shared,passphrase-file=/run/secrets/meeting" ! e2eereddec ! opusdec !
 * autoaudiosink
 * ]| Plays encrypted Opus that comes with RED inside the encryption.
 *
 * Since: 0.1
 */
#include "gste2eereddec.h"

#include <algorithm>
#include <deque>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "core/opus.h"
#include "core/red.h"
#include "owned.h"
#include "pads.h"

namespace {

constexpr std::size_t kHeldGaps = 8;  // more than any sender's repetitions reach back
constexpr guint64 kRate = 48000;

GstClockTime time_of(guint64 samples) {
  return gst_util_uint64_scale(samples, GST_SECOND, kRate);
}

// A part of a payload: where it is in it, and when it plays.
struct Block {
  gsize offset, size;
  GstClockTime pts, duration;
};

// Up to where a stream has come.
class Place {
 public:
  void pass(const Block &block) {
    end_ = GST_CLOCK_TIME_IS_VALID(block.pts) ? block.pts + block.duration : GST_CLOCK_TIME_NONE;
    tolerance_ = block.duration / 2;  // jitter buffers shift times by less
  }
  bool is_before(const Block &block) const {
    return GST_CLOCK_TIME_IS_VALID(end_) && block.pts + tolerance_ >= end_;
  }
  bool is_right_before(const Block &block) const {
    return is_before(block) && block.pts <= end_ + tolerance_;
  }

 private:
  GstClockTime end_ = GST_CLOCK_TIME_NONE;
  GstClockTime tolerance_ = 0;
};

// Of the streaming thread.
struct RedDec {
  bool is_red = false;
  bool warned = false;
  Place place;
  std::deque<e2ee::EventPtr> gaps;

  void start_over() {
    gaps.clear();
    place = {};
  }
};

}  // namespace

struct _GstE2EERedDec {
  GstElement parent;
  GstPad *src;
  RedDec *dec;
};

G_DEFINE_TYPE(GstE2EERedDec, gst_e2ee_red_dec, GST_TYPE_ELEMENT)
GST_ELEMENT_REGISTER_DEFINE(e2eereddec, "e2eereddec", GST_RANK_NONE, GST_TYPE_E2EE_RED_DEC)

namespace {

// ---- Gaps

void push_gap(GstE2EERedDec *self) {
  gst_pad_push_event(self->src, self->dec->gaps.front().release());
  self->dec->gaps.pop_front();
}

void push_gaps(GstE2EERedDec *self) {
  while (!self->dec->gaps.empty())
    push_gap(self);
}

// Those that what plays from `begin` on does not fill.
void push_gaps_before(GstE2EERedDec *self, const Block &first) {
  for (auto &gaps = self->dec->gaps; !gaps.empty();) {
    GstClockTime begin = GST_CLOCK_TIME_NONE;
    gst_event_parse_gap(gaps.front().get(), &begin, nullptr);
    if (begin + first.duration / 2 < first.pts)
      push_gap(self);
    else
      gaps.pop_front();
  }
}

void hold_gap(GstE2EERedDec *self, GstEvent *gap) {
  self->dec->gaps.emplace_back(gap);
  if (self->dec->gaps.size() > kHeldGaps)
    push_gap(self);
}

// ---- Frames

// A repetition's own place in time; nothing where it is of another codec or from before the stream.
std::optional<Block> repetition(const e2ee::RedBlock &block, unsigned payload_type, gsize offset,
                                GstClockTime pts) {
  const unsigned samples = e2ee::opus_samples(block.bytes);
  const GstClockTime age = time_of(block.age);
  if (block.payload_type != payload_type || samples == 0 || age == 0 || age > pts)
    return std::nullopt;
  return Block{offset, block.bytes.size(), pts - age, time_of(samples)};
}

// All that can be used of a payload, by time; the newest frame is the last.
std::vector<Block> usable_of(const std::vector<e2ee::RedBlock> &blocks, e2ee::ByteView payload,
                             GstClockTime pts) {
  std::vector<Block> usable;
  const e2ee::RedBlock &newest = blocks.back();
  for (const e2ee::RedBlock &block : blocks) {
    const auto offset = static_cast<gsize>(block.bytes.data() - payload.data());
    if (&block == &newest)
      usable.push_back({offset, block.bytes.size(), pts, time_of(e2ee::opus_samples(block.bytes))});
    else if (GST_CLOCK_TIME_IS_VALID(pts))
      if (const auto old = repetition(block, newest.payload_type, offset, pts))
        usable.push_back(*old);
  }
  std::ranges::stable_sort(usable, {}, &Block::pts);
  return usable;
}

// Of these what leaves: what did not come before, and the newest frame in any case.
std::vector<Block> missing_of(Place place, const std::vector<Block> &usable) {
  std::vector<Block> missing;
  for (const Block &block : usable) {
    if (&block != &usable.back() && !place.is_before(block))
      continue;
    missing.push_back(block);
    place.pass(block);
  }
  return missing;
}

GstFlowReturn push_block(GstE2EERedDec *self, GstBuffer *payload, const Block &block,
                         bool discont) {
  GstBuffer *frame = gst_buffer_copy_region(payload, GST_BUFFER_COPY_ALL, block.offset, block.size);
  GST_BUFFER_PTS(frame) = block.pts;
  GST_BUFFER_DTS(frame) = GST_CLOCK_TIME_NONE;
  GST_BUFFER_DURATION(frame) = block.duration;
  if (discont)
    GST_BUFFER_FLAG_SET(frame, GST_BUFFER_FLAG_DISCONT);
  else
    GST_BUFFER_FLAG_UNSET(frame, GST_BUFFER_FLAG_DISCONT);
  self->dec->place.pass(block);
  return gst_pad_push(self->src, frame);
}

GstFlowReturn push_blocks(GstE2EERedDec *self, GstBuffer *payload,
                          const std::vector<Block> &blocks) {
  RedDec &dec = *self->dec;
  push_gaps_before(self, blocks.front());
  const bool filled = blocks.size() > 1 && dec.place.is_right_before(blocks.front());
  bool discont = GST_BUFFER_IS_DISCONT(payload) && !filled;
  for (const Block &block : blocks) {
    if (block.size == 0)
      continue;  // a payload may have nothing new
    const GstFlowReturn flow = push_block(self, payload, block, discont);
    if (flow != GST_FLOW_OK)
      return flow;
    discont = false;
  }
  return GST_FLOW_OK;
}

// Whoever encrypted it wrote it so: it was not changed on the way.
void warn_of(GstE2EERedDec *self) {
  if (!std::exchange(self->dec->warned, true))
    GST_ELEMENT_WARNING(self, STREAM, DECODE,
                        ("A decrypted frame is no RED (RFC 2198) and was dropped: the payload "
                         "type of the stream is not RED's, or its sender has another format"),
                        (nullptr));
}

std::vector<Block> take_apart(const RedDec &dec, GstBuffer *payload) {
  GstMapInfo map;
  if (!gst_buffer_map(payload, &map, GST_MAP_READ))
    return {};
  const e2ee::ByteView bytes(map.data, map.size);
  const auto blocks = e2ee::read_red(bytes);
  std::vector<Block> usable;
  if (blocks)
    usable = usable_of(*blocks, bytes, GST_BUFFER_PTS(payload));
  gst_buffer_unmap(payload, &map);
  return missing_of(dec.place, usable);
}

GstFlowReturn chain(GstPad *, GstObject *parent, GstBuffer *payload) {
  GstE2EERedDec *self = GST_E2EE_RED_DEC(parent);
  if (!self->dec->is_red || gst_buffer_get_size(payload) == 0) {
    push_gaps(self);
    return gst_pad_push(self->src, payload);
  }
  const std::vector<Block> blocks = take_apart(*self->dec, payload);
  GstFlowReturn flow = GST_FLOW_OK;
  if (blocks.empty())
    warn_of(self);
  else
    flow = push_blocks(self, payload, blocks);
  gst_buffer_unref(payload);
  return flow;
}

// ---- Events

// What comes is Opus for everyone behind this.
GstEvent *take_caps(RedDec &dec, GstEvent *event) {
  GstCaps *caps = nullptr;
  gst_event_parse_caps(event, &caps);
  const char *redundancy = gst_structure_get_string(gst_caps_get_structure(caps, 0), "redundancy");
  dec.is_red = redundancy != nullptr && std::string_view(redundancy) == "red";
  dec.start_over();
  caps = gst_caps_copy(caps);
  gst_structure_remove_field(gst_caps_get_structure(caps, 0), "redundancy");
  event = e2ee::with_caps(event, caps);
  gst_caps_unref(caps);
  return event;
}

gboolean sink_event(GstPad *pad, GstObject *parent, GstEvent *event) {
  GstE2EERedDec *self = GST_E2EE_RED_DEC(parent);
  const GstEventType type = GST_EVENT_TYPE(event);
  if (type == GST_EVENT_GAP && self->dec->is_red) {
    hold_gap(self, event);
    return TRUE;
  }
  if (type == GST_EVENT_FLUSH_STOP)
    self->dec->start_over();
  else if ((gst_event_type_get_flags(type) & GST_EVENT_TYPE_SERIALIZED) != 0)
    push_gaps(self);
  if (type == GST_EVENT_SEGMENT)
    self->dec->start_over();
  if (type == GST_EVENT_CAPS)
    return gst_pad_push_event(self->src, take_caps(*self->dec, event));
  return gst_pad_event_default(pad, parent, event);
}

GstStateChangeReturn change_state(GstElement *element, GstStateChange transition) {
  const GstStateChangeReturn result =
      GST_ELEMENT_CLASS(gst_e2ee_red_dec_parent_class)->change_state(element, transition);
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY)
    *GST_E2EE_RED_DEC(element)->dec = RedDec{};
  return result;
}

void finalize(GObject *object) {
  delete GST_E2EE_RED_DEC(object)->dec;
  G_OBJECT_CLASS(gst_e2ee_red_dec_parent_class)->finalize(object);
}

}  // namespace

static void gst_e2ee_red_dec_class_init(GstE2EERedDecClass *klass) {
  GstElementClass *element_class = GST_ELEMENT_CLASS(klass);
  G_OBJECT_CLASS(klass)->finalize = finalize;
  element_class->change_state = GST_DEBUG_FUNCPTR(change_state);
  e2ee::describe_element(element_class,
                         {"RED decoder behind decryption", "Codec/Parser/Audio",
                          "Takes Opus out of RED that was inside the encryption"},
                         gst_caps_new_empty_simple("audio/x-opus"),
                         gst_caps_new_empty_simple("audio/x-opus"));
}

static void gst_e2ee_red_dec_init(GstE2EERedDec *self) {
  self->dec = new RedDec;
  GstPad *sink = e2ee::add_pad(GST_ELEMENT(self), "sink");
  gst_pad_set_chain_function(sink, GST_DEBUG_FUNCPTR(chain));
  gst_pad_set_event_function(sink, GST_DEBUG_FUNCPTR(sink_event));
  self->src = e2ee::add_pad(GST_ELEMENT(self), "src");
}
