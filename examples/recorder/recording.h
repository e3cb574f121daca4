// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/gst.h>

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "common/elements.h"
#include "common/gst_ptr.h"
#include "format.h"
#include "recorded_file.h"
#include "seal.h"

namespace recorder {

using examples::Media;

// What is told of recordings. Calls come from any thread, one at a time for each recording, without
// a lock held; they must not throw. `closed` comes when the file is hashed: the next one may have
// started by then.
struct RecordingEvents {
  struct Closed {
    std::string file;    // its name in the folder
    std::string sha256;  // hex, of the whole file
    std::uint64_t bytes = 0;
    std::uint64_t frames = 0;
    std::string reason;  // left, sfu-lost, withdrawn, stopped, codec-changed, disk-full, error ...
  };
  std::function<void(const std::string &identity, const std::string &file)> started;
  std::function<void(const std::string &identity, const Closed &)> closed;
  std::function<void(const std::string &identity, const std::string &problem)> trouble;
};

struct RecordingCounts {
  std::uint64_t video = 0, audio = 0;  // frames written
  std::uint64_t bytes = 0;
  std::uint64_t lost = 0;          // frames that arrived and could not be written
  std::string state;               // waiting, recording, withdrawn, disk-full, error, ended
  std::string file;                // the present one
  unsigned width = 0, height = 0;  // of the last picture that tells; 0: none did
};

// What is recorded of one participant: a file, and the next one when the codec changes, the disk
// was full, or the recording was withdrawn and allowed again.
//
// Every frame that arrives is written, also pictures before the first key frame: that they cannot
// be decoded is for the player to see. The first frames are held for a moment, so that the file
// begins with the older one of sound and picture, and the codecs decide between .webm and .mkv.
//
// push() comes from streaming threads, one for each track; the rest from the main thread.
class Recording {
 public:
  struct Settings {
    int folder = -1;  // descriptor of the output folder, not owned
    std::string identity;
    std::optional<Seal> seal;  // sealed mode: what the frames are encrypted with
    bool in_the_clear =
        false;  // their sender does not encrypt them: names and tags of files say so
    RecordingEvents events;
  };
  explicit Recording(Settings settings);
  ~Recording();

  // A frame with its caps, as decoders want it (open mode) or as it was received (sealed mode: caps
  // name the codec). PTS is running time, the same for all tracks.
  void push(Media media, GstSample *frame);

  void tick();  // every 250 ms: flushes, and tries again after a back-off

  // Nothing is recorded from now on, until allow(). Any thread; waits for nobody.
  void withhold() { withdrawn_ = true; }
  // And ends the file. While the disk keeps another thread in here, that one does it.
  void withdraw();
  // What is from before `since`, a running time, is not recorded either: it may have waited for its
  // key, or for packets.
  void allow(std::int64_t since_ns);

  void finish(const std::string &reason);  // the last file is closed and hashed when this returns
  RecordingCounts counts() const;          // waits for nobody

 private:
  using Clock = std::chrono::steady_clock;
  struct Held {
    Media media;
    std::shared_ptr<const Format> format;
    examples::SamplePtr sample;
    std::int64_t time_ns;
    Clock::time_point arrival;
  };
  struct Stream {  // by Media
    examples::CapsPtr caps;
    std::shared_ptr<const Format> format;  // none: cannot be recorded
    std::int64_t last_ns = 0;
  };
  struct Closing {
    std::unique_ptr<RecordedFile> file;
    RecordingEvents::Closed closed;
  };

  // With mutex_ held.
  void take(Media media, GstSample *sample);
  std::shared_ptr<const Format> format_of(Media media, GstCaps *caps);
  bool held_long_enough() const;
  void write_held();
  void write(const Held &frame);
  void open_file();
  void change_codec();
  void close_file(const std::string &reason);
  void hand_over(const std::string &reason);
  void start_closer();
  void give_up(const Failure &failure);
  void end_file(const std::string &reason);
  void end_trouble();
  void take_counts();
  void post(std::function<void()> event);
  void post_trouble(const std::string &problem);

  void deliver();
  void close_files();
  void close_one(Closing closing);
  void wait_until_told();

  const Settings settings_;
  const std::string stem_;

  mutable std::mutex mutex_;
  std::array<Stream, 2> streams_;
  std::deque<Held> held_;
  std::size_t held_bytes_ = 0;
  std::unique_ptr<RecordedFile> file_;
  Clock::time_point opened_at_, cluster_since_;
  Clock::time_point changes_until_;  // see change_codec()
  std::atomic<bool> withdrawn_ = false;
  std::int64_t since_ns_ = 0;  // older frames were withdrawn
  bool ended_ = false;

  bool in_trouble_ = false;
  std::string trouble_;  // disk-full, error
  std::chrono::seconds back_off_{0};
  std::optional<Clock::time_point> retry_at_;

  RecordedFile::Size size_;
  RecordedFile::Frames written_{};  // in files before this one
  std::uint64_t bytes_ = 0, lost_ = 0;

  // Ended files are synced and hashed beside the streaming threads.
  std::deque<Closing> closing_;
  std::thread closer_;
  bool closer_runs_ = false;
  std::condition_variable idle_;  // the closer

  // While a thread with mutex_ waits for the disk, others go on with what follows.
  mutable std::mutex told_mutex_;
  std::deque<std::function<void()>> events_;
  std::thread::id teller_;  // the thread that calls back
  std::condition_variable told_;
  RecordingCounts counts_;
};

}  // namespace recorder
