// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <chrono>

#include "receive.h"

namespace recorder {

// Elements of this factory in a bin and those below it.
std::vector<examples::ObjectPtr<GstElement>> elements_of(GstElement *bin, const char *factory);

// What did not come in time, as a jitter buffer counts it.
void add_packets(ReceiveStats &stats, GstElement *jitterbuffer);

// Frames that arrived and were not given on.
std::uint64_t frames_missed(const ReceiveStats &stats);

// Which of those were sent while their participant was withdrawn: they should be missing.
class WithdrawnFrames {
 public:
  // Each with the figures of that moment.
  void begin(const ReceiveStats &now);
  void end(const ReceiveStats &now);
  // Now and then while is_settling(): what waited at the end of a withdrawal is given up later.
  void settle(const ReceiveStats &now);

  bool is_settling() const { return waiting_ > 0; }
  std::uint64_t missed(const ReceiveStats &now) const;

 private:
  bool withdrawn_ = false;
  std::uint64_t known_ = 0;
  std::uint64_t missed_before_ = 0;
  std::uint64_t waiting_ = 0, arrived_ = 0;  // when the last withdrawal ended
};

// What e2eedecrypt reports, as notes of states: a state that stays is noted now and then, however
// many frames bring it, and every frame is in a note in the end.
class StateNotes {
 public:
  using Clock = std::chrono::steady_clock;
  // `is_new`: the state before was another one.
  using Note = std::function<void(const std::string &state, std::uint64_t frames, bool is_new)>;

  explicit StateNotes(Note note) : note_(std::move(note)) {}
  void add(const std::string &state, std::uint64_t frames, Clock::time_point now = Clock::now());
  void note_rest();
  const std::string &state() const { return state_; }  // the last one

 private:
  const Note note_;
  std::string state_;
  std::uint64_t frames_ = 0;  // that are not noted yet
  Clock::time_point noted_;
};

}  // namespace recorder
