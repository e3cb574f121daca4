// SPDX-License-Identifier: LGPL-2.1-or-later
#include "recording.h"

#include <algorithm>
#include <system_error>

#include "mapped.h"
#include "names.h"

namespace recorder {

using namespace std::chrono_literals;

namespace {

constexpr auto kHold = 300ms;
constexpr std::size_t kMostHeld = std::size_t{4} << 20;
constexpr auto kOldestCluster = 1s;
// A file more each second at most, after some at once: senders begin with small pictures.
constexpr auto kChangeEvery = 1s;
constexpr int kChangesAtOnce = 3;
constexpr const char *kInTheClear = "Received without end-to-end encryption.";
constexpr std::chrono::seconds kLongestBackOff = 30s;

std::uint64_t sum(const RecordedFile::Frames &frames) {
  return frames[0] + frames[1];
}

}  // namespace

Recording::Recording(Settings settings)
    : settings_(std::move(settings)),
      stem_(escape_identity(settings_.identity) + (settings_.in_the_clear ? ".unencrypted" : "")) {
  counts_.state = "waiting";
}

Recording::~Recording() {
  finish("stopped");
  if (closer_.joinable())
    closer_.join();
}

void Recording::push(Media media, GstSample *frame) {
  {
    const std::lock_guard lock{mutex_};
    take(media, frame);
    if (withdrawn_)
      end_file("withdrawn");
    take_counts();
  }
  deliver();
}

void Recording::take(Media media, GstSample *sample) {
  GstBuffer *buffer = gst_sample_get_buffer(sample);
  if (ended_ || withdrawn_ || !buffer || gst_buffer_get_size(buffer) == 0)
    return;
  Stream &stream = streams_[static_cast<int>(media)];
  if (GST_BUFFER_PTS_IS_VALID(buffer))
    stream.last_ns = static_cast<std::int64_t>(GST_BUFFER_PTS(buffer));
  if (stream.last_ns < since_ns_)
    return;
  const auto format = format_of(media, gst_sample_get_caps(sample));
  if (!format || retry_at_) {
    lost_++;
    return;
  }
  held_.push_back({media, format, {gst_sample_ref(sample), {}}, stream.last_ns, Clock::now()});
  held_bytes_ += gst_buffer_get_size(buffer);
  if (file_ || held_long_enough())
    write_held();
}

std::shared_ptr<const Format> Recording::format_of(Media media, GstCaps *caps) {
  Stream &stream = streams_[static_cast<int>(media)];
  if (caps && caps == stream.caps.get())
    return stream.format;
  stream.caps.reset(caps ? gst_caps_ref(caps) : nullptr);
  stream.format.reset();
  try {
    Format format = format_from_caps(caps);
    if (format.codec->media != media)
      throw Failure(std::string("cannot record ") + format.codec->name + " as " +
                    examples::media_name(media));
    stream.format = std::make_shared<const Format>(std::move(format));
  } catch (const Failure &failure) {
    post_trouble(failure.what());
  }
  return stream.format;
}

bool Recording::held_long_enough() const {
  if (held_.empty())
    return false;
  const bool both = std::ranges::any_of(
      held_, [this](const Held &frame) { return frame.media != held_.front().media; });
  return both || held_bytes_ > kMostHeld || Clock::now() - held_.front().arrival >= kHold;
}

void Recording::write_held() {
  while (!held_.empty() && !withdrawn_) {
    const Held &frame = held_.front();
    try {
      if (file_ && !file_->takes(frame.media, *frame.format))
        change_codec();
      if (!file_)
        open_file();
      if (withdrawn_)  // meanwhile
        return;
      write(frame);
    } catch (const Failure &failure) {
      give_up(failure);
      return;
    }
    held_bytes_ -= gst_buffer_get_size(gst_sample_get_buffer(frame.sample.get()));
    held_.pop_front();
  }
}

void Recording::write(const Held &frame) {
  GstBuffer *buffer = gst_sample_get_buffer(frame.sample.get());
  const Mapped mapped{buffer};
  file_->write(frame.media, *frame.format, frame.time_ns,
               GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT), mapped.bytes());
  if (file_->pending() == 1)
    cluster_since_ = frame.arrival;
  end_trouble();
}

