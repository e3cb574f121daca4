/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "support/pipeline.h"

#include <algorithm>
#include <cstdlib>

#include "support/sanitizer.h"

namespace e2ee::test {

// ---- Tap ----------------------------------------------------------------------------------------

void Tap::add(GstBuffer *buffer) {
  Frame frame;
  if (gst_buffer_get_size(buffer) > 0)
    frame.bytes = bytes_of(buffer);
  frame.pts = GST_BUFFER_PTS(buffer);
  frame.delta = GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT);
  frame.unprotected = gst_e2ee_buffer_is_unprotected(buffer);
  std::lock_guard lock(mutex_);
  frames_.push_back(std::move(frame));
}

std::size_t Tap::size() const {
  std::lock_guard lock(mutex_);
  return frames_.size();
}

std::vector<Frame> Tap::frames() const {
  std::lock_guard lock(mutex_);
  return frames_;
}

std::vector<Bytes> Tap::contents() const {
  std::vector<Bytes> contents;
  for (Frame &frame : frames())
    contents.push_back(std::move(frame.bytes));
  return contents;
}

std::set<Bytes> Tap::distinct() const {
  const std::vector<Bytes> all = contents();
  return {all.begin(), all.end()};
}

std::size_t Tap::empty_ones() const {
  std::lock_guard lock(mutex_);
  return static_cast<std::size_t>(std::count_if(
      frames_.begin(), frames_.end(), [](const Frame &frame) { return frame.bytes.empty(); }));
}

// ---- Pipeline -----------------------------------------------------------------------------------

Pipeline::Pipeline(const std::string &launch, const Provider &provider) {
  Error error;
  pipeline_ = gst_parse_launch(launch.c_str(), error.at());
  if (pipeline_ == nullptr || error) {
    ADD_FAILURE() << launch << ": " << error.text();
    std::abort();
  }
  if (!provider)
    return;
  GstContext *context = gst_e2ee_context_new_key_provider(provider.get());
  gst_element_set_context(pipeline_, context);
  gst_context_unref(context);
}

Pipeline::~Pipeline() {
  stop();
  gst_object_unref(pipeline_);
}

GstElement *Pipeline::get(const char *name) const {
  GstElement *element = gst_bin_get_by_name(GST_BIN(pipeline_), name);
  if (element == nullptr) {
    ADD_FAILURE() << "no element " << name;
    std::abort();
  }
  gst_object_unref(element);  // the pipeline holds it
  return element;
}

namespace {

GstPadProbeReturn on_data(GstPad *, GstPadProbeInfo *info, gpointer tap) {
  if ((info->type & GST_PAD_PROBE_TYPE_BUFFER) != 0) {
    static_cast<Tap *>(tap)->add(GST_PAD_PROBE_INFO_BUFFER(info));
    return GST_PAD_PROBE_OK;
  }
  GstBufferList *list = GST_PAD_PROBE_INFO_BUFFER_LIST(info);
  for (guint i = 0; i < gst_buffer_list_length(list); ++i)
    static_cast<Tap *>(tap)->add(gst_buffer_list_get(list, i));
  return GST_PAD_PROBE_OK;
}

std::string failure_of(GstMessage *message) {
  return std::string(GST_MESSAGE_SRC_NAME(message)) + ": " + text_of(message);
}

}  // namespace

Tap &Pipeline::tap(const char *element, const char *pad) {
  Tap &tap = taps_.emplace_back();
  GstPad *on = gst_element_get_static_pad(get(element), pad);
  if (on == nullptr) {
    ADD_FAILURE() << element << " has no pad " << pad;
    std::abort();
  }
  gst_pad_add_probe(
      on, static_cast<GstPadProbeType>(GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST),
      on_data, &tap, nullptr);
  gst_object_unref(on);
  return tap;
}

