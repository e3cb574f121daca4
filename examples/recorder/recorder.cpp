// SPDX-License-Identifier: LGPL-2.1-or-later
#include "recorder.h"

#include <unistd.h>

#include <mutex>

#include "carried_codecs.h"
#include "chat_log.h"
#include "common/elements.h"
#include "common/keys.h"
#include "common/metrics.h"
#include "common/notify.h"
#include "common/program.h"
#include "common/secrets.h"
#include "common/stop_signals.h"
#include "common/timer.h"
#include "control.h"
#include "names.h"
#include "options.h"
#include "progress.h"
#include "roster.h"
#include "startup.h"
#include "status.h"
#include "track.h"

namespace recorder {
namespace {

constexpr std::chrono::milliseconds kTick{250};
constexpr std::chrono::milliseconds kProgressEvery{1000};
constexpr std::chrono::milliseconds kPrintTime{2000};

class Recorder {
 public:
  explicit Recorder(const Options &options);
  ~Recorder();
  int run();

 private:
  void open_log();
  void open_keys();
  void open_control();
  void open_metrics();
  void open_room(const Entrance &entrance);
  void set_timers();

  std::unique_ptr<Participant> participant(const Feed &feed);
  void tick();
  void show();
  void tell_service(const std::vector<ProgressRow> &rows);

  void stop(const std::string &why);
  void fail(const std::string &why);
  std::string failure() const;
  void end_when_empty();
  void finish();
  ExitStatus status() const;

  JsonWriter answer(const ControlRequest &request);

