// SPDX-License-Identifier: LGPL-2.1-or-later
// A receiver and one who sends to it, without an SFU in between.
#include "recorder/receive.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>

#include "publisher/participant.h"
#include "support/main_context.h"
#include "support/providers.h"

namespace {

using e2ee::test::run_for;
using e2ee::test::run_until;

using namespace recorder;
using namespace std::chrono_literals;

class ReceiverTest : public testing::Test {
 protected:
  void SetUp() override {
    settings_.loopback_only = true;
    publisher::Participant::Settings sending;
    sending.identity = "alice";
    sending.format = {"vp8", 64, 64};
    sending.video = &clips_.video(sending.format);
    sending.audio = &clips_.audio();
    sending.protection = publisher::Participant::Protection::kNone;
    sending.on_state = [this](const char *state) {
      if (g_str_equal(state, "connected"))
        connected_ = true;
    };
    sender_ = std::make_unique<publisher::Participant>(sending);
    receiver_ = std::make_unique<Receiver>(
        settings_, Receiver::Events{.answer = [this](const std::string &sdp) { answer_ = sdp; },
                                    .candidate =
                                        [this](unsigned, const std::string &candidate) {
                                          candidates_ += "a=" + candidate + "\r\n";
                                        },
                                    .gathered = [this] { gathered_ = true; },
                                    .connected = {},
                                    .failed = [](const std::string &why) { ADD_FAILURE() << why; },
                                    .trouble =
                                        [this](const std::string &why) {
                                          if (expects_trouble_)
                                            troubles_ += why + '\n';
                                          else
                                            ADD_FAILURE() << why;
                                        },
                                    .route =
                                        [this](const StreamStart &) {
                                          Route route{.participant = "alice"};
                                          route.frame = [this](Media media, GstSample *) {
                                            ++frames_[static_cast<int>(media)];
                                          };
                                          return route;
                                        },
                                    .data = {}});
  }

  void connect() {
    receiver_->take_offer(sender_->make_offer());
    ASSERT_TRUE(run_until([this] { return gathered_ && !answer_.empty(); }));
    // Into the first media section, which all are bundled with.
    const auto place = answer_.find("\r\n", answer_.find("\r\nc=", answer_.find("\r\nm=")) + 2) + 2;
    sender_->take_answer(answer_.insert(place, candidates_));
    ASSERT_TRUE(run_until([this] { return connected_.load(); }));
    run_for(500ms);  // the last message of DTLS is on its way to the receiver
  }

  void send_for(std::chrono::milliseconds time) {
    const auto end = std::chrono::steady_clock::now() + time;
    while (std::chrono::steady_clock::now() < end) {
      sender_->send_due();
      run_for(5ms);
    }
  }

  void drain() {
    bool drained = false;
    receiver_->drain([&drained] { drained = true; });
    ASSERT_TRUE(run_until([&drained] { return drained; }));
  }

  ReceiveSettings settings_;
  publisher::Clips clips_{""};
  std::string answer_, candidates_, troubles_;
  bool gathered_ = false, expects_trouble_ = false;
  std::atomic<bool> connected_ = false;
  std::array<std::atomic<std::uint64_t>, 2> frames_{};
  std::unique_ptr<publisher::Participant> sender_;
  std::unique_ptr<Receiver> receiver_;
};

TEST_F(ReceiverTest, DeliversAShortStayThatTheJitterBuffersStillHold) {
  connect();
  send_for(400ms);  // of a second that they wait for older packets
  drain();
  for (const Media media : {Media::kVideo, Media::kAudio}) {
    EXPECT_GT(sender_->sent(media), 3U);
    EXPECT_EQ(frames_[static_cast<int>(media)], sender_->sent(media))
        << examples::media_name(media);
  }
}

// Jitsi's keys are random bytes.
class ReceiverWithAPassphrase : public ReceiverTest {
 protected:
  ReceiverWithAPassphrase() {
    e2ee::test::set_passphrase(keys_, "alice", "for this test only");
    settings_.provider = keys_.get();
    settings_.scheme = "jitsi";
    expects_trouble_ = true;
  }
  ~ReceiverWithAPassphrase() override { receiver_.reset(); }

  const e2ee::test::Provider keys_ = e2ee::test::new_ring();
};

TEST_F(ReceiverWithAPassphrase, StaysAndLeavesTheStreamsOut) {
  connect();
  send_for(400ms);
  EXPECT_TRUE(run_until([this] {
    return troubles_.find("scheme jitsi cannot use key 0") != std::string::npos;
  })) << troubles_;
}

TEST_F(ReceiverTest, DeliversALongerStay) {
  connect();
  send_for(2s);
  drain();
  for (const Media media : {Media::kVideo, Media::kAudio})
    EXPECT_EQ(frames_[static_cast<int>(media)], sender_->sent(media))
        << examples::media_name(media);
}

}  // namespace
