// SPDX-License-Identifier: LGPL-2.1-or-later
#include "participant.h"

#include "common/worker.h"
#include "key_state.h"

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

std::string codecs_of(const Feed &feed) {
  std::string codecs;
  for (const Feed::Stream &stream : feed.streams)
    codecs += (codecs.empty() ? "" : ", ") + stream.codec;
  return codecs;
}

std::string reason_of(const std::string &state) {
  const KeyState *known = key_state(state);
  return known ? known->reason : state;
}

}  // namespace

Participant::Participant(const Context &context, const Feed &feed)
    : journal_(context.journal),
      feed_(feed),
      folder_(context.folder),
      seal_(seal_for(context.seal, feed)),
      has_own_key_(context.has_own_key),
      receive_(context.receive),
      key_states_([this](const std::string &state, std::uint64_t frames, bool is_new) {
        journal_.note("frames-" + state, {{"participant", identity()}, {"frames", number(frames)}},
                      is_new ? identity() + ": " + reason_of(state) : "");
      }),
      server_frames_([this](const std::string &, std::uint64_t frames, bool) {
        journal_.note("server-frames", {{"participant", identity()}, {"frames", number(frames)}});
      }) {
  codecs_ = codecs_of(feed);
  journal_.note("joined", {{"participant", feed.identity}, {"feed", feed.id}, {"streams", codecs_}},
                feed.identity + " joined (" + codecs_ + ")");
  recorded(0);
  subscription_ = context.room.subscribe(feed, context.receive, subscription_events());
}

// ---- what is told -------------------------------------------------------------------------------

// Whose frames these are is proven by a key that nobody else has, or else asserted by the server.
RecordingEvents Participant::recording_events(bool in_the_clear) {
  Journal &journal = journal_;
  RecordingEvents events;
  const bool is_proven = has_own_key_ && !seal_ && !in_the_clear;
  events.started = [&journal, is_proven, in_the_clear](const std::string &identity,
                                                       const std::string &file) {
    JsonFields fields{
        {"participant", identity}, {"file", file}, {"identity", is_proven ? "proven" : "asserted"}};
    if (in_the_clear)
      fields.emplace_back("encrypted", false);
    journal.note("recording-started", fields,
                 "recording " + identity + " into " + file + (in_the_clear ? ", unencrypted" : ""));
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
    (state == kFramesOfServer ? server_frames_ : key_states_).add(state, frames);
  };
  events.frame = [this](Media media, unsigned nth, bool in_the_clear, GstSample *frame) {
    recorded(nth, in_the_clear).recording.push(media, frame);
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

// A server that has not the bandwidth for the highest layer sends a lower one.
void Participant::note_size(Recorded &recorded, const RecordingCounts &counts) {
  if (counts.width == recorded.width && counts.height == recorded.height)
    return;
  const bool is_first = recorded.width == 0;
  const std::string size = std::to_string(counts.width) + "x" + std::to_string(counts.height);
  journal_.note("video-size",
                {{"participant", identity()},
                 {"file", counts.file},
                 {"width", std::int64_t{counts.width}},
                 {"height", std::int64_t{counts.height}}},
                is_first ? "" : identity() + ": pictures are " + size + " now");
  recorded.width = counts.width;
  recorded.height = counts.height;
}

void Participant::note_end() {
  key_states_.note_rest();
  server_frames_.note_rest();
  const ReceiveStats stats = subscription_->stats();
  std::uint64_t arrived = 0;
  for (const TrackStats &track : stats.tracks)
    arrived += track.frames_arrived;
  const Figures total = figures();
  journal_.note("left",
                {{"participant", identity()},
                 {"feed", feed_.id},
                 {"frames-arrived", number(arrived)},
                 {"frames-not-decrypted", number(total.not_decrypted)},
                 {"frames-not-written", number(total.not_written)},
                 {"packets-lost", number(total.packets_lost)}},
                identity() + " left",
                total.not_decrypted + total.not_written > withdrawn_frames_.missed(stats));
}

Figures Participant::figures() {
  const ReceiveStats stats = subscription_->stats();
  Figures total{.not_written = stats.frames_left_out,
                .packets_lost = stats.packets_lost + stats.packets_late};
  for (const TrackStats &track : stats.tracks)
    total.not_decrypted += track.frames_dropped;
  for (Recorded *recorded : all()) {
    const RecordingCounts counts = recorded->recording.counts();
    total.frames += counts.video + counts.audio;
    total.bytes += counts.bytes;
    total.not_written += counts.lost;
  }
  return total;
}

// ---- recordings ---------------------------------------------------------------------------------

Participant::Recorded &Participant::recorded(unsigned nth, bool in_the_clear) {
  const std::lock_guard lock(mutex_);
  std::unique_ptr<Recorded> &place = recorded_[{nth, in_the_clear}];
  if (!place) {
    place = std::make_unique<Recorded>(Recording::Settings{folder_, identity(), seal_, in_the_clear,
                                                           recording_events(in_the_clear)});
    place->recording.allow(since_ns_);
    if (withdrawn_)
      place->recording.withhold();
  }
  return *place;
}

std::vector<Participant::Recorded *> Participant::all() {
  const std::lock_guard lock(mutex_);
  std::vector<Recorded *> found;
  for (const auto &[place, recorded] : recorded_)
    found.push_back(recorded.get());
  return found;
}

// Clients publish one track after the other.
void Participant::note_codecs() {
  const std::string codecs = codecs_of(feed_);
  if (codecs == codecs_)
    return;
  codecs_ = codecs;
  journal_.note("streams", {{"participant", identity()}, {"feed", feed_.id}, {"streams", codecs}},
                identity() + " sends " + (codecs.empty() ? "nothing" : codecs) + " now");
}

void Participant::update(const Feed &feed) {
  feed_.streams = feed.streams;
  note_codecs();
  subscription_->update(feed);
}

void Participant::tick() {
  if (closing_)
    return;
  if (withdrawn_frames_.is_settling())
    withdrawn_frames_.settle(subscription_->stats());
  for (Recorded *recorded : all()) {
    recorded->recording.tick();
    const RecordingCounts counts = recorded->recording.counts();
    note_file(*recorded, counts.file);
    note_size(*recorded, counts);
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
    const KeyState *key = key_state(key_states_.state());
    if (key && key->brief && counts.state != "withdrawn" && counts.state != "ended") {
      row.key = key;
      row.state = key->name;
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace recorder
