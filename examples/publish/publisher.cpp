// SPDX-License-Identifier: LGPL-2.1-or-later
#include "publisher.h"

#include <algorithm>
#include <list>

#include "common/elements.h"
#include "common/keys.h"
#include "common/metrics.h"
#include "common/notify.h"
#include "common/secrets.h"
#include "common/stop_signals.h"
#include "livekit/encryption.h"
#include "livekit/ice.h"
#include "livekit/room.h"
#include "report.h"
#include "session.h"
#include "track.h"

namespace publish {

using examples::ExitStatus;
using examples::JsonFields;
using examples::seconds_text;
using livekit::Room;
using std::chrono::milliseconds;

namespace {

constexpr milliseconds kTick{250};
constexpr milliseconds kShowEvery{1000};

class Publisher {
 public:
  explicit Publisher(const Options &options);
  ~Publisher();
  ExitStatus run();

 private:
  examples::Keys::Events key_events();
  void add_sources();
  void open_room();
  void join(const wire::Join &join, milliseconds gap);
  void resume(milliseconds gap);
  void lose(const std::string &why, milliseconds again_in);
  void publish(Track &track);
  void on_known(Track &track);
  void on_changed(Track &track);
  Session::Events session_events();
  examples::PeerSettings peer_settings(const wire::Join &join) const;
  void tick();
  void show();
  void stop(const std::string &why, ExitStatus status);
  Figures figures();
  void watch_dog();

