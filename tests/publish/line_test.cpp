// SPDX-License-Identifier: LGPL-2.1-or-later
// Source lines from their start to what leaves them encrypted.
#include "publish/line.h"

#include <atomic>
#include <map>

#include "common/provider.h"
#include "pipeline.h"
#include "publish/source.h"
#include "recorder/files.h"

namespace publish {
namespace {

using namespace std::chrono_literals;

constexpr const char *kKey = "shared,passphrase=for-tests-only";
constexpr const char *kOtherKey = "shared,passphrase=another-one";

GstClockTime now() {
  const examples::ObjectPtr<GstClock> clock(gst_system_clock_obtain());
  return gst_clock_get_time(clock.get());
}

/// What a receiver of an outlet's frames can read.
class Receiver {
 public:
  explicit Receiver(Outlet &outlet, const std::string &key = kKey)
      : outlet_(outlet),
        running_("appsrc name=in format=time is-live=true ! e2eedecrypt key-provider=\"" + key +
                 "\" ! fakesink name=end async=false sync=false") {
    gst_pad_add_probe(examples::static_pad(running_["end"], "sink").get(),
                      GST_PAD_PROBE_TYPE_BUFFER, &Receiver::on_frame, this, nullptr);
    gst_pad_add_probe(examples::static_pad(running_["in"], "src").get(), GST_PAD_PROBE_TYPE_BUFFER,
                      &Receiver::on_sealed, this, nullptr);
    running_.play();
    outlet_.connect(running_["in"], now());
  }
  ~Receiver() { outlet_.disconnect(); }

  std::atomic<unsigned> sealed = 0, read = 0;

 private:
  static GstPadProbeReturn on_frame(GstPad *, GstPadProbeInfo *, gpointer self) {
    ++static_cast<Receiver *>(self)->read;
    return GST_PAD_PROBE_OK;
  }
  static GstPadProbeReturn on_sealed(GstPad *, GstPadProbeInfo *, gpointer self) {
    ++static_cast<Receiver *>(self)->sealed;
    return GST_PAD_PROBE_OK;
  }

  Outlet &outlet_;
  Running running_;
};

class LineTest : public testing::Test {
 protected:
  Line &start(const std::string &text) {
    LineSettings settings{.text = text,
                          .encode = encode_,
                          .provider = provider_.get(),
                          .scheme = "livekit",
                          .participant = "cam"};
    Line::Events events;
    events.known = [this](const Format &format) { known_ = format; };
    events.ended = [this] { ended_ = true; };
    events.failed = [this](const std::string &why) { failed_ = why; };
    events.refused = [this](const std::string &why) { refused_ = why; };
    line_ = std::make_unique<Line>(settings, outlet_, std::move(events));
    return *line_;
  }
  bool is_known() {
    return run_until([this] { return known_.has_value(); });
  }
  std::string refusal() {
    run_until([this] { return !refused_.empty() || !failed_.empty(); });
    return refused_;
  }

