// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gate.h"

#include <gst/video/video.h>

#include <utility>

#include "keyframe.h"

namespace publish {
namespace {

struct Kind {
  bool is_key = false;
  bool is_usual = true;  // of a profile that every client decodes
};

Kind kind_of(Codec codec, GstBuffer *frame) {
  GstMapInfo map;
  if (!gst_buffer_map(frame, &map, GST_MAP_READ))
    return {};
  const Kind kind{is_key_frame(codec, map.data, map.size),
                  codec != Codec::kVp9 || vp9_profile(map.data, map.size) == 0};
  gst_buffer_unmap(frame, &map);
  return kind;
}

}  // namespace

std::string words_for(Trouble trouble) {
  if (trouble == Trouble::kNoTimestamps)
    return "its frames have no timestamps: set do-timestamp=true on the source element, or give "
           "the line a parser or demuxer that knows the time";
  if (trouble == Trouble::kProfile)
    return "it is VP9 of another profile than 0, which not every client decodes: give the encoder "
           "pictures of 8 bits and 4:2:0, as with video/x-raw,format=I420 in front of it";
  return "its frames come in another order than they are shown (B-frames), which WebRTC does not "
         "take: set the camera or encoder to no B-frames (bframes=0, or profile baseline)";
}

Gate::Gate(GstPad *pad, Codec codec, std::function<void(Trouble)> trouble)
    : pad_(GST_PAD(gst_object_ref(pad))),
      codec_(codec),
      on_trouble_(std::move(trouble)),
      probe_(gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, &Gate::on_buffer, this, nullptr)) {}

Gate::~Gate() {
  gst_pad_remove_probe(pad_.get(), probe_);
}

void Gate::open() {
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(status_.open, true))
      return;
    passing_ = false;
  }
  ask_for_key_frame();
}

void Gate::close() {
  const std::lock_guard lock(mutex_);
  status_.open = passing_ = false;
  status_.waits_since.reset();
}

void Gate::ask_for_key_frame() {
  if (info_of(codec_).media == Media::kAudio)
    return;
  {
    const std::lock_guard lock(mutex_);
    if (!status_.open)
      return;
    if (!status_.waits_since)
      status_.waits_since = Clock::now();
  }
  ask_upstream();
}

void Gate::ask_upstream() {
  gst_pad_push_event(pad_.get(),
                     gst_video_event_new_upstream_force_key_unit(GST_CLOCK_TIME_NONE, TRUE, 0));
}

Gate::Status Gate::status() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

GstPadProbeReturn Gate::on_buffer(GstPad *, GstPadProbeInfo *info, gpointer data) {
  auto *self = static_cast<Gate *>(data);
  return self->lets_through(GST_PAD_PROBE_INFO_BUFFER(info)) ? GST_PAD_PROBE_OK
                                                             : GST_PAD_PROBE_DROP;
}

bool Gate::lets_through(GstBuffer *frame) {
  std::unique_lock lock(mutex_);
  if (broken_)
    return false;
  ++status_.seen;
  const Kind kind = kind_of(codec_, frame);
  if (const std::optional<Trouble> trouble =
          kind.is_usual ? trouble_with(frame) : Trouble::kProfile) {
    broken_ = true;
    lock.unlock();
    on_trouble_(*trouble);
    return false;
  }
  last_ = GST_BUFFER_PTS(frame);
  if (kind.is_key) {
    note_key_frame(last_);
    passing_ = status_.open;
  }
  status_.passed += passing_;
  return passing_;
}

std::optional<Trouble> Gate::trouble_with(GstBuffer *frame) const {
  const GstClockTime time = GST_BUFFER_PTS(frame);
  if (!GST_CLOCK_TIME_IS_VALID(time))
    return Trouble::kNoTimestamps;
  if (codec_ == Codec::kH264 && GST_CLOCK_TIME_IS_VALID(last_) && time < last_)
    return Trouble::kReordered;
  return std::nullopt;
}

void Gate::note_key_frame(GstClockTime time) {
  if (GST_CLOCK_TIME_IS_VALID(last_key_) && time > last_key_)
    status_.key_interval = time - last_key_;
  last_key_ = time;
  status_.waits_since.reset();
}

}  // namespace publish
