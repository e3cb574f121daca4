// SPDX-License-Identifier: LGPL-2.1-or-later
#include "source.h"

#include <utility>

#include "common/program.h"
#include "common/terminal.h"

namespace publish {

using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr seconds kAnnounceFor{1};
constexpr seconds kKeyFrameWithin{2};
constexpr seconds kSilentAfter{5};
constexpr seconds kRestartAfter{20};  // of silence

// Of the encryptor's stats.
constexpr const char *kFrames = "frames-out", *kBytes = "bytes-out", *kDropped = "dropped-";
constexpr const char *kReasons[] = {"missing-key", "malformed", "unsupported", "limit", "internal"};

guint64 number_in(const GstStructure *structure, const char *field) {
  guint64 value = 0;
  if (structure)
    gst_structure_get_uint64(structure, field, &value);
  return value;
}

}  // namespace

const char *state_name(Source::State state) {
  switch (state) {
    case Source::State::kStarting:
      return "starting";
    case Source::State::kRunning:
      return "running";
    case Source::State::kSilent:
      return "silent";
    case Source::State::kAgain:
      return "trying again";
    case Source::State::kEnded:
      return "ended";
    case Source::State::kFailed:
      return "failed";
    case Source::State::kRefused:
      return "refused";
  }
  return "";
}

Source::Source(const LineSettings &settings, Events events)
    : settings_(settings),
      events_(std::move(events)),
      past_(gst_structure_new_empty("application/x-e2ee-stats")) {
  start();
}

bool Source::is_over() const {
  return state_ == State::kEnded || state_ == State::kFailed || state_ == State::kRefused;
}

// ---- One run after the other

void Source::start() {
  Line::Events line;
  line.known = [this](const Format &format) { on_known(format); };
  line.ended = [this] {
    // A live source has no end: it was cut off.
    if (line_->is_live())
      fail("it has ended");
    else
      enter(State::kEnded);
  };
  line.failed = [this](const std::string &why) { fail(why); };
  line.refused = [this](const std::string &why) { refuse(why); };
  line.warned = [this](const std::string &what) { events_.told("source-warning", what); };
  line.encryption = [this](const GstStructure *state) { on_encryption(state); };
  auto made = std::make_unique<Line>(settings_, outlet_, std::move(line));
  made->set_wanted(wanted_ || announcing_);
  was_live_ = was_live_ || made->is_live();
  seen_ = 0;
  seen_at_ = Clock::now();
  const std::lock_guard lock(mutex_);
  line_ = std::move(made);
}

// From a callback of the line, which goes a moment later.
void Source::stop() {
  std::shared_ptr<Line> old;
  {
    const std::lock_guard lock(mutex_);
    old = std::move(line_);
  }
  if (!old)
    return;
  if (const examples::StructurePtr stats = old->stats()) {
    const auto keep = [&](const std::string &name) {
      gst_structure_set(past_.get(), name.c_str(), G_TYPE_UINT64,
                        number_in(past_.get(), name.c_str()) + number_in(stats.get(), name.c_str()),
                        nullptr);
    };
    keep(kFrames);
    keep(kBytes);
    for (const char *reason : kReasons)
      keep(kDropped + std::string(reason));
  }
  again_.start(seconds(0), [old] {});
}

void Source::enter(State state) {
  if (std::exchange(state_, state) == state)
    return;
  if (is_over())
    stop();
  events_.changed();
}

void Source::fail(const std::string &why) {
  if (is_over() || state_ == State::kAgain)
    return;
  if (!was_live_) {
    events_.told("source-failed", why);
    return enter(State::kFailed);
  }
  const auto wait = backoff_.next();
  events_.told("source-lost", why + "; it is started again");
  stop();
  enter(State::kAgain);
  again_.start(wait, [this] {
    try {
      start();
      enter(State::kStarting);
    } catch (const examples::Failure &failure) {
      state_ = State::kStarting;
      fail(failure.what());
    }
  });
}

void Source::refuse(const std::string &why) {
  if (is_over())
    return;
  events_.told("source-refused", why);
  enter(State::kRefused);
}