void Recording::open_file() {
  RecordedFile::Formats formats;
  for (const Held &frame : held_)
    if (auto &format = formats[static_cast<int>(frame.media)]; !format)
      format = *frame.format;
  file_ = std::make_unique<RecordedFile>(settings_.folder, stem_, settings_.seal, formats,
                                         held_bytes_, settings_.in_the_clear ? kInTheClear : "");
  opened_at_ = Clock::now();
  if (settings_.events.started)
    post([this, name = file_->name()] { settings_.events.started(settings_.identity, name); });
}

// A file for each picture would fill the folder.
void Recording::change_codec() {
  const auto now = Clock::now();
  close_file("codec-changed");
  if (changes_until_ - now > (kChangesAtOnce - 1) * kChangeEvery)
    throw Failure("the codec changes too often");
  changes_until_ = std::max(now, changes_until_) + kChangeEvery;
}

void Recording::close_file(const std::string &reason) {
  file_->flush();
  hand_over(reason);
}

void Recording::hand_over(const std::string &reason) {
  for (std::size_t i = 0; i < written_.size(); i++)
    written_[i] += file_->written()[i];
  bytes_ += file_->bytes();
  RecordingEvents::Closed closed;
  closed.file = file_->name();
  closed.frames = sum(file_->written());
  closed.reason = reason;
  closing_.push_back({std::move(file_), std::move(closed)});
  start_closer();
}

// Where there is no thread for it, tick() tries again, and finish() does it itself.
void Recording::start_closer() {
  if (closer_runs_ || closing_.empty())
    return;
  if (closer_.joinable())
    closer_.join();  // it has nothing more to do
  try {
    closer_ = std::thread{[this] { close_files(); }};
    closer_runs_ = true;
  } catch (const std::system_error &) {
  }
}

void Recording::give_up(const Failure &failure) {
  const auto *write_failure = dynamic_cast<const WriteFailure *>(&failure);
  trouble_ = write_failure && write_failure->full ? "disk-full" : "error";
  lost_ += held_.size();
  held_.clear();
  held_bytes_ = 0;
  if (file_) {
    if (!write_failure) {  // what the file has taken fits all the same
      try {
        file_->flush();
      } catch (const Failure &) {
      }
    }
    lost_ += file_->pending();
    hand_over(trouble_);
  }
  back_off_ = std::clamp(2 * back_off_, std::chrono::seconds{1s}, kLongestBackOff);
  retry_at_ = Clock::now() + back_off_;
  if (in_trouble_)
    return;
  in_trouble_ = true;
  post_trouble(std::string{failure.what()} + "; the frames of " + stem_ + " are lost until " +
               (trouble_ == "disk-full" ? "there is room" : "writing works again") +
               ", which is tried every " + std::to_string(kLongestBackOff.count()) +
               " s and at first more often");
}

// Room for a moment is no end of it: files of a second each would litter the folder.
void Recording::end_trouble() {
  if (in_trouble_ && sum(file_->written()) > 0 && Clock::now() - opened_at_ > 2 * back_off_) {
    in_trouble_ = false;
    back_off_ = 0s;
  }
}

void Recording::tick() {
  {
    const std::unique_lock lock{mutex_, std::try_to_lock};
    if (!lock)
      return;  // another thread writes, maybe waiting for the disk
    const auto now = Clock::now();
    if (withdrawn_)
      end_file("withdrawn");
    if (retry_at_ && now >= *retry_at_)
      retry_at_.reset();
    // The next frame makes the file, on a thread that may wait for the disk. If there is one.
    if (!held_.empty() && now - held_.back().arrival >= kHold)
      write_held();
    if (file_ && file_->pending() > 0 && now - cluster_since_ >= kOldestCluster) {
      try {
        file_->flush();
        end_trouble();
      } catch (const Failure &failure) {
        give_up(failure);
      }
    }
    start_closer();
    take_counts();
  }
  deliver();
}

void Recording::withdraw() {
  withhold();
  {
    const std::unique_lock lock{mutex_, std::try_to_lock};
    if (!lock)
      return;  // push() ends the file, or tick()
    end_file("withdrawn");
    take_counts();
  }
  deliver();
}

