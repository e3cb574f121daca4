/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "holding.h"

#include <algorithm>
#include <future>

#include "support/element.h"
#include "support/waiting.h"

namespace e2ee::test {

std::vector<SealedFrame> sealed_frames(std::size_t count, const Provider &provider) {
  Element encryptor("e2eeencrypt", provider);
  encryptor.start(kVp8);
  std::vector<SealedFrame> frames(count);
  for (std::size_t i = 0; i < count; ++i) {
    const auto seed = static_cast<unsigned>(i + 1);
    frames[i].plain = i == 0 ? vp8_key(500, seed) : vp8_delta(100 + i, seed);
    frames[i].sealed = encryptor.pass(frames[i].plain).value_or(Bytes{});
    EXPECT_FALSE(frames[i].sealed.empty());
  }
  return frames;
}

void flush(Element &element) {
  GstHarness *harness = element.harness();
  gst_harness_push_event(harness, gst_event_new_flush_start());
  gst_harness_push_event(harness, gst_event_new_flush_stop(TRUE));
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  gst_harness_push_event(harness, gst_event_new_segment(&segment));
}

// ---- Order --------------------------------------------------------------------------------------

Order::Order(Element &element, const std::vector<SealedFrame> &frames)
    : frames_(frames), pad_(gst_element_get_static_pad(element.get(), "src")) {
  probe_ = gst_pad_add_probe(
      pad_,
      static_cast<GstPadProbeType>(GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM |
                                   GST_PAD_PROBE_TYPE_EVENT_FLUSH),
      on_data, this, nullptr);
}

Order::~Order() {
  gst_pad_remove_probe(pad_, probe_);
  gst_object_unref(pad_);
}

std::string Order::name_of(GstBuffer *buffer) const {
  if (gst_buffer_get_size(buffer) == 0)
    return "empty";
  const Bytes bytes = bytes_of(buffer);
  for (std::size_t i = 0; i < frames_.size(); ++i) {
    if (frames_[i].plain == bytes)
      return "frame " + std::to_string(i);
  }
  return "unknown frame";
}

GstPadProbeReturn Order::on_data(GstPad *, GstPadProbeInfo *info, gpointer self) {
  auto *order = static_cast<Order *>(self);
  if ((info->type & GST_PAD_PROBE_TYPE_BUFFER) != 0) {
    order->note(order->name_of(GST_PAD_PROBE_INFO_BUFFER(info)));
    return GST_PAD_PROBE_OK;
  }
  GstEvent *event = GST_PAD_PROBE_INFO_EVENT(info);
  std::string name = GST_EVENT_TYPE_NAME(event);
  if (GST_EVENT_TYPE(event) == GST_EVENT_CAPS) {
    GstCaps *caps = nullptr;
    gint width = 0;
    gst_event_parse_caps(event, &caps);
    gst_structure_get_int(gst_caps_get_structure(caps, 0), "width", &width);
    name += " " + std::to_string(width);
  }
  order->note(name);
  return GST_PAD_PROBE_OK;
}

void Order::note(std::string what) {
  const auto since = std::chrono::steady_clock::now() - start_;
  std::lock_guard lock(mutex_);
  seen_.emplace_back(std::move(what), std::chrono::duration_cast<Milliseconds>(since));
}

std::vector<std::string> Order::seen() const {
  std::lock_guard lock(mutex_);
  std::vector<std::string> names;
  for (const auto &[name, time] : seen_)
    names.push_back(name);
  return names;
}

std::size_t Order::count(const std::string &what) const {
  const std::vector<std::string> names = seen();
  return static_cast<std::size_t>(std::count(names.begin(), names.end(), what));
}

std::size_t Order::frames() const {
  const std::vector<std::string> names = seen();
  return static_cast<std::size_t>(std::count_if(
      names.begin(), names.end(),
      [](const std::string &name) { return name.find("frame") != std::string::npos; }));
}

std::optional<Milliseconds> Order::time_of(const std::string &what) const {
  std::lock_guard lock(mutex_);
  for (const auto &[name, time] : seen_) {
    if (name == what)
      return time;
  }
  return std::nullopt;
}

// ---- threads ------------------------------------------------------------------------------------

bool returns_within(Milliseconds limit, const std::function<void()> &what,
                    const std::function<void()> &rescue) {
  std::future<void> done = std::async(std::launch::async, what);
  const bool returned = done.wait_for(limit) == std::future_status::ready;
  if (!returned)
    rescue();
  done.wait();
  return returned;
}

}  // namespace e2ee::test
