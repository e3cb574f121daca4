// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "common/backoff.h"
#include "common/timer.h"
#include "line.h"
#include "report.h"

namespace publish {

// A source line as something that stays: started again when a live source fails or is silent, told
// to rest while nobody wants it.
class Source {
 public:
  enum class State {
    kStarting,
    kRunning,
    kSilent,   // no frames for a while
    kAgain,    // failed, and is started again soon
    kEnded,    // came to its end
    kFailed,   // and is not started again
    kRefused,  // cannot be sent as it is
  };
  struct Events {
    std::function<void(const Format &)> known;  // what comes; again when it changes
    std::function<void()> changed;              // its state
    // Something for people to know.
    std::function<void(const std::string &event, const std::string &what)> told;
  };

  // Throws Refused when GStreamer does not understand the line.
  Source(const LineSettings &settings, Events events);

  // Whether somebody wants its frames.
  void set_wanted(bool wanted);
  // The server makes a track known to others when frames come: a few go out though nobody can want
  // them yet.
  void announce();
  void ask_for_key_frame();  // any thread
  void refuse(const std::string &why);
  void tick();  // a few times a second

  State state() const { return state_; }
  bool is_over() const;
  const std::optional<Format> &format() const { return format_; }
  Outlet &outlet() { return outlet_; }
  Row figures() const;  // all but number and name

 private:
  void start();
  void stop();
  void enter(State state);
  void fail(const std::string &why);
  void on_known(const Format &format);
  void on_encryption(const GstStructure *state);
  void open_or_close();
  void watch_announcement();
  void watch_for_silence();
  void watch_for_key_frame();

  using Clock = std::chrono::steady_clock;
  const LineSettings settings_;
  const Events events_;
  Outlet outlet_;
  State state_ = State::kStarting;
  std::optional<Format> format_;
  std::string encryption_ = "ok";  // what the encryptor said last
  bool wanted_ = false, announcing_ = false, was_live_ = false;
  std::optional<Clock::time_point> announced_;  // since when frames go out for that
  bool told_of_key_frame_ = false;              // in this wait
  guint64 seen_ = 0;
  Clock::time_point seen_at_ = Clock::now();
  examples::StructurePtr past_;  // stats of earlier runs
  examples::Backoff backoff_;
  examples::Timer again_;
  mutable std::mutex mutex_;  // of line_ for ask_for_key_frame()
  std::unique_ptr<Line> line_;
};

const char *state_name(Source::State state);

}  // namespace publish
