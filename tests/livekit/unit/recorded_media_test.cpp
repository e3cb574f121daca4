// SPDX-License-Identifier: LGPL-2.1-or-later
// Media in the recorder's room: offers of a real webrtcbin, with the names of participants and
// tracks that a LiveKit server puts into them.
#include <array>
#include <atomic>
#include <sstream>

#include "livekit/ice.h"
#include "recorded_room.h"
#include "recorder/publisher/participant.h"

namespace {

using namespace fake;
using examples::Media;

/// A participant's share, and what came of it by where it goes.
struct Share {
  std::unique_ptr<recorder::Subscription> subscription;
  std::array<std::atomic<std::uint64_t>, 2> frames{};
  std::uint64_t of(Media media) const { return frames[static_cast<std::size_t>(media)]; }
};

class RecordedMedia : public RecordedRoom {
 protected:
  void SetUp() override {
    make_sender();
    on_publisher = [this](const recorder::Feed &feed, const std::string &what) {
      if (what == "+")
        subscribe(feed);
      else if (what == "~")
        shares_[feed.id]->subscription->update(feed);
    };
  }

  void make_sender() {
    publisher::Participant::Settings sending;
    sending.identity = "sender";
    sending.format = {"vp8", 64, 64};
    sending.video = &clips_.video(sending.format);
    sending.audio = &clips_.audio();
    sending.protection = publisher::Participant::Protection::kNone;
    sending.on_state = [this](const char *state) { connected_ = g_str_equal(state, "connected"); };
    connected_ = false;
    sender_ = std::make_unique<publisher::Participant>(sending);
    offer_ = sender_->make_offer();
  }

  void subscribe(const recorder::Feed &feed) {
    auto &share = shares_[feed.id] = std::make_unique<Share>();
    Share *to = share.get();
    share->subscription = room_->subscribe(
        feed, settings_.receive,
        {.trouble = [this](const std::string &why) { log_.push_back("! " + why); },
         .state = [](const std::string &, std::uint64_t) {},
         .frame = [to](Media media, unsigned, bool,
                       GstSample *) { ++to->frames[static_cast<std::size_t>(media)]; }});
  }

  /// The sender's offer, with these for msid: stream and track.
  std::string offer(const std::string &video, const std::string &audio,
                    const std::string &video_direction = "sendonly") const {
    std::istringstream lines(offer_);
    std::string text, kind;
    for (std::string line; std::getline(lines, line);) {
      while (line.ends_with('\r'))
        line.pop_back();
      if (line.starts_with("m="))
        kind = line.substr(2, 5);
      const bool is_direction = line == "a=sendrecv" || line == "a=sendonly";
      if (line.starts_with("a=msid:") || line.empty())
        continue;
      text +=
          (is_direction ? "a=" + (kind == "video" ? video_direction : "sendonly") : line) + "\r\n";
      if (is_direction)
        text += "a=msid:" + (kind == "video" ? video : audio) + "\r\n";
    }
    return text;
  }

  void send_offer(const std::string &sdp) {
    answers_wanted_ = server_.count(wire::Request::kAnswer) + 1;
    wire::Response response;
    response.mutable_offer()->set_type("offer");
    response.mutable_offer()->set_sdp(sdp);
    server_.send(response);
  }
  bool is_answered() const { return server_.count(wire::Request::kAnswer) >= answers_wanted_; }

  /// The room's answer, with its candidates, to the sender.
  void connect(const std::string &sdp) {
    server_.requests.clear();
    send_offer(sdp);
    ASSERT_TRUE(
        run_until([this] { return is_answered() && server_.count(wire::Request::kTrickle) > 0; }));
    std::string answer, candidates;
    for (const wire::Request &request : server_.requests) {
      if (request.has_answer())
        answer = request.answer().sdp();
      else if (const auto candidate = livekit::candidate_of(request.trickle()))
        candidates += "a=" + candidate->text + "\r\n";
    }
    const auto place = answer.find("\r\n", answer.find("\r\nc=", answer.find("\r\nm=")) + 2) + 2;
    sender_->take_answer(answer.insert(place, candidates));
    ASSERT_TRUE(run_until([this] { return connected_.load(); }));
    run_for(500ms);  // the last message of DTLS is on its way to the room
  }

