// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "fake_server.h"
#include "recorder/livekit_room.h"

namespace fake {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

inline wire::Track track(const std::string &sid, wire::TrackType type,
                         wire::Encryption encryption = wire::GCM) {
  wire::Track track;
  track.set_sid(sid);
  track.set_type(type);
  track.set_encryption(encryption);
  track.set_mime_type(type == wire::AUDIO ? "audio/opus" : "video/VP8");
  return track;
}

inline wire::Participant participant(const std::string &identity,
                                     const std::vector<wire::Track> &tracks,
                                     const std::string &sid = {}) {
  wire::Participant participant;
  participant.set_sid(sid.empty() ? "PA_" + identity : sid);
  participant.set_identity(identity);
  participant.set_state(wire::Participant::ACTIVE);
  for (const wire::Track &one : tracks)
    *participant.add_tracks() = one;
  return participant;
}

/// The recorder's room on a server of this process; what it tells goes into a log.
class RecordedRoom : public testing::Test {
 protected:
  void enter() {
    settings_.access.url = server_.url();
    settings_.access.token = "hush-hush";
    settings_.receive.loopback_only = true;
    const auto tell = [this](const std::string &what) {
      return [this, what](const recorder::Feed &feed) {
        feeds_[feed.identity] = feed;
        log_.push_back(what + feed.identity);
        if (on_publisher)
          on_publisher(feed, what);
      };
    };
    room_ = std::make_unique<recorder::LiveKitRoom>(
        settings_,
        recorder::Room::Events{
            .joined = [this](milliseconds) { log_.push_back("joined"); },
            .publisher_joined = tell("+"),
            .publisher_changed = tell("~"),
            .publisher_left = [tell](const recorder::Feed &feed,
                                     const std::string &) { tell("-")(feed); },
            .lost = [this](const std::string &why,
                           milliseconds) { log_.push_back("lost: " + why); },
            .refused = [this](const std::string &why) { log_.push_back("refused: " + why); },
            .ended =
                [this](const std::string &why, bool put_out) {
                  log_.push_back((put_out ? "put out: " : "ended: ") + why);
                },
            .trouble = [this](const std::string &what) { log_.push_back("! " + what); },
            .note =
                [this](const std::string &event, const recorder::JsonFields &fields,
                       const std::string &, bool serious) {
                  std::string line = event + (serious ? "!" : "");
                  for (const auto &[name, value] : fields)
                    line += " " + std::get<std::string>(value);
                  log_.push_back(line);
                },
            .data = {}});
  }
  void enter_and_wait() {
    enter();
    ASSERT_TRUE(run_until([this] { return !log_.empty(); }));
    ASSERT_EQ(log_.front(), "joined");
  }
  /// Also that nothing else was told.
  void expect_log(const std::vector<std::string> &wanted) {
    run_until([&] { return log_.size() >= wanted.size(); }, 10s);
    EXPECT_EQ(log_, wanted);
  }
  bool logged(const std::string &part, milliseconds limit = 30s) {
    return run_until(
        [&] {
          for (const std::string &line : log_)
            if (line.find(part) != std::string::npos)
              return true;
          return false;
        },
        limit);
  }
  void update(const std::vector<wire::Participant> &participants) {
    wire::Response response;
    for (const wire::Participant &one : participants)
      *response.mutable_update()->add_participants() = one;
    server_.send(response);
  }
  /// Until the room has taken what the server has said: an update that changes nothing else.
  void settle() {
    const std::string name = "marker-" + std::to_string(++markers_);
    update({participant(name, {track("TR_" + name, wire::AUDIO)})});
    ASSERT_TRUE(logged("+" + name));
    std::erase(log_, "+" + name);
    wire::Participant gone = participant(name, {});
    gone.set_state(wire::Participant::DISCONNECTED);
    update({gone});
    ASSERT_TRUE(logged("-" + name));
    std::erase(log_, "-" + name);
  }

  FakeServer server_;
  recorder::LiveKitRoom::Settings settings_{
      .access = {}, .receive = {}, .backoff = examples::Backoff(50ms, 200ms)};
  std::vector<std::string> log_;
  std::map<std::string, recorder::Feed> feeds_;  // by identity, as told last
  std::function<void(const recorder::Feed &, const std::string &)> on_publisher;
  int markers_ = 0;
  std::unique_ptr<recorder::Room> room_;
};

}  // namespace fake
