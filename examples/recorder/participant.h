// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "journal.h"
#include "recording.h"
#include "subscription.h"

namespace recorder {

// A publisher of the room: what is received of them, and the files it goes into. On the main
// context.
class Participant {
 public:
  struct Context {
    Room &room;
    Journal &journal;
    const ReceiveSettings &receive;
    int folder;
    std::optional<Seal> seal;  // sealed mode; identity is filled in here
  };

  Participant(const Context &context, const Feed &feed);
  Participant(const Participant &) = delete;
  Participant &operator=(const Participant &) = delete;

  const std::string &identity() const { return feed_.identity; }
  void update(const Feed &feed);
  void tick();

  void withdraw(const std::string &by);  // ends the files at once
  void allow(const std::string &by);

  // Takes what is on its way, closes the files and hashes them on another thread. `gone` comes
  // last; this must stay until then.
  void leave(const std::string &reason, std::function<void()> gone);

  std::vector<ProgressRow> rows();  // one for each recording

 private:
  // The first video and the first audio are one recording, the second ones (a screen) another.
  struct Recorded {
    explicit Recorded(Recording::Settings settings) : recording(std::move(settings)) {}
    Recording recording;
    std::string file;  // the present one
    bool is_first = true;
    std::chrono::steady_clock::time_point since;
  };

  RecordingEvents recording_events();
  Subscription::Events subscription_events();
  Recorded &recorded(unsigned nth);  // any thread
  std::vector<Recorded *> all();
  void note_state(const std::string &state, std::uint64_t frames);
  void note_file(Recorded &recorded, const std::string &file);
  void note_end();
  void close(const std::string &reason);

  Journal &journal_;
  Feed feed_;
  const int folder_;
  const std::optional<Seal> seal_;
  std::string key_state_;           // what e2eedecrypt reported last
  std::uint64_t state_frames_ = 0;  // that are not noted yet
  std::chrono::steady_clock::time_point state_noted_;
  bool withdrawn_ever_ = false;
  bool closing_ = false;  // on another thread
  std::function<void()> gone_;
  std::mutex mutex_;  // of the next two; recordings stay where they are
  bool withdrawn_ = false;
  std::map<unsigned, std::unique_ptr<Recorded>> recorded_;
  Subscription subscription_;  // goes first: its threads push into the recordings
};

}  // namespace recorder