  const examples::ObjectPtr<GstE2EEKeyProvider> provider_ = examples::make_provider(kKey);
  EncodeSettings encode_;
  Outlet outlet_;
  std::optional<Format> known_;
  bool ended_ = false;
  std::string failed_, refused_;
  std::unique_ptr<Line> line_;
};

TEST_F(LineTest, RawVideoIsEncodedAndEncryptedWhenItIsWanted) {
  Line &line = start(pictures());
  ASSERT_TRUE(is_known());
  EXPECT_EQ(known_->codec, Codec::kVp8);
  EXPECT_EQ(known_->width, 160U);
  EXPECT_TRUE(line.is_live());
  Receiver receiver(outlet_);
  line.set_wanted(true);
  ASSERT_TRUE(run_until([&] { return receiver.read >= 10; }));
  EXPECT_EQ(failed_ + refused_, "");
}

TEST_F(LineTest, WhoHasAnotherKeyReadsNothing) {
  Line &line = start(pictures());
  Receiver stranger(outlet_, kOtherKey);
  line.set_wanted(true);
  ASSERT_TRUE(run_until([&] { return stranger.sealed >= 10; }));
  EXPECT_EQ(stranger.read, 0U);
}

TEST_F(LineTest, RestsWhileNobodyWantsIt) {
  Line &line = start(pictures());
  Receiver receiver(outlet_);
  ASSERT_TRUE(run_until([&] { return line.frames_seen() >= 15; }));
  EXPECT_EQ(line.gate().seen, 0U);  // the encoder got nothing
  EXPECT_EQ(receiver.sealed, 0U);
  line.set_wanted(true);
  ASSERT_TRUE(run_until([&] { return receiver.read >= 3; }));
  line.set_wanted(false);
  const guint64 encoded = line.gate().seen + 2;  // what is on its way
  ASSERT_TRUE(run_until([&] { return line.frames_seen() >= 60; }));
  EXPECT_LE(line.gate().seen, encoded);
}

TEST_F(LineTest, H264IsTakenAsItIs) {
  Line &line =
      start(pictures() + " ! x264enc tune=zerolatency ! video/x-h264,profile=constrained-baseline");
  ASSERT_TRUE(is_known());
  EXPECT_EQ(known_->codec, Codec::kH264);
  EXPECT_EQ(known_->profile_level_id, "42e01f");
  EXPECT_EQ(known_->height, 96U);
  Receiver receiver(outlet_);
  line.set_wanted(true);
  EXPECT_TRUE(run_until([&] { return receiver.read >= 5; }));
}

TEST_F(LineTest, RawVideoBecomesH264WhereThatIsAskedFor) {
  encode_.video = Codec::kH264;
  Line &line = start(pictures());
  ASSERT_TRUE(is_known());
  EXPECT_EQ(known_->profile_level_id, "42e01f");
  Receiver receiver(outlet_);
  line.set_wanted(true);
  EXPECT_TRUE(run_until([&] { return receiver.read >= 5; }));
}

TEST_F(LineTest, LargeVideoIsScaledDown) {
  encode_.width = encode_.height = 64;
  start(pictures());
  ASSERT_TRUE(is_known());
  EXPECT_EQ(known_->width, 64U);
  EXPECT_LE(known_->height, 64U);
  EXPECT_EQ(known_->height % 2, 0U);
}

TEST_F(LineTest, SoundBecomesOpus) {
  Line &line = start("audiotestsrc is-live=true");
  ASSERT_TRUE(is_known());
  EXPECT_EQ(known_->codec, Codec::kOpus);
  Receiver receiver(outlet_);
  line.set_wanted(true);
  EXPECT_TRUE(run_until([&] { return receiver.read >= 5; }));
}

TEST_F(LineTest, FilesRunAtTheirOwnSpeedAndEnd) {
  const auto begin = std::chrono::steady_clock::now();
  Line &line = start(pictures("num-buffers=30"));
  ASSERT_TRUE(run_until([this] { return ended_; }));
  EXPECT_FALSE(line.is_live());
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 900ms);
}

TEST_F(LineTest, BFramesAreRefused) {
  start(pictures() + " ! x264enc bframes=2 b-adapt=false speed-preset=ultrafast");
  EXPECT_NE(refusal().find("no B-frames"), std::string::npos) << failed_;
}

TEST_F(LineTest, ProfilesThatBrowsersLackAreRefused) {
  start(pictures("is-live=true", "format=Y42B") + " ! x264enc tune=zerolatency");
  EXPECT_NE(refusal().find("high-4:2:2"), std::string::npos) << failed_;
}

TEST_F(LineTest, FramesWithoutTimestampsAreRefused) {
  const recorder::Folder folder;
  const std::string file = folder / "clip.h264";
  Running encoder(pictures("num-buffers=10") +
                  " ! x264enc tune=zerolatency ! video/x-h264,stream-format=byte-stream ! filesink "
                  "location=" +
                  file);
  encoder.play();
  ASSERT_EQ(encoder.finish(), GST_MESSAGE_EOS);
  start("filesrc location=" + file + " ! h264parse");
  EXPECT_NE(refusal().find("no timestamps"), std::string::npos) << failed_;
  refused_.clear();
  start("filesrc location=" + file);
  EXPECT_NE(refusal().find("add a parser"), std::string::npos) << failed_;
}

TEST_F(LineTest, OtherMediaIsRefusedByName) {
  const std::string known = refusal_of([this] { start(pictures() + " ! jpegenc"); });
  EXPECT_NE(known.find("image/jpeg"), std::string::npos) << known;
  EXPECT_NE(known.find("jpegdec"), std::string::npos) << known;
}

TEST_F(LineTest, WhatIsNoSourceLineIsRefused) {
  EXPECT_NE(refusal_of([this] { start("nosuchelement"); }).find("nosuchelement"),
            std::string::npos);
  EXPECT_NE(refusal_of([this] { start("videotestsrc ! fakesink"); }).find("without a sink"),
            std::string::npos);
  EXPECT_NE(refusal_of([this] { start("h264parse"); }).find("no source element"),
            std::string::npos);
}

TEST_F(LineTest, WhatTheSchemeDoesNotCarryIsRefused) {
  LineSettings settings{.text = pictures() + " ! x264enc tune=zerolatency",
                        .encode = {},
                        .provider = provider_.get(),
                        .scheme = "sframe",
                        .participant = "cam"};
  Line::Events events;
  events.refused = [this](const std::string &why) { refused_ = why; };
  line_ = std::make_unique<Line>(settings, outlet_, std::move(events));
  line_->set_wanted(true);
  EXPECT_NE(refusal().find("H.264"), std::string::npos);
}

class SourceTest : public LineTest {
 protected:
  std::unique_ptr<Source> make(const std::string &text) {
    Source::Events events;
    events.known = [](const Format &) {};
    events.changed = [] {};
    events.told = [this](const std::string &event, const std::string &) { ++told_[event]; };
    return std::make_unique<Source>(LineSettings{.text = text,
                                                 .encode = {},
                                                 .provider = provider_.get(),
                                                 .scheme = "livekit",
                                                 .participant = "cam"},
                                    std::move(events));
  }
  bool ticks_until(Source &source, const std::function<bool()> &done) {
    return run_until([&] {
      source.tick();
      return done();
    });
  }
  std::map<std::string, unsigned> told_;
};

TEST_F(SourceTest, ALiveSourceThatEndsIsStartedAgain) {
  const auto source = make(pictures("is-live=true num-buffers=5"));
  ASSERT_TRUE(run_until([&] { return told_["source-lost"] >= 2; }));
  EXPECT_FALSE(source->is_over());
}

TEST_F(SourceTest, AFileThatEndsIsOver) {
  const auto source = make(pictures("num-buffers=3"));
  ASSERT_TRUE(run_until([&] { return source->is_over(); }));
  EXPECT_EQ(source->state(), Source::State::kEnded);
}

TEST_F(SourceTest, AFileThatIsMissingFails) {
  const auto source = make("filesrc location=/nowhere/clip.webm ! matroskademux");
  ASSERT_TRUE(run_until([&] { return source->is_over(); }));
  EXPECT_EQ(source->state(), Source::State::kFailed);
}

TEST_F(SourceTest, ASilentSourceIsTold) {
  const auto source = make("udpsrc address=127.0.0.1 port=0 caps=video/x-vp8");
  ASSERT_TRUE(ticks_until(*source, [&] { return source->state() == Source::State::kSilent; }));
  EXPECT_EQ(told_["source-silent"], 1U);
}

TEST_F(SourceTest, ATrackIsMadeKnownAndThenRests) {
  const auto source = make(pictures());
  Receiver receiver(source->outlet());
  source->announce();
  ASSERT_TRUE(ticks_until(*source, [&] { return receiver.read > 0; }));
  const auto frames = [&] { return source->figures().frames; };
  guint64 last = 0;
  ASSERT_TRUE(ticks_until(*source, [&, since = std::chrono::steady_clock::now()]() mutable {
    if (std::exchange(last, frames()) != frames())
      since = std::chrono::steady_clock::now();
    return std::chrono::steady_clock::now() - since > 500ms;
  }));
  EXPECT_EQ(source->figures().state, "resting");
}

// As a file, which cannot make any.
TEST_F(SourceTest, ACameraThatMakesNoKeyFramesWhenAskedIsTold) {
  const recorder::Folder folder;
  const std::string file = folder / "clip.webm";
  Running encoder(pictures("num-buffers=240") +
                  " ! vp8enc deadline=1 cpu-used=16 keyframe-max-dist=3000 ! webmmux ! filesink "
                  "location=" +
                  file);
  encoder.play();
  ASSERT_EQ(encoder.finish(), GST_MESSAGE_EOS);
  const auto source = make("filesrc location=" + file + " ! matroskademux");
  ASSERT_TRUE(ticks_until(*source, [&] { return source->state() == Source::State::kRunning; }));
  e2ee::test::run_for(200ms);  // the first frames, with the only key frame, go by
  source->set_wanted(true);
  ASSERT_TRUE(ticks_until(*source, [&] { return told_["key-frame-late"] > 0; }));
  EXPECT_EQ(source->figures().frames, 0U);
}

}  // namespace
}  // namespace publish
