// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/gst.h>

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "common/elements.h"
#include "feed.h"
#include "options.h"

namespace camera {

// The one pipeline that encodes, for however many viewers.
class Encoder {
 public:
  // `failed` is called on the main context, once. Throws Failure or Refused when it does not start.
  Encoder(const Options &options, std::function<void(const std::string &why)> failed);
  ~Encoder();
  Encoder(const Encoder &) = delete;
  Encoder &operator=(const Encoder &) = delete;

  bool has_audio() const { return has_audio_; }
  // For a pipeline that is fed from this one: the same times.
  void share_clock(GstElement *pipeline) const;

  // Frames of `media` go there, too, until remove(). Main thread.
  void add(examples::Media media, std::shared_ptr<Feed> feed);
  void remove(const std::shared_ptr<Feed> &feed);

  // One is made now, or a second after the last one that was asked for. Any thread.
  void request_key_frame();
  guint64 frames() const { return frames_; }  // of the video so far

 private:
  struct Output {
    examples::Media media;
    std::shared_ptr<Feed> feed;
  };

  void add_branch(examples::Media media, const std::string &line);
  GstFlowReturn take(GstElement *appsink, examples::Media media);

  const bool has_audio_;
  const std::function<void(const std::string &)> failed_;
  std::mutex mutex_;  // guards the next two
  std::vector<Output> outputs_;
  GstClockTime key_frame_at_ = GST_CLOCK_TIME_NONE;  // running time of the last one asked for
  std::atomic<guint64> frames_ = 0;
  guint watch_ = 0;
  GstElement *video_sink_ = nullptr;
  const examples::PipelinePtr pipeline_;  // stops before the others go
};

}  // namespace camera