void Recording::allow(std::int64_t since_ns) {
  {
    const std::lock_guard lock{mutex_};
    if (withdrawn_)
      end_file("withdrawn");
    since_ns_ = since_ns;
    withdrawn_ = false;
    take_counts();
  }
  deliver();
}

void Recording::finish(const std::string &reason) {
  bool close_here = false;
  {
    const std::lock_guard lock{mutex_};
    end_file(withdrawn_ ? "withdrawn" : reason);
    ended_ = true;
    take_counts();
    start_closer();
    close_here = !closer_runs_ && !closing_.empty();
    closer_runs_ |= close_here;
  }
  if (close_here)
    close_files();
  deliver();
  wait_until_told();
}

void Recording::end_file(const std::string &reason) {
  write_held();
  held_.clear();  // withdrawn before there was a file
  held_bytes_ = 0;
  if (!file_)
    return;
  try {
    close_file(reason);
  } catch (const Failure &failure) {
    give_up(failure);
  }
}

void Recording::take_counts() {
  RecordingCounts counts;
  const auto now = file_ ? file_->written() : RecordedFile::Frames{};
  counts.video = written_[static_cast<int>(Media::kVideo)] + now[static_cast<int>(Media::kVideo)];
  counts.audio = written_[static_cast<int>(Media::kAudio)] + now[static_cast<int>(Media::kAudio)];
  counts.bytes = bytes_ + (file_ ? file_->bytes() : 0);
  counts.lost = lost_;
  counts.file = file_ ? file_->name() : "";
  if (file_)
    size_ = file_->size();
  counts.width = size_.width;
  counts.height = size_.height;
  counts.state = ended_ ? "ended" : retry_at_ ? trouble_ : file_ ? "recording" : "waiting";
  const std::lock_guard lock{told_mutex_};
  counts_ = std::move(counts);
}

RecordingCounts Recording::counts() const {
  const std::lock_guard lock{told_mutex_};
  RecordingCounts counts = counts_;
  if (withdrawn_ && counts.state != "ended")
    counts.state = "withdrawn";
  return counts;
}

void Recording::close_files() {
  for (;;) {
    std::unique_lock lock{mutex_};
    if (closing_.empty()) {
      closer_runs_ = false;
      idle_.notify_all();
      return;
    }
    Closing next = std::move(closing_.front());
    closing_.pop_front();
    lock.unlock();
    close_one(std::move(next));
    deliver();
  }
}

void Recording::close_one(Closing closing) {
  std::string problem;
  try {
    closing.file->finish();
  } catch (const Failure &failure) {
    problem = failure.what();
  }
  closing.closed.bytes = closing.file->bytes();
  try {
    closing.closed.sha256 = closing.file->hash();
  } catch (const Failure &failure) {
    problem = failure.what();
  }
  closing.file.reset();
  if (!problem.empty())
    post_trouble(closing.closed.file + ": " + problem);
  if (settings_.events.closed)
    post([this, closed = std::move(closing.closed)] {
      settings_.events.closed(settings_.identity, closed);
    });
}

void Recording::post(std::function<void()> event) {
  const std::lock_guard lock{told_mutex_};
  events_.push_back(std::move(event));
}

void Recording::post_trouble(const std::string &problem) {
  if (settings_.events.trouble)
    post([this, problem] { settings_.events.trouble(settings_.identity, problem); });
}

// Whoever comes while another thread tells leaves its events to that one, so they stay in order.
void Recording::deliver() {
  std::unique_lock lock{told_mutex_};
  if (teller_ != std::thread::id{})
    return;
  teller_ = std::this_thread::get_id();
  while (!events_.empty()) {
    const auto event = std::move(events_.front());
    events_.pop_front();
    lock.unlock();
    event();
    lock.lock();
  }
  teller_ = {};
  told_.notify_all();
}

void Recording::wait_until_told() {
  {
    const std::lock_guard lock{told_mutex_};
    if (teller_ == std::this_thread::get_id())
      return;  // called from an event
  }
  {
    std::unique_lock lock{mutex_};
    idle_.wait(lock, [this] { return !closer_runs_; });
  }
  std::unique_lock lock{told_mutex_};
  told_.wait(lock, [this] { return events_.empty() && teller_ == std::thread::id{}; });
}

}  // namespace recorder
