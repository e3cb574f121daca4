/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Frames sealed beforehand, for decryptors whose key is late, gone or wrong.
#pragma once

#include <chrono>
#include <functional>
#include <thread>

#include "support/element.h"
#include "support/pipeline.h"

namespace e2ee::test {

using Milliseconds = std::chrono::milliseconds;

struct SealedFrame {
  Bytes plain;
  Bytes sealed;
};

/// VP8 by its header, a key frame first, of different sizes; all different.
std::vector<SealedFrame> sealed_frames(std::size_t count, const Provider &provider);

/// FLUSH_START, FLUSH_STOP and a new segment.
void flush(Element &element);

/// An event or buffer as it left an element: "stream-start", "segment", "caps 640", "eos",
/// "frame" and its number by content.
class Order {
 public:
  /// Watches the source pad of `element`, and knows these frames.
  Order(Element &element, const std::vector<SealedFrame> &frames);
  ~Order();
  Order(const Order &) = delete;
  Order &operator=(const Order &) = delete;

  std::vector<std::string> seen() const;
  std::size_t count(const std::string &what) const;
  std::size_t frames() const;
  /// Since this was made; none when it was not seen.
  std::optional<Milliseconds> time_of(const std::string &what) const;

 private:
  static GstPadProbeReturn on_data(GstPad *pad, GstPadProbeInfo *info, gpointer self);
  void note(std::string what);
  std::string name_of(GstBuffer *buffer) const;

  const std::vector<SealedFrame> &frames_;
  GstPad *pad_;
  gulong probe_;
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  mutable std::mutex mutex_;
  std::vector<std::pair<std::string, Milliseconds>> seen_;
};

/// Calls `what` on another thread after `delay`; joins when it goes.
class Later {
 public:
  Later(Milliseconds delay, std::function<void()> what)
      : thread_([delay, what = std::move(what)] {
          std::this_thread::sleep_for(delay);
          what();
        }) {}
  ~Later() { thread_.join(); }
  Later(const Later &) = delete;
  Later &operator=(const Later &) = delete;

 private:
  std::thread thread_;
};

/// Runs `what` on another thread; false when it has not returned after `limit`. `rescue` must make
/// it return then.
bool returns_within(Milliseconds limit, const std::function<void()> &what,
                    const std::function<void()> &rescue);

}  // namespace e2ee::test