  void send_for(milliseconds time) {
    const auto end = std::chrono::steady_clock::now() + time;
    while (std::chrono::steady_clock::now() < end) {
      sender_->send_due();
      run_for(5ms);
    }
  }
  std::string all_told() const {
    std::string all;
    for (const std::string &line : log_)
      all += line + "\n";
    return all;
  }
  bool send_until(const std::function<bool()> &done) {
    return run_until(
        [&] {
          sender_->send_due();
          return done();
        },
        20s);
  }
  void drain(const std::string &sid) {
    bool drained = false;
    shares_[sid]->subscription->drain([&drained] { drained = true; });
    EXPECT_TRUE(run_until([&drained] { return drained; }));
  }

  void join_with(const std::vector<wire::Participant> &participants) {
    for (const wire::Participant &one : participants)
      *server_.join.add_other_participants() = one;
    enter();
    ASSERT_TRUE(run_until([&] { return log_.size() > participants.size(); }));
  }

  publisher::Clips clips_{""};
  std::string offer_;
  std::size_t answers_wanted_ = 0;
  std::atomic<bool> connected_ = false;
  std::map<std::string, std::unique_ptr<Share>> shares_;  // by sid
  std::unique_ptr<publisher::Participant> sender_;
};

const wire::Participant kAlice = participant("alice", {track("TR_v", wire::VIDEO)});
const wire::Participant kBob = participant("bob", {track("TR_a", wire::AUDIO)});

TEST_F(RecordedMedia, GoesToTheOwnersOfItsTracks) {
  join_with({kAlice, kBob});
  connect(offer("PA_alice|x TR_v", "PA_bob TR_a"));
  send_for(1500ms);
  drain("PA_alice");
  drain("PA_bob");
  EXPECT_EQ(shares_["PA_alice"]->of(Media::kVideo), sender_->sent(Media::kVideo));
  EXPECT_EQ(shares_["PA_bob"]->of(Media::kAudio), sender_->sent(Media::kAudio));
  EXPECT_EQ(shares_["PA_alice"]->of(Media::kAudio), 0U);
  EXPECT_EQ(shares_["PA_bob"]->of(Media::kVideo), 0U);
  expect_log({"joined", "+alice", "+bob"});
}

TEST_F(RecordedMedia, OfOneOwnerEndsWhileTheOthersGoOn) {
  join_with({kAlice, kBob});
  connect(offer("PA_alice|x TR_v", "PA_bob TR_a"));
  send_for(1500ms);
  const std::uint64_t sent = sender_->sent(Media::kVideo);
  drain("PA_alice");
  EXPECT_EQ(shares_["PA_alice"]->of(Media::kVideo), sent);
  shares_["PA_alice"]->subscription.reset();
  const std::uint64_t before = shares_["PA_bob"]->of(Media::kAudio);
  EXPECT_TRUE(send_until([&] { return shares_["PA_bob"]->of(Media::kAudio) > before + 20; }));
  EXPECT_EQ(shares_["PA_alice"]->of(Media::kVideo), sent);
}

// The first packets wait as long as late ones are waited for: nobody has seen a stream by then.
TEST_F(RecordedMedia, WhoStaysForAMomentLosesNothing) {
  join_with({kAlice, kBob});
  connect(offer("PA_alice|x TR_v", "PA_bob TR_a"));
  send_for(300ms);
  wire::Participant gone = kAlice;
  gone.set_state(wire::Participant::DISCONNECTED);
  update({gone});
  ASSERT_TRUE(logged("-alice"));
  drain("PA_alice");
  EXPECT_GT(sender_->sent(Media::kVideo), 0U);
  EXPECT_EQ(shares_["PA_alice"]->of(Media::kVideo), sender_->sent(Media::kVideo));
}

/// Before, and just when, the first packets are given on: they wait for a second.
class RecordedMediaAfter : public RecordedMedia,
                           public testing::WithParamInterface<milliseconds> {};

TEST_P(RecordedMediaAfter, ATrackThatIsReplacedLosesNothing) {
  join_with({kAlice, kBob});
  connect(offer("PA_alice|x TR_v", "PA_bob TR_a"));
  send_for(GetParam());
  const std::uint64_t sent = sender_->sent(Media::kVideo);
  update({participant("alice", {track("TR_w", wire::VIDEO)})});
  send_offer(offer("PA_alice|x TR_w", "PA_bob TR_a"));
  EXPECT_TRUE(run_until([this] { return is_answered(); }));
  drain("PA_alice");
  EXPECT_EQ(shares_["PA_alice"]->of(Media::kVideo), sent);
}

INSTANTIATE_TEST_SUITE_P(Milliseconds, RecordedMediaAfter,
                         testing::Values(300ms, 900ms, 930ms, 960ms, 990ms),
                         [](const auto &test) { return std::to_string(test.param.count()); });

TEST_F(RecordedMedia, OffersMayNameSomebodyElse) {
  join_with({kAlice, kBob});
  connect(offer("PA_bob|x TR_v", "PA_bob TR_a"));
  EXPECT_TRUE(send_until([&] { return shares_["PA_alice"]->of(Media::kVideo) > 0; }));
  EXPECT_EQ(shares_["PA_bob"]->of(Media::kVideo), 0U);
  EXPECT_TRUE(
      logged("! the server's offer names another sender for a track of alice: keys and "
             "file are those of alice"));
}

TEST_F(RecordedMedia, TracksMayBeAnnouncedLater) {
  join_with({kBob});
  connect(offer("PA_alice|x TR_v", "PA_bob TR_a"));
  send_for(1500ms);  // until its stream waits for the owner
  update({kAlice});
  ASSERT_TRUE(logged("+alice"));
  EXPECT_TRUE(send_until([&] { return shares_["PA_alice"]->of(Media::kVideo) > 0; }));
  drain("PA_alice");
  EXPECT_EQ(shares_["PA_alice"]->of(Media::kVideo), sender_->sent(Media::kVideo));
}

TEST_F(RecordedMedia, TracksOfNobodyAreLeftOut) {
  join_with({kBob});
  connect(offer("PA_alice|x TR_v", "PA_bob TR_a"));
  // Whatever else happens in the room, it is told in time.
  int changes = 0;
  examples::Timer change;
  std::function<void()> again = [&] {
    update({participant("carol", {track("TR_" + std::to_string(++changes), wire::AUDIO)})});
    change.start(300ms, again);
  };
  again();
  ASSERT_TRUE(send_until([&] {
    return std::ranges::any_of(log_, [](const std::string &line) {
      return line.find("the track TR_v of nobody in the room") != std::string::npos;
    });
  }));
  EXPECT_LT(changes, 40);
}

TEST_F(RecordedMedia, RefusedTracksAreLeftOut) {
  join_with({participant("alice", {track("TR_v", wire::VIDEO, wire::NONE)}), kBob});
  connect(offer("PA_alice|x TR_v", "PA_bob TR_a"));
  EXPECT_TRUE(send_until([&] { return shares_["PA_bob"]->of(Media::kAudio) > 50; }));
  EXPECT_EQ(shares_["PA_alice"]->of(Media::kVideo), 0U);
  expect_log({"joined", "track-refused! alice TR_v none", "+alice", "+bob"});
}

TEST_F(RecordedMedia, ASectionThatIsUsedAgainGivesFirstWhatItHolds) {
  join_with({kAlice, kBob, participant("carol", {track("TR_w", wire::VIDEO)})});
  connect(offer("PA_alice|x TR_v", "PA_bob TR_a"));
  send_for(1500ms);
  const std::uint64_t sent = sender_->sent(Media::kVideo);
  send_offer(offer("PA_carol|x TR_w", "PA_bob TR_a"));
  ASSERT_TRUE(run_until([this] { return is_answered(); }));
  EXPECT_EQ(shares_["PA_alice"]->of(Media::kVideo), sent);
  EXPECT_EQ(shares_["PA_carol"]->of(Media::kVideo), 0U);
  drain("PA_bob");
  EXPECT_EQ(shares_["PA_bob"]->of(Media::kAudio), sender_->sent(Media::kAudio));
}

TEST_F(RecordedMedia, ASectionThatBecomesInactiveLosesNothing) {
  join_with({kAlice, kBob});
  connect(offer("PA_alice|x TR_v", "PA_bob TR_a"));
  send_for(1500ms);
  const std::uint64_t sent = sender_->sent(Media::kVideo);
  send_offer(offer("PA_alice|x TR_v", "PA_bob TR_a", "inactive"));
  ASSERT_TRUE(run_until([&] {
    return is_answered() && shares_["PA_alice"]->of(Media::kVideo) == sent;
  })) << shares_["PA_alice"]->of(Media::kVideo)
      << " of " << sent;
}

TEST_F(RecordedMedia, WhoLeavesWhileTheRoomIsLostLosesNothing) {
  join_with({kAlice, kBob});
  connect(offer("PA_alice|x TR_v", "PA_bob TR_a"));
  bool drained = false;
  on_publisher = [&](const recorder::Feed &feed, const std::string &what) {
    if (what == "-" && feed.identity == "alice")
      shares_[feed.id]->subscription->drain([&] {
        drained = true;
        shares_["PA_alice"]->subscription.reset();
      });
  };
  send_for(1500ms);
  server_.join.mutable_other_participants()->DeleteSubrange(0, 1);
  server_.leave(wire::SERVER_SHUTDOWN, wire::Leave::RECONNECT);
  ASSERT_TRUE(logged("-alice"));
  ASSERT_TRUE(run_until([&] { return drained; }));
  EXPECT_EQ(shares_["PA_alice"]->of(Media::kVideo), sender_->sent(Media::kVideo));
  run_for(1500ms);  // nor does bob, who stays
  EXPECT_EQ(shares_["PA_bob"]->of(Media::kAudio), sender_->sent(Media::kAudio));
}

TEST_F(RecordedMedia, WhoComesBackAtOnceLosesNothingOfBefore) {
  join_with({kAlice, kBob});
  connect(offer("PA_alice|x TR_v", "PA_bob TR_a"));
  std::unique_ptr<Share> before;
  bool drained = false;
  on_publisher = [&](const recorder::Feed &feed, const std::string &what) {
    if (what == "+")
      return subscribe(feed);
    if (what != "-")
      return;
    before = std::move(shares_[feed.id]);
    before->subscription->drain([&] { drained = true; });
  };
  send_for(1500ms);
  server_.join.mutable_other_participants()->DeleteSubrange(0, 1);
  server_.leave(wire::SERVER_SHUTDOWN, wire::Leave::RECONNECT);
  ASSERT_TRUE(logged("-alice"));
  log_.clear();
  update({kAlice});
  ASSERT_TRUE(logged("+alice"));
  EXPECT_FALSE(drained);
  ASSERT_TRUE(run_until([&] { return drained; }));
  EXPECT_EQ(before->of(Media::kVideo), sender_->sent(Media::kVideo));
}

TEST_F(RecordedMedia, NothingComesToASubscriptionThatIsGone) {
  join_with({kAlice, kBob});
  connect(offer("PA_alice|x TR_v", "PA_bob TR_a"));
  ASSERT_TRUE(send_until([&] { return shares_["PA_alice"]->of(Media::kVideo) > 5; }));
  shares_["PA_alice"]->subscription.reset();
  const std::uint64_t before = shares_["PA_alice"]->of(Media::kVideo);
  const std::uint64_t sound = shares_["PA_bob"]->of(Media::kAudio);
  EXPECT_TRUE(send_until([&] { return shares_["PA_bob"]->of(Media::kAudio) > sound + 20; }));
  EXPECT_EQ(shares_["PA_alice"]->of(Media::kVideo), before);
}

TEST_F(RecordedMedia, AnOfferMayHaveAMegabyte) {
  join_with({kAlice, kBob});
  std::string sdp = offer("PA_alice|x TR_v", "PA_bob TR_a");
  std::string more;
  while (more.size() < (1 << 20))
    more += "a=x-" + std::string(1000, 'x') + "\r\n";
  connect(sdp + more);
  EXPECT_TRUE(send_until([&] { return shares_["PA_alice"]->of(Media::kVideo) > 0; }));
}

}  // namespace
