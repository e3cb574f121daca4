// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <functional>
#include <optional>
#include <string>

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

  void withdraw(const std::string &by);  // ends the file at once
  void allow(const std::string &by);

  // Takes what is on its way, closes the file and hashes it on another thread. `gone` comes last;
  // this must stay until then.
  void leave(const std::string &reason, std::function<void()> gone);

  ProgressRow row();
  ReceiveStats received() const { return subscription_.stats(); }

 private:
  RecordingEvents recording_events();
  Subscription::Events subscription_events();
  void close(const std::string &reason);
  void note_end();
  void note_file(const std::string &file);

  Journal &journal_;
  Feed feed_;
  std::string key_state_;  // what e2eedecrypt reported last
  bool withdrawn_ = false;
  bool closing_ = false;  // on another thread
  std::string file_;      // the present one
  bool first_file_ = true;
  std::chrono::steady_clock::time_point file_since_;
  std::function<void()> gone_;
  Recording recording_;
  Subscription subscription_;  // goes first: its threads push into the recording
};

}  // namespace recorder
