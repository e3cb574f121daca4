// SPDX-License-Identifier: LGPL-2.1-or-later
// Who is in the recorder's room and what they publish, by what the server says.
#include "recorded_room.h"

namespace {

using namespace fake;

TEST_F(RecordedRoom, FollowsWhoPublishes) {
  *server_.join.add_other_participants() =
      participant("alice", {track("TR_a", wire::VIDEO), track("TR_b", wire::AUDIO)});
  *server_.join.add_other_participants() = participant("listener", {});
  *server_.join.add_other_participants() = participant("writer", {track("TR_d", wire::DATA)});
  *server_.join.add_other_participants() = participant("me", {track("TR_m", wire::VIDEO)});
  enter();
  expect_log({"joined", "+alice"});
  const recorder::Feed &alice = feeds_["alice"];
  ASSERT_EQ(alice.streams.size(), 2U);
  EXPECT_EQ(alice.streams[0],
            (recorder::Feed::Stream{.id = "TR_a", .type = "video", .codec = "vp8"}));
  EXPECT_EQ(alice.streams[1].codec, "opus");
  wire::Track screen = track("TR_s", wire::VIDEO);
  screen.set_source(wire::SCREEN_SHARE);
  update({participant("alice", {screen}), participant("listener", {track("TR_l", wire::AUDIO)})});
  expect_log({"joined", "+alice", "~alice", "+listener"});
  EXPECT_TRUE(feeds_["alice"].streams.front().is_screen);
  update({participant("alice", {screen})});  // nothing new
  wire::Participant gone = participant("alice", {});
  gone.set_state(wire::Participant::DISCONNECTED);
  update({gone});
  expect_log({"joined", "+alice", "~alice", "+listener", "-alice"});
}

TEST_F(RecordedRoom, WantsTheHighestLayer) {
  *server_.join.add_other_participants() =
      participant("alice", {track("TR_a", wire::VIDEO), track("TR_b", wire::AUDIO)});
  enter();
  ASSERT_TRUE(run_until([this] { return server_.count(wire::Request::kTrackSetting) > 0; }));
  for (const wire::Request &request : server_.requests) {
    if (!request.has_track_setting())
      continue;
    EXPECT_EQ(request.track_setting().quality(), wire::HIGH);
    ASSERT_EQ(request.track_setting().track_sids_size(), 1);
    EXPECT_EQ(request.track_setting().track_sids(0), "TR_a");
  }
}

TEST_F(RecordedRoom, KnowsWhoComesBackByTheSid) {
  *server_.join.add_other_participants() = participant("alice", {track("TR_a", wire::AUDIO)});
  enter_and_wait();
  update({participant("alice", {track("TR_b", wire::AUDIO)}, "PA_again")});
  expect_log({"joined", "+alice", "+alice"});
  wire::Participant gone = participant("alice", {});
  gone.set_state(wire::Participant::DISCONNECTED);
  update({gone});
  expect_log({"joined", "+alice", "+alice", "-alice"});
}

// ---- A new session

TEST_F(RecordedRoom, WhoStayedDidNotLeave) {
  *server_.join.add_other_participants() = participant("alice", {track("TR_a", wire::AUDIO)});
  *server_.join.add_other_participants() = participant("bob", {track("TR_b", wire::AUDIO)});
  enter();
  expect_log({"joined", "+alice", "+bob"});
  server_.join.mutable_other_participants()->DeleteSubrange(1, 1);
  *server_.join.add_other_participants() = participant("carol", {track("TR_c", wire::AUDIO)});
  log_.clear();
  server_.leave(wire::SERVER_SHUTDOWN, wire::Leave::RECONNECT);
  expect_log({"lost: the server shuts down", "joined", "-bob", "+carol"});
}

TEST_F(RecordedRoom, WhoCameBackMeanwhileIsSomebodyElse) {
  *server_.join.add_other_participants() = participant("alice", {track("TR_a", wire::AUDIO)});
  enter();
  expect_log({"joined", "+alice"});
  server_.join.clear_other_participants();
  *server_.join.add_other_participants() =
      participant("alice", {track("TR_b", wire::AUDIO)}, "PA_again");
  log_.clear();
  server_.leave(wire::SERVER_SHUTDOWN, wire::Leave::RECONNECT);
  expect_log({"lost: the server shuts down", "joined", "-alice", "+alice"});
}

TEST_F(RecordedRoom, AMessageThatIsTooLargeCostsASession) {
  *server_.join.add_other_participants() = participant("alice", {track("TR_a", wire::AUDIO)});
  enter();
  expect_log({"joined", "+alice"});
  wire::Response response;
  response.mutable_offer()->set_sdp(std::string(5 << 20, 'x'));
  server_.send(response);
  expect_log({"joined", "+alice", "lost: a message of more than 4 MiB was refused", "joined"});
}

TEST_F(RecordedRoom, SaysHowItEnds) {
  for (const auto &[reason, how] :
       {std::pair{wire::PARTICIPANT_REMOVED, "put out: an administrator"},
        {wire::DUPLICATE_IDENTITY, "put out: another participant"},
        {wire::ROOM_DELETED, "ended: the room was deleted"},
        {wire::ROOM_CLOSED, "ended: the room was closed"}}) {
    log_.clear();
    enter_and_wait();
    server_.leave(reason);
    EXPECT_TRUE(logged(how)) << log_.back();
    bool closed = false;
    room_->close([&closed] { closed = true; });
    EXPECT_TRUE(run_until([&closed] { return closed; }));
    room_.reset();
  }
}

TEST_F(RecordedRoom, IsRefused) {
  server_.refuse = 401;
  server_.words = "invalid token: hush-hush";
  enter();
  const livekit::Access with_token{.token = "hush-hush"};
  expect_log({"refused: the server answers 401: invalid token: (hidden); " + with_token.advice()});
}

// ---- What is not encrypted

TEST_F(RecordedRoom, UnencryptedTracksAreRefused) {
  *server_.join.add_other_participants() =
      participant("alice", {track("TR_a", wire::VIDEO), track("TR_b", wire::AUDIO, wire::NONE),
                            track("TR_c", wire::AUDIO, wire::CUSTOM)});
  enter();
  expect_log(
      {"joined", "track-refused! alice TR_b none", "track-refused! alice TR_c custom", "+alice"});
  ASSERT_EQ(feeds_["alice"].streams.size(), 1U);
  EXPECT_EQ(feeds_["alice"].streams.front().id, "TR_a");
  update({participant("alice", {track("TR_b", wire::AUDIO, wire::NONE)})});
  expect_log({"joined", "track-refused! alice TR_b none", "track-refused! alice TR_c custom",
              "+alice", "~alice"});  // told once
}

TEST_F(RecordedRoom, RedInsideTheEncryptionIsTold) {
  settings_.allow_unencrypted = true;
  wire::Track redundant = track("TR_a", wire::AUDIO);
  wire::Track in_the_clear = track("TR_b", wire::AUDIO, wire::NONE);
  for (wire::Track *each : {&redundant, &in_the_clear})
    each->set_mime_type("audio/red");
  *server_.join.add_other_participants() = participant("alice", {redundant, in_the_clear});
  enter();
  expect_log(
      {"joined", "track-redundant! alice TR_a", "track-unencrypted! alice TR_b none", "+alice"});
  EXPECT_EQ(feeds_["alice"].streams.front().codec, "opus");
  update({participant("alice", {redundant})});  // told once
  expect_log({"joined", "track-redundant! alice TR_a", "track-unencrypted! alice TR_b none",
              "+alice", "~alice"});
}

TEST_F(RecordedRoom, TracksOfAnotherSchemeAreTaken) {
  settings_.receive.scheme = "sframe";
  *server_.join.add_other_participants() =
      participant("alice", {track("TR_a", wire::VIDEO), track("TR_b", wire::AUDIO, wire::NONE),
                            track("TR_c", wire::AUDIO, wire::CUSTOM)});
  enter();
  expect_log({"joined", "track-refused! alice TR_b none", "+alice"});
  ASSERT_EQ(feeds_["alice"].streams.size(), 2U);
  EXPECT_EQ(feeds_["alice"].streams.back().id, "TR_c");
  EXPECT_FALSE(feeds_["alice"].streams.back().in_the_clear);
}

TEST_F(RecordedRoom, UnencryptedTracksMayBeWanted) {
  settings_.allow_unencrypted = true;
  *server_.join.add_other_participants() = participant(
      "alice", {track("TR_b", wire::AUDIO, wire::NONE), track("TR_c", wire::AUDIO, wire::CUSTOM)});
  enter();
  expect_log({"joined", "track-unencrypted! alice TR_b none", "track-refused! alice TR_c custom",
              "+alice"});
  ASSERT_EQ(feeds_["alice"].streams.size(), 1U);
  EXPECT_TRUE(feeds_["alice"].streams.front().in_the_clear);
}

TEST_F(RecordedRoom, ATrackThatIsNotEncryptedAnyMoreIsToldAgain) {
  *server_.join.add_other_participants() = participant("alice", {track("TR_a", wire::AUDIO)});
  enter_and_wait();
  update({participant("alice", {track("TR_a", wire::AUDIO, wire::NONE)})});
  update({participant("alice", {track("TR_a", wire::AUDIO)})});
  update({participant("alice", {track("TR_a", wire::AUDIO, wire::NONE)})});
  expect_log({"joined", "+alice", "track-refused! alice TR_a none", "~alice", "~alice",
              "track-refused! alice TR_a none", "~alice"});
}

// ---- What is noted

TEST_F(RecordedRoom, MutesAreNoted) {
  wire::Track muted = track("TR_a", wire::AUDIO);
  muted.set_muted(true);
  *server_.join.add_other_participants() = participant("alice", {muted});
  enter();
  expect_log({"joined", "track-muted alice TR_a", "+alice"});
  update({participant("alice", {muted})});
  update({participant("alice", {track("TR_a", wire::AUDIO)})});
  expect_log({"joined", "track-muted alice TR_a", "+alice", "track-unmuted alice TR_a"});
}

TEST_F(RecordedRoom, WhatTheServerHoldsBackIsNoted) {
  *server_.join.add_other_participants() = participant("alice", {track("TR_a", wire::VIDEO)});
  enter();
  expect_log({"joined", "+alice"});
  const auto say = [this](const std::string &sid, wire::StreamState::State state) {
    wire::Response response;
    wire::StreamState *stream = response.mutable_stream_state_update()->add_stream_states();
    stream->set_track_sid(sid);
    stream->set_state(state);
    server_.send(response);
  };
  for (const auto state : {wire::StreamState::ACTIVE, wire::StreamState::PAUSED,
                           wire::StreamState::PAUSED, wire::StreamState::ACTIVE}) {
    say("TR_a", state);
    say("TR_unknown", state);
  }
  settle();
  expect_log(
      {"joined", "+alice", "track-paused! alice TR_a server", "track-resumed alice TR_a server"});
}

TEST_F(RecordedRoom, TracksThatTheServerDoesNotGiveAreNoted) {
  *server_.join.add_other_participants() = participant("alice", {track("TR_a", wire::VIDEO)});
  enter();
  expect_log({"joined", "+alice"});
  for (const char *sid : {"TR_unknown", "TR_a"}) {
    wire::Response response;
    response.mutable_subscription_response()->set_track_sid(sid);
    response.mutable_subscription_response()->set_err(
        wire::SubscriptionResponse::CODEC_UNSUPPORTED);
    server_.send(response);
  }
  expect_log({"joined", "+alice", "track-not-received! alice TR_a"});
}

// ---- Servers that go wrong

TEST_F(RecordedRoom, NamesMayBeTooLong) {
  const std::string longest(512, 'x');
  *server_.join.add_other_participants() =
      participant(longest, {track("TR_a", wire::AUDIO)}, "PA_1");
  *server_.join.add_other_participants() =
      participant(longest + "x", {track("TR_b", wire::AUDIO)}, "PA_2");
  *server_.join.add_other_participants() = participant("", {track("TR_c", wire::AUDIO)}, "PA_3");
  *server_.join.add_other_participants() =
      participant(std::string("a\0b", 3), {track("TR_d", wire::AUDIO)}, "PA_4");
  wire::Participant named = participant("bob", {track("TR_e", wire::AUDIO)});
  named.set_name(std::string(600, 'y'));
  *named.add_tracks() = track(std::string(600, 'z'), wire::AUDIO);
  *named.add_tracks() = track("", wire::AUDIO);
  *server_.join.add_other_participants() = named;
  enter();
  expect_log({"joined", "+" + longest,
              "! a participant without a name, or with one that is too long, is not recorded",
              "+bob"});
  EXPECT_EQ(feeds_["bob"].display, "");
  EXPECT_EQ(feeds_["bob"].streams.size(), 1U);
}

TEST_F(RecordedRoom, NamesMayBeNoText) {
  enter_and_wait();
  wire::Response response;
  *response.mutable_update()->add_participants() =
      participant("alice", {track("TR_a", wire::AUDIO)});
  std::string bytes = response.SerializeAsString();
  bytes[bytes.find("alice")] = '\xff';
  server_.send_bytes(bytes);
  expect_log({"joined", "lost: what the server sends is no message of LiveKit's", "joined"});
}

TEST_F(RecordedRoom, FollowsSoManyPublishersAndTracks) {
  for (int i = 0; i < 1003; ++i)
    *server_.join.add_other_participants() =
        participant(std::to_string(i), {track("TR_" + std::to_string(i), wire::AUDIO)});
  enter();
  ASSERT_TRUE(logged("publishers"));
  ASSERT_EQ(log_.size(), 1002U);
  EXPECT_EQ(log_.back(), "! the room has more than 1000 publishers: the others are not recorded");
  std::vector<wire::Track> tracks;
  for (int i = 0; i < 40; ++i)
    tracks.push_back(track("TR_0_" + std::to_string(i), wire::VIDEO));
  update({participant("0", tracks)});
  update({participant("0", tracks)});
  ASSERT_TRUE(logged("~0"));
  EXPECT_TRUE(logged("! 0 publishes more than 16 tracks: the others are not recorded"));
  EXPECT_EQ(feeds_["0"].streams.size(), 16U);
  EXPECT_EQ(log_.size(), 1004U);
}

TEST_F(RecordedRoom, OddMessagesDoNoHarm) {
  server_.join.set_sif_trailer("abc");
  for (const char *url : {"", "stun:", "turn", "turn:", "turnip:x", "stun:[", "turn:@:/?", "\n"})
    server_.join.add_ice_servers()->add_urls(url);
  settings_.receive.loopback_only = false;
  *server_.join.add_other_participants() = participant("alice", {track("TR_a", wire::AUDIO)});
  enter();
  expect_log({"joined", "+alice"});
  for (const char *init :
       {"", "{", "[]", "7", "{}", R"({"candidate":7})", R"({"candidate":"x"})",
        R"({"candidate":"candidate:1 1 udp 1 127.0.0.1 9 typ host","sdpMLineIndex":-1})",
        R"({"candidate":"candidate:1 1 udp 1 127.0.0.1 9 typ host","sdpMLineIndex":4294967295})",
        R"({"candidate":"candidate:1 1 udp 1 127.0.0.1 9 typ host","sdpMLineIndex":99})",
        R"({"candidate":"candidate:","sdpMLineIndex":0})"}) {
    for (const wire::Target target : {wire::SUBSCRIBER, wire::PUBLISHER}) {
      wire::Response response;
      response.mutable_trickle()->set_candidate_init(init);
      response.mutable_trickle()->set_target(target);
      server_.send(response);
    }
  }
  wire::Response odd;
  odd.mutable_track_published();
  server_.send(odd);
  odd.mutable_room_update();
  server_.send(odd);
  odd.mutable_answer()->set_sdp("v=0");
  server_.send(odd);
  odd.mutable_update()->add_participants();
  server_.send(odd);
  settle();
  expect_log({"joined", "+alice"});
}

TEST_F(RecordedRoom, AServersTrailerMayBeTooShort) {
  server_.join.set_sif_trailer(
      "\x01\xfe"
      "56789");
  enter_and_wait();
  EXPECT_EQ(room_->server_trailer(), "01fe3536373839");
  server_.join.set_sif_trailer("123456");
  server_.leave(wire::SERVER_SHUTDOWN);
  ASSERT_TRUE(run_until([this] { return log_.size() == 3; }));
  EXPECT_EQ(room_->server_trailer(), "");
}

TEST_F(RecordedRoom, AnOfferThatIsNoneCostsASession) {
  settings_.patience = milliseconds(1000);
  for (const char *sdp : {"", "hello", "v=0\r\nm=video", "m=audio 9 x y\r\na=msid:x"}) {
    log_.clear();
    enter_and_wait();
    wire::Response response;
    response.mutable_offer()->set_sdp(sdp);
    server_.send(response);
    EXPECT_TRUE(logged("lost: ")) << sdp;
    EXPECT_TRUE(run_until([this] { return log_.back() == "joined"; }));
    room_.reset();
  }
}

TEST_F(RecordedRoom, LeavesInGoodOrder) {
  enter_and_wait();
  bool closed = false;
  room_->close([&closed] { closed = true; });
  EXPECT_TRUE(run_until([&closed] { return closed; }));
  EXPECT_EQ(server_.count(wire::Request::kLeave), 1U);
  expect_log({"joined"});
}

}  // namespace
