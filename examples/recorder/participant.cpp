// SPDX-License-Identifier: LGPL-2.1-or-later
#include "participant.h"

#include <gio/gio.h>

namespace recorder {
namespace {

std::optional<Seal> seal_for(std::optional<Seal> seal, const Feed &feed) {
  if (seal)
    seal->identity = feed.identity;
  return seal;
}

std::int64_t number(std::uint64_t value) {
  return static_cast<std::int64_t>(value);
}

// Runs `work` on another thread and `done` back on the main context.
void run_in_thread(std::function<void()> work, std::function<void()> done) {
  struct Job {
    std::function<void()> work, done;
  };
  examples::ObjectPtr<GTask> task(g_task_new(
      nullptr, nullptr,
      [](GObject *, GAsyncResult *result, gpointer) {
        static_cast<Job *>(g_task_get_task_data(G_TASK(result)))->done();
      },
      nullptr));
  g_task_set_task_data(task.get(), new Job{std::move(work), std::move(done)},
                       [](gpointer job) { delete static_cast<Job *>(job); });
  g_task_run_in_thread(task.get(), [](GTask *running, gpointer, gpointer job, GCancellable *) {
    static_cast<Job *>(job)->work();
    g_task_return_boolean(running, TRUE);
  });
}

}  // namespace

Participant::Participant(const Context &context, const Feed &feed)
    : journal_(context.journal),
      feed_(feed),
      recording_({context.folder, feed.identity, seal_for(context.seal, feed), recording_events()}),
      subscription_(context.room, feed, context.receive, subscription_events()) {
  std::string codecs;
  for (const Feed::Stream &stream : feed.streams)
    codecs += (codecs.empty() ? "" : ", ") + stream.codec;
  journal_.note("joined",
                {{"participant", feed.identity}, {"feed", feed.id.text}, {"streams", codecs}},
                feed.identity + " joined (" + codecs + ")");
}

RecordingEvents Participant::recording_events() {
  Journal &journal = journal_;
  RecordingEvents events;
  events.started = [&journal](const std::string &identity, const std::string &file) {
    journal.note("recording-started", {{"participant", identity}, {"file", file}},
                 "recording " + identity + " into " + file);
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
                  identity() + ": " + why);
  };
  events.state = [this](const std::string &, const std::string &state, std::uint64_t frames) {
    const bool changed = key_state_ != state;
    key_state_ = state;
    journal_.note("frames-" + state, {{"participant", identity()}, {"frames", number(frames)}},
                  changed ? identity() + ": " + state : "");
  };
  events.frame = [this](Media media, GstSample *frame) { recording_.push(media, frame); };
  return events;
}

void Participant::update(const Feed &feed) {
  feed_.streams = feed.streams;
  subscription_.update(feed);
}

void Participant::tick() {
  if (closing_)
    return;
  recording_.tick();
  note_file(recording_.counts().file);
}

// A file that follows another begins in the middle of things: a key frame lets it be decoded soon.
void Participant::note_file(const std::string &file) {
  if (file == file_)
    return;
  if (!file.empty() && !first_file_)
    subscription_.request_key_frame();
  first_file_ = first_file_ && file.empty();
  file_ = file;
  file_since_ = std::chrono::steady_clock::now();
}

void Participant::withdraw(const std::string &by) {
  if (withdrawn_ || closing_)
    return;
  withdrawn_ = true;
  recording_.withdraw();
  journal_.note("withdrawn", {{"participant", identity()}, {"by", by}},
                identity() + " is no longer recorded: withdrawn by " + by);
}

void Participant::allow(const std::string &by) {
  if (!withdrawn_)
    return;
  withdrawn_ = false;
  recording_.allow();
  subscription_.request_key_frame();
  journal_.note("allowed", {{"participant", identity()}, {"by", by}},
                identity() + " may be recorded again: allowed by " + by);
}

void Participant::leave(const std::string &reason, std::function<void()> gone) {
  gone_ = std::move(gone);
  subscription_.drain([this, reason] { close(reason); });
}

void Participant::close(const std::string &reason) {
  closing_ = true;
  run_in_thread([this, reason] { recording_.finish(reason); },
                [this] {
                  note_end();
                  auto gone = std::move(gone_);
                  gone();
                });
}

void Participant::note_end() {
  ReceiveStats stats = received();
  std::uint64_t arrived = 0, dropped = 0;
  for (const TrackStats &track : stats.tracks) {
    arrived += track.frames_arrived;
    dropped += track.frames_dropped;
  }
  journal_.note("left",
                {{"participant", identity()},
                 {"feed", feed_.id.text},
                 {"frames-arrived", number(arrived)},
                 {"frames-not-decrypted", number(dropped)},
                 {"frames-not-written", number(recording_.counts().lost)},
                 {"packets-lost", number(stats.packets_lost + stats.packets_late)}},
                identity() + " left");
}

ProgressRow Participant::row() {
  const RecordingCounts counts = recording_.counts();
  note_file(counts.file);
  ProgressRow row;
  row.identity = identity();
  row.state = counts.state;
  if (!file_.empty())
    row.time = std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() -
                                                                file_since_);
  row.video = counts.video;
  row.audio = counts.audio;
  row.lost = counts.lost;
  row.bytes = counts.bytes;
  row.file = counts.file;
  const bool waits_for_key = key_state_ == "missing-key" || key_state_ == "decryption-failed";
  if (waits_for_key && counts.state != "withdrawn")
    row.state = key_state_;
  return row;
}

}  // namespace recorder