void Source::on_known(const Format &format) {
  const bool is_news = format_ != format;
  format_ = format;
  enter(State::kRunning);
  if (is_news)
    events_.known(format);
}

void Source::on_encryption(const GstStructure *state) {
  const char *text = gst_structure_get_string(state, "state");
  const std::string now = text ? text : "";
  if (std::exchange(encryption_, now) != now && now != "ok")
    events_.told("encryption", "encryption: " + now);
}

// ---- Wanted

void Source::set_wanted(bool wanted) {
  wanted_ = wanted;
  announcing_ = false;
  open_or_close();
}

void Source::announce() {
  announcing_ = !wanted_;
  announced_.reset();
  open_or_close();
}

void Source::open_or_close() {
  if (line_)
    line_->set_wanted(wanted_ || announcing_);
}

void Source::watch_announcement() {
  if (!announcing_ || line_->gate().passed == 0)
    return;
  const auto now = Clock::now();
  if (!announced_)
    announced_ = now;
  announcing_ = now - *announced_ < kAnnounceFor;
  open_or_close();
}

void Source::ask_for_key_frame() {
  const std::lock_guard lock(mutex_);
  if (line_)
    line_->ask_for_key_frame();
}

// ---- Watching

void Source::tick() {
  if (!line_)
    return;
  watch_announcement();
  watch_for_silence();
  if (line_)
    watch_for_key_frame();
}

void Source::watch_for_silence() {
  const guint64 seen = line_->frames_seen();
  const auto now = Clock::now();
  if (seen != seen_) {
    seen_ = seen;
    seen_at_ = now;
    backoff_.reset();
    if (state_ == State::kSilent) {
      events_.told("source-back", "it gives frames again");
      enter(State::kRunning);
    }
  } else if (state_ != State::kSilent && now - seen_at_ > kSilentAfter) {
    events_.told("source-silent", "it gives no frames: is the camera connected?");
    enter(State::kSilent);
  } else if (line_->is_live() && now - seen_at_ > kRestartAfter) {
    fail("it has given no frames for " + std::to_string(kRestartAfter.count()) + " seconds");
  }
}

void Source::watch_for_key_frame() {
  const Gate::Status gate = line_->gate();
  const auto now = Clock::now();
  // Of a source that is silent that is told.
  const bool late = gate.waits_since && now - *gate.waits_since > kKeyFrameWithin &&
                    now - seen_at_ < kKeyFrameWithin / 2;
  if (!late || !gate.open) {
    told_of_key_frame_ = told_of_key_frame_ && gate.waits_since.has_value();
    return;
  }
  if (std::exchange(told_of_key_frame_, true) || state_ != State::kRunning)
    return;
  const std::string interval =
      gate.key_interval ? "its key frames come every " +
                              examples::seconds_text(milliseconds(*gate.key_interval / GST_MSECOND))
                        : "it has given no second one yet";
  events_.told("key-frame-late",
               "it does not make a key frame when it is asked to (" + interval +
                   "): receivers wait for a picture; set the camera's key-frame interval (GOP, "
                   "I-frame interval) to 2 seconds or less");
}

// ---- Figures

Row Source::figures() const {
  const examples::StructurePtr stats = line_ ? line_->stats() : nullptr;
  const auto sum = [&](const std::string &name) {
    return number_in(past_.get(), name.c_str()) + number_in(stats.get(), name.c_str());
  };
  Row row;
  row.state = state_ != State::kRunning ? state_name(state_) : wanted_ ? "sending" : "resting";
  row.is_wanted = wanted_;
  if (format_) {
    row.codec = info_of(format_->codec).name;
    row.width = format_->width;
    row.height = format_->height;
  }
  row.frames = sum(kFrames);
  row.bytes = sum(kBytes);
  row.key_generation = number_in(stats.get(), "generation");
  for (const char *reason : kReasons)
    row.dropped[reason] = sum(kDropped + std::string(reason));
  return row;
}

}  // namespace publish
