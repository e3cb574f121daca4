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

#include "figures.h"
#include "journal.h"
#include "receive_stats.h"
#include "recording.h"
#include "room.h"

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
    bool has_own_key = false;  // frames that verify prove whose they are
  };

  Participant(const Context &context, const Feed &feed);
  Participant(const Participant &) = delete;
  Participant &operator=(const Participant &) = delete;

  const std::string &identity() const { return feed_.identity; }
  void update(const Feed &feed);
  void tick();

  void withhold();                       // nothing of theirs is recorded any more
  void withdraw(const std::string &by);  // and the files end
  void allow(const std::string &by);

  // Takes what is on its way, closes the files and hashes them on another thread. `gone` comes
  // last; this must stay until then.
  void leave(const std::string &reason, std::function<void()> gone);

  std::vector<ProgressRow> rows();  // one for each recording
  Figures figures();

 private:
  // The first video and the first audio are one recording, the second ones (a screen) another.
  struct Recorded {
    explicit Recorded(Recording::Settings settings) : recording(std::move(settings)) {}
    Recording recording;
    unsigned width = 0, height = 0;  // that were noted
    std::string file;                // the present one
    bool is_first = true;
    std::chrono::steady_clock::time_point since;
  };

  void note_codecs();
  RecordingEvents recording_events(bool in_the_clear);
  Subscription::Events subscription_events();
  Recorded &recorded(unsigned nth, bool in_the_clear = false);  // any thread
  std::vector<Recorded *> all();
  void note_file(Recorded &recorded, const std::string &file);
  void note_size(Recorded &recorded, const RecordingCounts &counts);
  void note_end();
  void close(const std::string &reason);

  Journal &journal_;
  Feed feed_;
  std::string codecs_;  // that were noted
  const int folder_;
  const std::optional<Seal> seal_;
  const bool has_own_key_;
  const ReceiveSettings &receive_;
  StateNotes key_states_, server_frames_;
  WithdrawnFrames withdrawn_frames_;
  bool withdrawal_noted_ = false;
  bool closing_ = false;  // on another thread
  std::function<void()> gone_;
  std::mutex mutex_;  // of the next three; recordings stay where they are
  bool withdrawn_ = false;
  std::int64_t since_ns_ = 0;  // they were allowed, as running time
  std::map<std::pair<unsigned, bool>, std::unique_ptr<Recorded>> recorded_;
  std::unique_ptr<Subscription> subscription_;  // goes first: its threads push into the recordings
};

}  // namespace recorder