  const Options &options_;
  Folder folder_;
  Journal journal_;
  std::unique_ptr<AuditLog> log_;
  std::unique_ptr<Keys> keys_;
  ReceiveSettings receive_;
  GMainLoop *loop_ = g_main_loop_new(nullptr, FALSE);
  std::string room_name_;
  std::unique_ptr<Room> room_;
  Roster roster_;
  std::uint64_t losses_ = 0;  // of the room
  std::unique_ptr<ChatLog> chat_;
  bool chat_is_open_ = true;
  std::unique_ptr<Control> control_;
  std::vector<guint> sources_;
  // The second one ends at once: files are whole, the audit log stays open-ended.
  StopSignals signals_{[this] { stop("signal"); }};
  std::unique_ptr<MetricsServer> metrics_;
  Timer end_;
  bool stopping_ = false;
  bool joined_ = false, refused_ = false;
  bool in_room_ = false;  // now
  std::string service_status_;
  mutable std::mutex failure_mutex_;
  std::string failure_;
};

Recorder::Recorder(const Options &options)
    : options_(options),
      folder_(options.output),
      journal_(options.json ? Progress::Style::kJson : Progress::Style::kPeople,
               [this](const std::string &why) { fail(why); }),
      roster_(
          journal_, options.output, [this](const Feed &feed) { return participant(feed); },
          [this] { end_when_empty(); }) {
  receive_ = receive_settings(options);
  const Entrance way = entrance(options);  // no log of a start that lacks a file
  room_name_ = way.room;
  open_keys();
  open_control();
  open_metrics();
  open_log();
  roster_.note_withdrawn();
  open_room(way);
  set_timers();
}

Recorder::~Recorder() {
  for (guint source : sources_)
    g_source_remove(source);
  g_main_loop_unref(loop_);
}

// ---- what it works with -------------------------------------------------------------------------

void Recorder::open_log() {
  if (!options_.audit)
    return;
  const std::string path = options_.output + "/audit-" + now_text() + ".jsonl";
  log_ = std::make_unique<AuditLog>(path, file_or_credential(options_.audit_key),
                                    JsonFields{{"recorder", options_.name},
                                               {"room", room_name_},
                                               {"mode", options_.sealed ? "sealed" : "open"},
                                               {"scheme", options_.seal.scheme},
                                               {"version", std::string(examples::kVersion)}});
  journal_.keep(log_.get());
  log_->on_failure([this](const std::string &why) { fail(why); });
  if (keys_)
    log_->follow(keys_->provider());
  for (const std::string &notice : log_->notices())
    journal_.note("notice", {{"text", notice}}, notice);
}

void Recorder::open_keys() {
  if (options_.sealed)
    return;
  Keys::Settings settings;
  settings.provider = options_.key_provider;
  settings.grace = std::chrono::milliseconds(static_cast<int64_t>(options_.keys_grace * 1000));
  Keys::Events events;
  events.reloaded = [this](unsigned participants) {
    journal_.note("keys-reloaded", {{"participants", std::int64_t{participants}}},
                  "keys of " + std::to_string(participants) + " participants");
  };
  events.alarm = [this](const std::string &text) {
    journal_.note("keys-alarm", {{"problem", text}}, text, true);
  };
  events.recovered = [this] {
    journal_.note("keys-recovered", {}, "the keys file can be read again");
  };
  events.withdrawn = [this](const std::string &identity) { roster_.lose_key(identity); };
  events.allowed = [this](const std::string &identity) { roster_.regain_key(identity); };
  keys_ = std::make_unique<Keys>(std::move(settings), std::move(events));
  receive_.provider = keys_->provider();
  // A ring or key of the wrong size is told now, and not of each track.
  const CarriedCodecs check(receive_, receive_.provider);
}

void Recorder::open_control() {
  if (!options_.control.empty())
    control_ = std::make_unique<Control>(
        options_.control, [this](const ControlRequest &request) { return answer(request); });
}

void Recorder::open_metrics() {
  if (options_.metrics.empty())
    return;
  metrics_ = std::make_unique<MetricsServer>(
      options_.metrics, [this] { return metrics_of(roster_.figures(), roster_.size(), losses_); });
}

void Recorder::open_room(const Entrance &entrance) {
  Room::Events events;
  events.joined = [this](std::chrono::milliseconds gap) {
    joined_ = true;
    in_room_ = true;
    JsonFields fields{{"room", room_name_}};
    if (gap.count() > 0)
      fields.emplace_back("gap-ms", std::int64_t{gap.count()});
    journal_.note("room-joined", fields,
                  "in room " + room_name_ + " as \"" + options_.name + '"' +
                      (gap.count() > 0 ? " after " + std::to_string(gap.count()) + " ms" : ""));
  };
  events.publisher_joined = [this](const Feed &feed) {
    if (!stopping_)
      roster_.join(feed);
  };
  events.publisher_changed = [this](const Feed &feed) { roster_.change(feed); };
  events.publisher_left = [this](const Feed &feed, const std::string &why) {
    roster_.leave(feed, why);
  };
  events.lost = [this](const std::string &why, std::chrono::milliseconds again_in) {
    ++losses_;
    in_room_ = false;
    service_status_.clear();
    examples::notify_status("trying to get into the room again: " + why);
    journal_.note(
        "room-lost", {{"problem", why}, {"again-in-ms", std::int64_t{again_in.count()}}},
        why + "; trying again in " + std::to_string((again_in.count() + 999) / 1000) + " s", true);
  };
  events.trouble = [this](const std::string &what) {
    journal_.note("notice", {{"text", what}}, what, true);
  };
  events.refused = [this](const std::string &why) {
    refused_ = true;
    fail(why);
  };
  events.ended = [this](const std::string &why, bool put_out) {
    refused_ = put_out;
    journal_.note("room-ended", {{"problem", why}}, why, put_out);
    stop("room");
  };
  events.note = [this](const std::string &event, const JsonFields &fields, const std::string &text,
                       bool serious) { journal_.note(event, fields, text, serious); };
  chat_ = std::make_unique<ChatLog>(
      ChatLog::Settings{folder_.fd(), receive_.provider,
                        std::chrono::milliseconds(receive_.key_wait / GST_MSECOND),
                        // Who has withdrawn is not quoted either.
                        [this](const std::string &who) { return !roster_.is_withdrawn(who); }},
      journal_);
  events.data = [this](const Feed &feed, const std::string &packet) {
    if (chat_is_open_ && !roster_.is_withdrawn(feed.identity))
      chat_->take(feed.identity, packet);
  };
  room_ = entrance.enter(receive_, std::move(events));
}

void Recorder::set_timers() {
  const auto every = [this](std::chrono::milliseconds time, GSourceFunc call) {
    sources_.push_back(g_timeout_add(static_cast<guint>(time.count()), call, this));
  };
  every(kTick, [](gpointer self) -> gboolean {
    static_cast<Recorder *>(self)->tick();
    return G_SOURCE_CONTINUE;
  });
  if (const auto interval = examples::watchdog_interval())
    every(*interval, [](gpointer) -> gboolean {
      examples::notify("WATCHDOG=1");
      return G_SOURCE_CONTINUE;
    });
  every(kProgressEvery, [](gpointer self) -> gboolean {
    static_cast<Recorder *>(self)->show();
    return G_SOURCE_CONTINUE;
  });
  if (options_.seconds > 0)
    end_.start(std::chrono::milliseconds(static_cast<int64_t>(options_.seconds * 1000)),
               [this] { stop("time"); });
}

// ---- while it runs ------------------------------------------------------------------------------

std::unique_ptr<Participant> Recorder::participant(const Feed &feed) {
  std::optional<Seal> seal;
  if (options_.sealed) {
    seal = options_.seal;
    seal->recorder = options_.name;
    seal->room = room_name_;
    if (seal->server_trailer.empty())
      seal->server_trailer = room_->server_trailer();
  }
  const bool has_own_key = keys_ && GST_IS_E2EE_PARTICIPANT_KEY_PROVIDER(keys_->provider());
  return std::make_unique<Participant>(
      Participant::Context{*room_, journal_, receive_, folder_.fd(), std::move(seal), has_own_key},
      feed);
}

void Recorder::tick() {
  roster_.tick();
  chat_->tick();
  try {
    if (log_)
      log_->tick();
  } catch (const Failure &error) {
    fail(error.what());
  }
}

void Recorder::show() {
  const std::vector<ProgressRow> rows = roster_.rows();
  journal_.show(rows);
  tell_service(rows);
}

// The line that systemctl shows.
void Recorder::tell_service(const std::vector<ProgressRow> &rows) {
  if (!in_room_ || stopping_)
    return;
  const std::string status = "in the room" + progress_text::key_trouble(rows);
  if (status != std::exchange(service_status_, status))
    examples::notify_status(status);
}

JsonWriter Recorder::answer(const ControlRequest &request) {
  JsonWriter answer;
  if (request.command == "status")
    answer.set("participants", status_of(roster_.rows()));
  else if (request.command == "stop")
    stop("command");
  else if (request.command == "withdraw")
    answer.set("recordings", roster_.forbid(request.identity));
  else
    answer.set("recordings", roster_.permit(request.identity));
  return answer;
}

// ---- the end ------------------------------------------------------------------------------------

// Any thread: the audit log fails where something is to be noted.
void Recorder::fail(const std::string &why) {
  {
    const std::lock_guard lock(failure_mutex_);
    if (!failure_.empty())
      return;
    failure_ = why;
  }
  journal_.complain(why);
  g_idle_add_full(
      G_PRIORITY_HIGH,
      [](gpointer self) -> gboolean {
        static_cast<Recorder *>(self)->stop("failure");
        return G_SOURCE_REMOVE;
      },
      this, nullptr);
}

std::string Recorder::failure() const {
  const std::lock_guard lock(failure_mutex_);
  return failure_;
}

void Recorder::stop(const std::string &why) {
  if (stopping_)
    return;
  stopping_ = true;
  examples::notify("STOPPING=1");
  JsonFields fields{{"by", why}};
  if (const std::string problem = failure(); !problem.empty())
    fields.emplace_back("problem", problem);
  journal_.note("stopping", fields,
                roster_.is_empty() ? "stopping"
                                   : "stopping: taking what is on its way (again Ctrl-C: at once)");
  if (!failure().empty())  // nothing may be recorded that nobody accounts for
    roster_.withdraw("", "failure");
  roster_.send_all_away("stopped");
  end_when_empty();
}

void Recorder::end_when_empty() {
  if (!stopping_ || !roster_.is_empty())
    return;
  chat_is_open_ = false;
  chat_->close();
  journal_.end(roster_.past_rows());
  room_->close([this] { g_main_loop_quit(loop_); });
}

void Recorder::finish() {
  room_.reset();
  if (log_) {
    journal_.keep(nullptr);
    log_->on_failure(nullptr);
    log_->close({{"ended", failure().empty() ? "in good order" : failure()}});
  }
  keys_.reset();
}

int Recorder::run() {
  examples::notify("READY=1\nSTATUS=joining");
  g_main_loop_run(loop_);
  if (!joined_ && failure().empty())
    fail("the room was never reached");
  finish();
  if (!journal_.is_printed(kPrintTime))
    _exit(status());
  return status();
}

ExitStatus Recorder::status() const {
  if (refused_)
    return kRefused;
  if (!failure().empty())
    return kFailed;
  return journal_.anything_serious() ? kLossy : kDone;
}

}  // namespace

int record(const Options &options) {
  std::vector<std::string> needed = elements_of_tracks(!options.sealed);
  needed.insert(needed.end(), examples::kWebrtcElements.begin(), examples::kWebrtcElements.end());
  examples::require_elements(needed);
  return Recorder(options).run();
}

}  // namespace recorder
