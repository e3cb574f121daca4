// SPDX-License-Identifier: LGPL-2.1-or-later
#include "framechain.h"

#include <vector>

#include "codecs.h"
#include "common/elements.h"

namespace recorder {

using examples::add_caps_filter;
using examples::add_element;

namespace {

std::vector<GstElement *> elements_for(GstElement *bin, const Codec *codec) {
  std::vector<GstElement *> elements;
  if (codec && codec->merger)
    elements.push_back(add_element(bin, codec->merger));
  if (codec && codec->parser)
    elements.insert(elements.end(),
                    {add_element(bin, codec->parser), add_caps_filter(bin, codec->written)});
  return elements;
}

// A pad without a template takes only the caps that it has once it has some, and pictures change
// their size.
examples::ObjectPtr<GstPad> new_pad(const char *name, GstPadDirection direction) {
  const examples::CapsPtr any(gst_caps_new_any());
  const examples::ObjectPtr<GstPadTemplate> all(static_cast<GstPadTemplate *>(
      gst_object_ref_sink(gst_pad_template_new(name, direction, GST_PAD_ALWAYS, any.get()))));
  GstPad *pad = gst_pad_new_from_template(all.get(), name);
  gst_object_ref_sink(pad);
  gst_pad_set_active(pad, TRUE);
  return examples::ObjectPtr<GstPad>(pad);
}

}  // namespace

FrameChain::FrameChain(const std::string &codec, Take take)
    : codec_(codec), take_(std::move(take)) {
  auto pipeline = examples::make_pipeline("chain");
  const std::vector<GstElement *> elements = elements_for(pipeline.get(), codec_named(codec));
  if (elements.empty())
    return;
  for (std::size_t i = 1; i < elements.size(); ++i)
    examples::link_chain({elements[i - 1], elements[i]});
  in_ = new_pad("opened", GST_PAD_SRC);
  out_ = new_pad("whole", GST_PAD_SINK);
  gst_pad_set_element_private(out_.get(), this);
  gst_pad_set_chain_function(out_.get(), took);
  // The pads are in no bin.
  const auto flags = static_cast<GstPadLinkCheck>(GST_PAD_LINK_CHECK_NOTHING);
  gst_pad_link_full(in_.get(), examples::static_pad(elements.front(), "sink").get(), flags);
  gst_pad_link_full(examples::static_pad(elements.back(), "src").get(), out_.get(), flags);
  for (GstElement *element : elements)
    gst_element_set_state(element, GST_STATE_PLAYING);
  pipeline_ = std::move(pipeline);
}

FrameChain::~FrameChain() {
  pipeline_.reset();
}

void FrameChain::check() {
  if (problem_)
    std::rethrow_exception(problem_);
}

void FrameChain::push(GstCaps *caps, BufferPtr frame) {
  if (!pipeline_) {
    take_(caps, frame.get());
    return;
  }
  if (!caps_ || !gst_caps_is_equal(caps_.get(), caps))
    send_caps(caps);
  const GstFlowReturn flow = gst_pad_push(in_.get(), frame.release());
  check();
  if (flow != GST_FLOW_OK)
    throw Failure("frames of " + codec_ + " were opened and cannot be made into those of a file: " +
                  gst_flow_get_name(flow));
}

void FrameChain::send_caps(GstCaps *caps) {
  const bool first = !caps_;
  if (first)
    gst_pad_push_event(in_.get(), gst_event_new_stream_start("opened"));
  if (!gst_pad_push_event(in_.get(), gst_event_new_caps(caps)))
    throw Failure("frames of " + codec_ + " cannot be made into those of a file: their caps " +
                  examples::CharPtr(gst_caps_to_string(caps)).get() + " are not taken");
  caps_.reset(gst_caps_ref(caps));
  if (!first)
    return;
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  gst_pad_push_event(in_.get(), gst_event_new_segment(&segment));
}

void FrameChain::end() {
  if (pipeline_ && caps_)
    gst_pad_push_event(in_.get(), gst_event_new_eos());
  check();
}

GstFlowReturn FrameChain::took(GstPad *pad, GstObject *, GstBuffer *buffer) {
  auto *self = static_cast<FrameChain *>(gst_pad_get_element_private(pad));
  const BufferPtr owner(buffer);
  try {
    const examples::CapsPtr caps(gst_pad_get_current_caps(pad));
    self->take_(caps.get(), buffer);
    return GST_FLOW_OK;
  } catch (...) {
    self->problem_ = std::current_exception();
    return GST_FLOW_ERROR;
  }
}

}  // namespace recorder
