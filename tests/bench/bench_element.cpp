/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Frames through the elements, and straight to where the elements would push them. The difference
// of the two is what an element costs, with all that GStreamer does for it.
#include "bench.h"

namespace bench {

namespace {

// A buffer as vp8enc makes it, a copy of what the codec library wrote: no room behind the frame.
GstBuffer *copied_buffer(const std::vector<std::uint8_t> &frame) {
  return gst_buffer_new_memdup(frame.data(), frame.size());
}

// A buffer as opusenc makes it: allocated for the longest packet, then cut.
GstBuffer *cut_buffer(const std::vector<std::uint8_t> &frame) {
  GstBuffer *buffer = gst_buffer_new_allocate(nullptr, 4000, nullptr);
  gst_buffer_fill(buffer, 0, frame.data(), frame.size());
  gst_buffer_set_size(buffer, static_cast<gssize>(frame.size()));
  return buffer;
}

// A source pad, perhaps an element, and a sink pad that counts bytes.
class Line {
 public:
  explicit Line(const char *factory)
      : src_(gst_pad_new("src", GST_PAD_SRC)), sink_(gst_pad_new("sink", GST_PAD_SINK)) {
    gst_object_ref_sink(src_.get());
    gst_object_ref_sink(sink_.get());
    gst_pad_set_element_private(sink_.get(), this);
    gst_pad_set_chain_function(sink_.get(), count);
    gst_pad_set_event_function(sink_.get(), [](GstPad *, GstObject *, GstEvent *event) -> gboolean {
      gst_event_unref(event);
      return TRUE;
    });
    gst_pad_set_active(src_.get(), TRUE);
    gst_pad_set_active(sink_.get(), TRUE);
    if (factory == nullptr) {
      gst_pad_link(src_.get(), sink_.get());
    } else {
      element_ = make_element(factory);
      link("sink", src_.get());
      link("src", sink_.get());
      gst_element_set_state(element_.get(), GST_STATE_PLAYING);
    }
    announce();
  }
  ~Line() {
    if (element_)
      gst_element_set_state(element_.get(), GST_STATE_NULL);
  }
  Line(const Line &) = delete;
  Line &operator=(const Line &) = delete;

  bool push(GstBuffer *buffer) { return gst_pad_push(src_.get(), buffer) == GST_FLOW_OK; }

  gsize bytes() const { return bytes_; }

 private:
  static GstFlowReturn count(GstPad *pad, GstObject *, GstBuffer *buffer) {
    auto *self = static_cast<Line *>(gst_pad_get_element_private(pad));
    self->bytes_ += gst_buffer_get_size(buffer);
    gst_buffer_unref(buffer);
    return GST_FLOW_OK;
  }

  void link(const char *name, GstPad *ours) {
    const GstRef<GstPad> pad(gst_element_get_static_pad(element_.get(), name));
    if (GST_PAD_IS_SRC(ours))
      gst_pad_link(ours, pad.get());
    else
      gst_pad_link(pad.get(), ours);
  }

  void announce() {
    gst_pad_push_event(src_.get(), gst_event_new_stream_start("bench"));
    GstCaps *caps = gst_caps_from_string("audio/x-opus, channel-mapping-family=(int)0");
    gst_pad_push_event(src_.get(), gst_event_new_caps(caps));
    gst_caps_unref(caps);
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    gst_pad_push_event(src_.get(), gst_event_new_segment(&segment));
  }

  GstRef<GstPad> src_;
  GstRef<GstPad> sink_;
  GstRef<GstElement> element_;
  gsize bytes_ = 0;
};

}  // namespace

Work push(const char *element, Buffers buffers, std::vector<std::uint8_t> frame,
          std::size_t arriving) {
  const auto make = buffers == Buffers::copied ? copied_buffer : cut_buffer;
  return [make, arriving, frame = std::move(frame),
          line = std::make_shared<Line>(element)](unsigned frames) {
    const gsize before = line->bytes();
    bool good = true;
    for (unsigned i = 0; i < frames; ++i)
      good &= line->push(make(frame));
    return good && line->bytes() - before == frames * arriving;
  };
}

}  // namespace bench
