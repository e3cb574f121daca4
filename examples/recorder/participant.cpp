// SPDX-License-Identifier: LGPL-2.1-or-later
#include "participant.h"

#include "common/worker.h"

namespace recorder {
namespace {

using std::chrono::steady_clock;

std::optional<Seal> seal_for(std::optional<Seal> seal, const Feed &feed) {
  if (seal)
    seal->identity = feed.identity;
  return seal;
}

std::int64_t number(std::uint64_t value) {
  return static_cast<std::int64_t>(value);
}

}  // namespace

Participant::Participant(const Context &context, const Feed &feed)
    : journal_(context.journal),
      feed_(feed),
      folder_(context.folder),
      seal_(seal_for(context.seal, feed)),
      receive_(context.receive),
      key_states_([this](const std::string &state, std::uint64_t frames, bool is_new) {
        journal_.note("frames-" + state, {{"participant", identity()}, {"frames", number(frames)}},
                      is_new ? identity() + ": " + state : "");
      }) {
  std::string codecs;
  for (const Feed::Stream &stream : feed.streams)
    codecs += (codecs.empty() ? "" : ", ") + stream.codec;
  journal_.note("joined", {{"participant", feed.identity}, {"feed", feed.id}, {"streams", codecs}},
                feed.identity + " joined (" + codecs + ")");
  recorded(0);
  subscription_ = context.room.subscribe(feed, context.receive, subscription_events());
}

// ---- what is told -------------------------------------------------------------------------------

RecordingEvents Participant::recording_events() {
  Journal &journal = journal_;
  RecordingEvents events;
  events.started = [&journal, is_sealed = seal_.has_value()](const std::string &identity,
                                                             const std::string &file) {
    JsonFields fields{{"participant", identity}, {"file", file}};
    if (is_sealed)  // without keys nothing proves it; otherwise key-used says
      fields.emplace_back("identity", "asserted");
    journal.note("recording-started", fields, "recording " + identity + " into " + file);
  };
  events.closed = [&journal](const std::string &identity, const RecordingEvents::Closed &closed) {
    journal.note("recording-closed",
                 {{"participant", identity},
                  {"file", closed.file},
                  {"sha256", closed.sha256},
                  {"bytes", number(closed.bytes)},
                  {"frames", number(closed.frames)},
                  {"reason", closed.reason}},
                 "closed " + closed.file + ": " + std::to_string(closed.frames) + " frames, " +
                     closed.reason);
  };
  events.trouble = [&journal](const std::string &identity, const std::string &problem) {
    journal.note("trouble", {{"participant", identity}, {"problem", problem}},
                 identity + ": " + problem, true);
  };
  return events;
}

Subscription::Events Participant::subscription_events() {
  Subscription::Events events;
  events.trouble = [this](const std::string &why) {
    journal_.note("connection", {{"participant", identity()}, {"problem", why}},
                  identity() + ": " + why, true);
  };
  events.state = [this](const std::string &state, std::uint64_t frames) {
    key_states_.add(state, frames);
  };
  events.frame = [this](Media media, unsigned nth, bool, GstSample *frame) {
    recorded(nth).recording.push(media, frame);
  };
  return events;
}

// A file that follows another begins in the middle of things: a key frame lets it be decoded soon.
void Participant::note_file(Recorded &recorded, const std::string &file) {
  if (file == recorded.file)
    return;
  if (!file.empty() && !recorded.is_first)
    subscription_->request_key_frame();
  recorded.is_first = recorded.is_first && file.empty();
  recorded.file = file;
  recorded.since = steady_clock::now();
}

void Participant::note_end() {
  key_states_.note_rest();
  const ReceiveStats stats = subscription_->stats();
  std::uint64_t arrived = 0, dropped = 0, lost = stats.frames_left_out;
  for (const TrackStats &track : stats.tracks) {
    arrived += track.frames_arrived;
    dropped += track.frames_dropped;
  }
  for (Recorded *recorded : all())
    lost += recorded->recording.counts().lost;
  journal_.note("left",
                {{"participant", identity()},
                 {"feed", feed_.id},
                 {"frames-arrived", number(arrived)},
                 {"frames-not-decrypted", number(dropped)},
                 {"frames-not-written", number(lost)},
                 {"packets-lost", number(stats.packets_lost + stats.packets_late)}},
                identity() + " left", dropped + lost > withdrawn_frames_.missed(stats));
}

// ---- recordings ---------------------------------------------------------------------------------

Participant::Recorded &Participant::recorded(unsigned nth) {
  const std::lock_guard lock(mutex_);
  std::unique_ptr<Recorded> &place = recorded_[nth];
  if (!place) {
    place = std::make_unique<Recorded>(
        Recording::Settings{folder_, identity(), seal_, recording_events()});
    place->recording.allow(since_ns_);
    if (withdrawn_)
      place->recording.withhold();
  }
  return *place;
}

std::vector<Participant::Recorded *> Participant::all() {
  const std::lock_guard lock(mutex_);
  std::vector<Recorded *> found;
  for (const auto &[nth, recorded] : recorded_)
    found.push_back(recorded.get());
  return found;
}

void Participant::update(const Feed &feed) {
  feed_.streams = feed.streams;
  subscription_->update(feed);
}

void Participant::tick() {
  if (closing_)
    return;
  if (withdrawn_frames_.is_settling())
    withdrawn_frames_.settle(subscription_->stats());
  for (Recorded *recorded : all()) {
    recorded->recording.tick();
    note_file(*recorded, recorded->recording.counts().file);
  }
}

void Participant::withhold() {
  {
    const std::lock_guard lock(mutex_);
    if (withdrawn_ || closing_)
      return;
    withdrawn_ = true;
  }
  for (Recorded *recorded : all())
    recorded->recording.withhold();
  withdrawn_frames_.begin(subscription_->stats());
}

void Participant::withdraw(const std::string &by) {
  withhold();
  if (!withdrawn_ || std::exchange(withdrawal_noted_, true))
    return;
  for (Recorded *recorded : all())
    recorded->recording.withdraw();
  journal_.note("withdrawn", {{"participant", identity()}, {"by", by}},
                identity() + " is no longer recorded: withdrawn by " + by);
}

void Participant::allow(const std::string &by) {
  {
    const std::lock_guard lock(mutex_);
    if (!withdrawn_)
      return;
    withdrawn_ = withdrawal_noted_ = false;
    since_ns_ = running_time_now(receive_);
  }
  withdrawn_frames_.end(subscription_->stats());
  for (Recorded *recorded : all())
    recorded->recording.allow(since_ns_);
  subscription_->request_key_frame();
  journal_.note("allowed", {{"participant", identity()}, {"by", by}},
                identity() + " may be recorded again: allowed by " + by);
}

void Participant::leave(const std::string &reason, std::function<void()> gone) {
  gone_ = std::move(gone);
  subscription_->drain([this, reason] { close(reason); });
}

void Participant::close(const std::string &reason) {
  closing_ = true;
  run_in_worker(
      [this, reason] {
        for (Recorded *recorded : all())
          recorded->recording.finish(reason);
      },
      [this] {
        note_end();
        const auto gone = std::move(gone_);
        gone();
      });
}

std::vector<ProgressRow> Participant::rows() {
  std::vector<ProgressRow> rows;
  for (Recorded *recorded : all()) {
    const RecordingCounts counts = recorded->recording.counts();
    ProgressRow row;
    row.identity = identity();
    row.state = counts.state;
    if (!recorded->file.empty())
      row.time =
          std::chrono::duration_cast<std::chrono::seconds>(steady_clock::now() - recorded->since);
    row.video = counts.video;
    row.audio = counts.audio;
    row.lost = counts.lost;
    row.bytes = counts.bytes;
    row.file = counts.file;
    const std::string &key_state = key_states_.state();
    const bool waits_for_key = key_state == "missing-key" || key_state == "decryption-failed";
    if (waits_for_key && counts.state != "withdrawn" && counts.state != "ended")
      row.state = key_state;
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace recorder