  const Options &options_;
  const livekit::Access access_;
  const std::string turn_server_;
  Report report_;
  examples::Keys keys_;
  GMainLoop *loop_ = g_main_loop_new(nullptr, FALSE);
  std::list<Track> tracks_;
  std::unique_ptr<Room> room_;
  std::unique_ptr<Session> session_;
  examples::Timer tick_, show_, end_, dog_;
  examples::StopSignals signals_{[this] { stop("signal", examples::kDone); }};
  std::unique_ptr<examples::MetricsServer> metrics_;
  guint64 reconnects_ = 0, packets_lost_ = 0;  // packets: in earlier sessions
  bool stopping_ = false, joined_ = false, lossy_ = false;
  ExitStatus status_ = examples::kDone;
};

livekit::Access open_access(const Options &options) {
  livekit::AccessOptions given = options.access;
  if (given.name.empty())
    given.name = "Publisher";
  livekit::Access access = livekit::open_access(given, {.publish = true});
  if (access.identity.empty())
    access.identity = "publisher-" + std::to_string(g_random_int());
  return access;
}

Publisher::Publisher(const Options &options)
    : options_(options),
      access_(open_access(options)),
      turn_server_(examples::read_secret(options.turn_file)),
      report_(options.json),
      keys_({.provider = options.key_provider, .purpose = "publishing"}, key_events()) {
  if (!options.metrics.empty())
    metrics_ = std::make_unique<examples::MetricsServer>(options.metrics,
                                                         [this] { return metrics_of(figures()); });
  add_sources();
  open_room();
  if (options.seconds > 0)
    end_.start(milliseconds(static_cast<std::int64_t>(options.seconds * 1000)),
               [this] { stop("time", examples::kDone); });
  tick();
  show();
}

Publisher::~Publisher() {
  session_.reset();
  room_.reset();
  tracks_.clear();
  g_main_loop_unref(loop_);
}

// A keys file is followed.
examples::Keys::Events Publisher::key_events() {
  examples::Keys::Events events;
  events.reloaded = [this](unsigned participants) {
    report_.note("keys-reloaded", {{"participants", std::int64_t{participants}}}, "new keys");
  };
  events.alarm = [this](const std::string &text) {
    lossy_ = true;
    report_.note("keys-alarm", {{"problem", text}}, text);
  };
  events.recovered = [this] {
    report_.note("keys-recovered", {}, "the keys file can be read again");
  };
  return events;
}

// ---- Sources

void Publisher::add_sources() {
  if (!keys_.has_key_of(access_.identity))
    report_.note("keys-missing", {{"participant", access_.identity}},
                 "there is no key of " + access_.identity +
                     ", which is this program's name in the room: nothing is sent until there is");
  LineSettings settings;
  settings.encode = options_.encode;
  settings.provider = keys_.provider();
  settings.scheme = options_.scheme;
  settings.participant = access_.identity;
  for (const SourceOption &option : options_.sources) {
    Track &track = tracks_.emplace_back();
    track.number = static_cast<unsigned>(tracks_.size());
    track.kind = option.kind;
    track.give_name();
    settings.text = option.line;
    Source::Events events;
    events.known = [this, &track](const Format &) { on_known(track); };
    events.changed = [this, &track] { on_changed(track); };
    events.told = [this, &track](const std::string &event, const std::string &what) {
      report_.note(event, track.fields({{"what", what}}), track.name + ": " + what);
    };
    track.source = std::make_unique<Source>(settings, std::move(events));
  }
}

void Publisher::on_known(Track &track) {
  const Format &format = *track.source->format();
  if (!session_)
    return;
  if (!track.published)
    return publish(track);
  if (track.published->codec != format.codec ||
      track.published->profile_level_id != format.profile_level_id)
    room_->join_anew(track.name + " has another codec now");
}

void Publisher::on_changed(Track &track) {
  const Source::State state = track.source->state();
  track.give_name();
  report_.note("source", track.fields({{"state", std::string(state_name(state))}}),
               track.name + ": " + state_name(state));
  if (state == Source::State::kFailed || state == Source::State::kRefused)
    lossy_ = true;
  if (session_)
    session_->set_muted(track.number, state != Source::State::kRunning);
  bool all_over = true, all_refused = true, all_failed = true;
  for (const Track &other : tracks_) {
    if (!other.source)
      return;  // still starting
    all_over = all_over && other.source->is_over();
    all_refused = all_refused && other.source->state() == Source::State::kRefused;
    all_failed = all_failed && (other.source->state() == Source::State::kFailed ||
                                other.source->state() == Source::State::kRefused);
  }
  if (all_over)
    stop("sources", all_refused  ? examples::kRefused
                    : all_failed ? examples::kFailed
                                 : examples::kDone);
}

// ---- The room

void Publisher::open_room() {
  Room::Settings settings;
  settings.access = access_;
  settings.auto_subscribe = false;
  // The server restarts ICE of its own connection when signalling resumes, which webrtcbin 1.22
  // does not know. Who may not subscribe has no such connection.
  settings.can_resume = [this] {
    return !access_.grants.subscribe && session_ && session_->is_connected();
  };
  Room::Events events;
  events.joined = [this](const wire::Join &response, milliseconds gap) { join(response, gap); };
  events.resumed = [this](milliseconds gap) { resume(gap); };
  events.message = [this](const wire::Response &response) {
    if (session_)
      session_->take(response);
  };
  events.lost = [this](const std::string &why, milliseconds again_in) { lose(why, again_in); };
  events.refused = [this](const std::string &why) {
    report_.note("refused", {{"why", why}}, "the room refuses: " + why);
    stop("refused", examples::kRefused);
  };
  events.ended = [this](wire::Reason reason, const std::string &why) {
    report_.note("removed", {{"why", why}, {"reason", std::int64_t{reason}}}, why);
    stop("room", examples::kRefused);
  };
  room_ = std::make_unique<Room>(std::move(settings), std::move(events));
}

examples::PeerSettings Publisher::peer_settings(const wire::Join &join) const {
  examples::PeerSettings settings;
  settings.loopback_only = options_.loopback_only;
  settings.stun_server = options_.stun;
  if (!turn_server_.empty())
    settings.turn_servers = {turn_server_};
  livekit::add_ice_servers(join, settings);
  return settings;
}

void Publisher::join(const wire::Join &join, milliseconds gap) {
  reconnects_ += joined_;
  joined_ = true;
  examples::notify("STATUS=in the room");
  report_.note("room-joined",
               {{"room", join.room().name()},
                {"identity", join.participant().identity()},
                {"gap_ms", std::int64_t{gap.count()}}},
               "in room " + join.room().name() + " as " + join.participant().identity() +
                   (gap.count() > 0 ? " again, after " + seconds_text(gap) : ""));
  for (Track &track : tracks_)
    track.published.reset();
  try {
    session_ = std::make_unique<Session>(peer_settings(join), session_events());
  } catch (const examples::Failure &failure) {
    report_.note("failed", {{"why", std::string(failure.what())}}, failure.what());
    return stop("failure", examples::kFailed);
  }
  for (Track &track : tracks_)
    if (track.source->format() && !track.source->is_over())
      publish(track);
}

void Publisher::resume(milliseconds gap) {
  ++reconnects_;
  examples::notify("STATUS=in the room");
  report_.note("resumed", {{"gap_ms", std::int64_t{gap.count()}}},
               "signalling is back after " + seconds_text(gap) + "; media went on");
  wire::Request request;
  if (session_) {
    *request.mutable_sync_state() = session_->state();
    room_->send(request);
  }
}

void Publisher::lose(const std::string &why, milliseconds again_in) {
  const bool goes_on = room_ && room_->is_resuming();
  report_.note(
      "room-lost",
      {{"why", why}, {"again_in_ms", std::int64_t{again_in.count()}}, {"media", goes_on}},
      why + (goes_on ? "; media goes on" : "") + "; trying again in " + seconds_text(again_in));
  examples::notify_status("trying to get into the room again: " + why);
  if (goes_on || !session_)
    return;
  lossy_ = true;
  packets_lost_ += session_->packets_lost();
  session_.reset();
  for (Track &track : tracks_)
    track.source->set_wanted(false);
}

void Publisher::publish(Track &track) {
  track.published = track.source->format();
  Source *source = track.source.get();
  try {
    session_->add({.source = track.number,
                   .format = *track.published,
                   .kind = track.kind,
                   .encryption = livekit::encryption_of(options_.scheme),
                   .name = track.name,
                   .muted = source->state() != Source::State::kRunning,
                   .outlet = &source->outlet(),
                   .key_frame_is_wanted = [source] { source->ask_for_key_frame(); }});
  } catch (const examples::Failure &failure) {
    source->refuse(failure.what());
  }
}

Session::Events Publisher::session_events() {
  const auto track_of = [this](unsigned number) -> Track & {
    return *std::find_if(tracks_.begin(), tracks_.end(),
                         [number](const Track &track) { return track.number == number; });
  };
  Session::Events events;
  events.send = [this](const wire::Request &request) { room_->send(request); };
  events.published = [this, track_of](unsigned number, const std::string &sid) {
    Track &track = track_of(number);
    report_.note(
        "published",
        track.fields({{"sid", sid}, {"codec", std::string(info_of(track.published->codec).name)}}),
        track.name + " is in the room");
    if (session_->is_connected())
      track.source->announce();
  };
  events.wanted = [this, track_of](unsigned number, bool wanted) {
    Track &track = track_of(number);
    report_.note("subscribed", track.fields({{"wanted", wanted}}), "");
    track.source->set_wanted(wanted);
  };
  events.refused = [track_of](unsigned number, const std::string &why) {
    track_of(number).source->refuse(why);
  };
  events.connected = [this] {
    report_.note("connected", {}, "");
    room_->set_media_connected();
    for (Track &track : tracks_)
      if (track.published)
        track.source->announce();
  };
  events.failed = [this](const std::string &why) { room_->join_anew(why); };
  return events;
}

// ---- While it runs

void Publisher::tick() {
  for (Track &track : tracks_)
    track.source->tick();
  tick_.start(kTick, [this] { tick(); });
}

Figures Publisher::figures() {
  Figures figures{.rows = {},
                  .reconnects = reconnects_,
                  .packets_lost = packets_lost_ + (session_ ? session_->packets_lost() : 0)};
  for (const Track &track : tracks_) {
    Row &row = figures.rows.emplace_back(track.source->figures());
    row.number = track.number;
    row.name = track.name;
  }
  return figures;
}

void Publisher::show() {
  report_.show(figures().rows);
  show_.start(kShowEvery, [this] { show(); });
}

void Publisher::watch_dog() {
  const auto interval = examples::watchdog_interval();
  if (!interval)
    return;
  examples::notify("WATCHDOG=1");
  dog_.start(*interval, [this] { watch_dog(); });
}

void Publisher::stop(const std::string &why, ExitStatus status) {
  if (std::exchange(stopping_, true))
    return;
  status_ = status;
  report_.note("stopping", {{"by", why}}, "");
  examples::notify("STOPPING=1");
  if (room_)
    room_->close([this] { g_main_loop_quit(loop_); });
  else
    end_.start(milliseconds(0), [this] { g_main_loop_quit(loop_); });
}

ExitStatus Publisher::run() {
  // The room may be out of reach for long: that is no failed start.
  examples::notify("READY=1\nSTATUS=joining");
  watch_dog();
  g_main_loop_run(loop_);
  if (!joined_ && status_ == examples::kDone)
    throw examples::Failure("the room was never reached");
  return status_ == examples::kDone && lossy_ ? examples::kLossy : status_;
}

}  // namespace

ExitStatus publish(const Options &options) {
  std::vector<std::string> needed = {"appsrc",    "appsink",   "capsfilter",
                                     "clocksync", "h264parse", "e2eeencrypt"};
  for (const CodecInfo &info : codecs())
    needed.push_back(info.payloader);
  for (const auto &more : {encoding_elements(options.encode), examples::kWebrtcElements})
    needed.insert(needed.end(), more.begin(), more.end());
  examples::require_elements(needed);
  return Publisher(options).run();
}

}  // namespace publish
