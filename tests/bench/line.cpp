/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "line.h"

#include <random>

#include "support/frames.h"

namespace bench {

namespace test = e2ee::test;

namespace {

GstRef<GstPad> pad_of(GstElement *element, const char *name) {
  GstPad *pad = gst_element_get_static_pad(element, name);
  return GstRef<GstPad>(pad != nullptr ? pad : gst_element_request_pad_simple(element, name));
}

gboolean take_event(GstPad *, GstObject *, GstEvent *event) {
  gst_event_unref(event);
  return TRUE;
}

}  // namespace

GstRef<GstElement> make_element(const char *factory) {
  GstElement *element = gst_element_factory_make(factory, nullptr);
  if (element == nullptr)
    return nullptr;
  return GstRef<GstElement>(static_cast<GstElement *>(gst_object_ref_sink(element)));
}

test::Provider keyed_provider() {
  test::Provider provider = test::empty_provider();
  const test::BytesRef key = test::bytes_ref(test::Bytes(kRawKey.begin(), kRawKey.end()));
  test::Error error;
  if (!gst_e2ee_shared_key_provider_set_key(test::shared(provider), key.get(), 0, error.at()))
    g_error("cannot set the key: %s", error.text().c_str());
  return provider;
}

GstRef<GstElement> make_keyed(const char *factory) {
  GstRef<GstElement> element = make_element(factory);
  g_object_set(element.get(), "key-provider", keyed_provider().get(), nullptr);
  return element;
}

std::vector<std::uint8_t> make_frame(std::size_t size) {
  std::mt19937 random(static_cast<unsigned>(size));
  std::vector<std::uint8_t> frame(size);
  for (std::uint8_t &byte : frame)
    byte = static_cast<std::uint8_t>(random());
  frame[0] |= 1;
  return frame;
}

GstBuffer *copied_buffer(const std::vector<std::uint8_t> &frame) {
  return test::buffer_of(frame).release();
}

GstBuffer *cut_buffer(const std::vector<std::uint8_t> &frame) {
  GstBuffer *buffer = gst_buffer_new_allocate(nullptr, 4000, nullptr);
  gst_buffer_fill(buffer, 0, frame.data(), frame.size());
  gst_buffer_set_size(buffer, static_cast<gssize>(frame.size()));
  return buffer;
}

Line::Line(GstRef<GstElement> element, const char *caps, const char *sink, const char *src)
    : src_(gst_pad_new("src", GST_PAD_SRC)),
      sink_(gst_pad_new("sink", GST_PAD_SINK)),
      element_(std::move(element)) {
  gst_object_ref_sink(src_.get());
  gst_object_ref_sink(sink_.get());
  gst_pad_set_element_private(sink_.get(), this);
  gst_pad_set_chain_function(sink_.get(), count);
  gst_pad_set_event_function(sink_.get(), take_event);
  gst_pad_set_active(src_.get(), TRUE);
  gst_pad_set_active(sink_.get(), TRUE);
  if (element_) {
    gst_pad_link(src_.get(), pad_of(element_.get(), sink).get());
    gst_pad_link(pad_of(element_.get(), src).get(), sink_.get());
    gst_element_set_state(element_.get(), GST_STATE_PLAYING);
  } else {
    gst_pad_link(src_.get(), sink_.get());
  }
  announce(caps);
}

Line::~Line() {
  if (element_)
    gst_element_set_state(element_.get(), GST_STATE_NULL);
}

GstFlowReturn Line::count(GstPad *pad, GstObject *, GstBuffer *buffer) {
  auto *self = static_cast<Line *>(gst_pad_get_element_private(pad));
  self->bytes_ += gst_buffer_get_size(buffer);
  gst_buffer_unref(buffer);
  return GST_FLOW_OK;
}

void Line::announce(const char *text) {
  gst_pad_push_event(src_.get(), gst_event_new_stream_start("bench"));
  const e2ee::CapsPtr caps(gst_caps_from_string(text));
  gst_pad_push_event(src_.get(), gst_event_new_caps(caps.get()));
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  gst_pad_push_event(src_.get(), gst_event_new_segment(&segment));
}

}  // namespace bench