void Pipeline::forgive_leaks_of(const char *element) {
  const ObjectPtr<GstPad> sink(gst_element_get_static_pad(get(element), "sink"));
  gst_pad_add_probe(
      sink.get(), GST_PAD_PROBE_TYPE_BUFFER,
      [](GstPad *, GstPadProbeInfo *info, gpointer) {
        GstBuffer *frame = GST_PAD_PROBE_INFO_BUFFER(info);
        ignore_leak(frame);
        for (guint i = 0; i < gst_buffer_n_memory(frame); ++i)
          ignore_leak(gst_buffer_peek_memory(frame, i));
        return GST_PAD_PROBE_OK;
      },
      nullptr, nullptr);
}

std::string Pipeline::play_to_end(unsigned seconds) {
  play();
  const ObjectPtr<GstBus> bus(gst_element_get_bus(pipeline_));
  const MessagePtr message(
      gst_bus_timed_pop_filtered(bus.get(), seconds * GST_SECOND,
                                 static_cast<GstMessageType>(GST_MESSAGE_EOS | GST_MESSAGE_ERROR)));
  if (!message)
    return "still running after " + std::to_string(seconds) + " s";
  return GST_MESSAGE_TYPE(message.get()) == GST_MESSAGE_ERROR ? failure_of(message.get()) : "";
}

bool Pipeline::run(unsigned seconds) {
  const std::string wrong = play_to_end(seconds);
  if (!wrong.empty())
    ADD_FAILURE() << wrong;
  return wrong.empty();
}

std::string Pipeline::take_error() {
  const ObjectPtr<GstBus> bus(gst_element_get_bus(pipeline_));
  const MessagePtr message(gst_bus_pop_filtered(bus.get(), GST_MESSAGE_ERROR));
  return message ? failure_of(message.get()) : "";
}

BusLog Pipeline::take_log() {
  const ObjectPtr<GstBus> bus(gst_element_get_bus(pipeline_));
  return drain(bus.get());
}

void Pipeline::stop() {
  gst_element_set_state(pipeline_, GST_STATE_NULL);
}

// ---- what is expected ---------------------------------------------------------------------------

void expect_equal(const std::vector<Bytes> &got, const std::vector<Bytes> &wanted) {
  EXPECT_EQ(got.size(), wanted.size());
  const std::size_t both = std::min(got.size(), wanted.size());
  for (std::size_t i = 0; i < both; ++i) {
    ASSERT_EQ(got[i].size(), wanted[i].size()) << "frame " << i;
    ASSERT_TRUE(got[i] == wanted[i]) << "frame " << i << " of " << got[i].size() << " bytes";
  }
}

namespace {

void expect_frame_sealed(const Bytes &sealed, const Bytes &plain, std::size_t clear) {
  ASSERT_EQ(sealed.size(), plain.size() + kOverhead);
  ASSERT_LE(clear, plain.size());
  const auto body = plain.begin() + static_cast<std::ptrdiff_t>(clear);
  EXPECT_TRUE(std::equal(plain.begin(), body, sealed.begin()));
  EXPECT_EQ(sealed[sealed.size() - 2], 12);
  // One byte in 256 stays as it is by chance; four times as many, and some, do not.
  std::size_t same = 0;
  for (std::size_t i = clear; i < plain.size(); ++i)
    same += sealed[i] == plain[i];
  EXPECT_LE(same, plain.size() / 64 + 8);
}

}  // namespace

void expect_sealed(const std::vector<Frame> &sealed, const std::vector<Frame> &plain,
                   std::size_t key, std::size_t delta) {
  ASSERT_EQ(sealed.size(), plain.size());
  for (std::size_t i = 0; i < sealed.size() && !testing::Test::HasFatalFailure(); ++i) {
    EXPECT_EQ(sealed[i].delta, plain[i].delta) << "frame " << i;
    if (plain[i].bytes.empty())
      EXPECT_TRUE(sealed[i].bytes.empty()) << "frame " << i;
    else
      expect_frame_sealed(sealed[i].bytes, plain[i].bytes, plain[i].delta ? delta : key);
  }
}

}  // namespace e2ee::test
