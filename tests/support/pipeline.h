/* SPDX-License-Identifier: LGPL-2.1-or-later */
// A launch line that runs to its end, and what went through its pads on the way.
#pragma once

#include <deque>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "support/bus.h"
#include "support/frames.h"
#include "support/providers.h"
#include "support/waiting.h"

namespace e2ee::test {

struct Frame {
  Bytes bytes;
  GstClockTime pts = GST_CLOCK_TIME_NONE;
  bool delta = false;
  bool unprotected = false;
};

/// What passed a pad, in order. Filled on streaming threads.
class Tap {
 public:
  void add(GstBuffer *buffer);
  std::size_t size() const;
  std::vector<Frame> frames() const;
  std::vector<Bytes> contents() const;
  std::set<Bytes> distinct() const;
  std::size_t empty_ones() const;

 private:
  mutable std::mutex mutex_;
  std::vector<Frame> frames_;
};

class Pipeline {
 public:
  /// Every element without a key provider of its own gets `provider` as a context, so that one
  /// provider serves the pipeline. May be null.
  Pipeline(const std::string &launch, const Provider &provider);
  ~Pipeline();
  Pipeline(const Pipeline &) = delete;
  Pipeline &operator=(const Pipeline &) = delete;

  GstElement *pipeline() const { return pipeline_; }
  /// Borrowed; aborts when there is none of that name, which is a mistake in the test.
  GstElement *get(const char *name) const;
  guint64 stat(const char *element, const char *field) const {
    return stat_of(get(element), field);
  }

  /// What passes this pad from now on; lives as long as the pipeline.
  Tap &tap(const char *element, const char *pad = "src");
  /// What comes to it may leak: rtpvp8pay and rtpvp9pay never release a frame that they refuse.
  void forgive_leaks_of(const char *element);

  void play() { gst_element_set_state(pipeline_, GST_STATE_PLAYING); }
  /// Plays until EOS; a failure of the test on any error, or when it takes longer.
  bool run(unsigned seconds = 60);
  /// Plays until EOS; what was wrong, empty where nothing was.
  std::string play_to_end(unsigned seconds = 60);
  /// The next error posted, taken off the bus; empty while none is there.
  std::string take_error();
  /// What was posted so far, taken off the bus.
  BusLog take_log();
  /// To NULL, so that nothing streams any more.
  void stop();

 private:
  GstElement *pipeline_ = nullptr;
  std::deque<Tap> taps_;
};

/// Frame by frame the same, with a message that tells the first difference.
void expect_equal(const std::vector<Bytes> &got, const std::vector<Bytes> &wanted);

/// Each sealed frame is longer by the overhead and keeps `key` or `delta` clear bytes and no more.
void expect_sealed(const std::vector<Frame> &sealed, const std::vector<Frame> &plain,
                   std::size_t key, std::size_t delta);

/// A tenth of them where it has to be quick.
inline unsigned frames(unsigned count) {
  return is_quick() ? (count + 9) / 10 : count;
}

}  // namespace e2ee::test
