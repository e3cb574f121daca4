// SPDX-License-Identifier: LGPL-2.1-or-later
// The gate and the valve with real encoders.
#include "publish/gate.h"

#include <gst/video/video.h>

#include <atomic>
#include <mutex>
#include <vector>

#include "pipeline.h"
#include "publish/keyframe.h"
#include "publish/valve.h"

namespace publish {
namespace {

constexpr const char *kX264 = " ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=3000";
constexpr const char *kParse =
    " ! h264parse config-interval=-1 ! video/x-h264,stream-format=byte-stream,alignment=au";
constexpr const char *kVp8 = " ! vp8enc deadline=1 cpu-used=16 keyframe-max-dist=3000";

GstPadProbeReturn take_time_away(GstPad *, GstPadProbeInfo *info, gpointer) {
  GstBuffer *frame = gst_buffer_make_writable(GST_PAD_PROBE_INFO_BUFFER(info));
  GST_BUFFER_PTS(frame) = GST_CLOCK_TIME_NONE;
  info->data = frame;
  return GST_PAD_PROBE_OK;
}

/// A source, a gate in front of its sink, and what comes through.
class GateTest : public testing::Test {
 protected:
  void start(const std::string &source, Codec codec) {
    codec_ = codec;
    running_ = std::make_unique<Running>(
        source + " ! identity name=before ! fakesink name=end async=false sync=false");
    const auto pad = examples::static_pad((*running_)["end"], "sink");
    gate_ = std::make_unique<Gate>(pad.get(), codec, [this](Trouble what) { trouble_ = what; });
    gst_pad_add_probe(pad.get(), GST_PAD_PROBE_TYPE_BUFFER, &GateTest::on_passed, this, nullptr);
    gst_pad_add_probe(examples::static_pad((*running_)["before"], "sink").get(),
                      GST_PAD_PROBE_TYPE_EVENT_UPSTREAM, &GateTest::on_event, this, nullptr);
  }

  void TearDown() override {
    // The pipeline stops before the gate goes.
    if (running_)
      gst_element_set_state(GST_ELEMENT(GST_OBJECT_PARENT((*running_)["end"])), GST_STATE_NULL);
  }

  void play() const { running_->play(); }
  bool has_seen(guint64 frames) {
    return run_until([&] { return gate_->status().seen >= frames; });
  }
  bool has_passed(std::size_t frames) {
    return run_until([&] { return passed() >= frames; });
  }
  std::size_t passed() {
    const std::lock_guard lock(mutex_);
    return keys_.size();
  }
  bool is_key(std::size_t number) {
    const std::lock_guard lock(mutex_);
    return keys_.at(number);
  }

  std::unique_ptr<Running> running_;
  std::unique_ptr<Gate> gate_;
  std::atomic<unsigned> asked_ = 0;
  std::atomic<std::optional<Trouble>> trouble_{std::nullopt};
  bool ignores_requests_ = false;

 private:
  static GstPadProbeReturn on_passed(GstPad *, GstPadProbeInfo *info, gpointer data) {
    auto *self = static_cast<GateTest *>(data);
    GstMapInfo map;
    gst_buffer_map(GST_PAD_PROBE_INFO_BUFFER(info), &map, GST_MAP_READ);
    const bool is_key = is_key_frame(self->codec_, map.data, map.size);
    gst_buffer_unmap(GST_PAD_PROBE_INFO_BUFFER(info), &map);
    const std::lock_guard lock(self->mutex_);
    self->keys_.push_back(is_key);
    return GST_PAD_PROBE_OK;
  }
  static GstPadProbeReturn on_event(GstPad *, GstPadProbeInfo *info, gpointer data) {
    auto *self = static_cast<GateTest *>(data);
    if (!gst_video_event_is_force_key_unit(gst_pad_probe_info_get_event(info)))
      return GST_PAD_PROBE_OK;
    ++self->asked_;
    return self->ignores_requests_ ? GST_PAD_PROBE_DROP : GST_PAD_PROBE_OK;
  }

  Codec codec_ = Codec::kVp8;
  std::mutex mutex_;
  std::vector<bool> keys_;
};

TEST_F(GateTest, NothingPassesWhileItIsClosed) {
  start(pictures() + kVp8, Codec::kVp8);
  play();
  ASSERT_TRUE(has_seen(20));
  EXPECT_EQ(passed(), 0U);
  EXPECT_EQ(asked_, 0U);
}

TEST_F(GateTest, OpensWithAKeyFrameThatItAsksFor) {
  start(pictures() + kVp8, Codec::kVp8);
  play();
  ASSERT_TRUE(has_seen(10));
  gate_->open();
  ASSERT_TRUE(has_passed(5));
  EXPECT_GE(asked_, 1U);
  EXPECT_TRUE(is_key(0));
  EXPECT_FALSE(is_key(1));
  EXPECT_FALSE(gate_->status().waits_since);
}

TEST_F(GateTest, OpensAgainWithAKeyFrame) {
  start(pictures() + kVp8, Codec::kVp8);
  gate_->open();
  play();
  ASSERT_TRUE(has_passed(10));
  gate_->close();
  const std::size_t before = passed() + 1;  // one may be on its way
  ASSERT_TRUE(has_seen(gate_->status().seen + 10));
  EXPECT_LE(passed(), before);
  const std::size_t closed = passed();
  gate_->open();
  ASSERT_TRUE(has_passed(closed + 3));
  EXPECT_TRUE(is_key(closed));
}

TEST_F(GateTest, WithH264BeginsWithParameterSets) {
  start(pictures() + kX264 + kParse, Codec::kH264);
  play();
  ASSERT_TRUE(has_seen(10));
  gate_->open();
  ASSERT_TRUE(has_passed(3));
  EXPECT_TRUE(is_key(0));  // of H.264: only with both
}

TEST_F(GateTest, AsksAgainForAReceiver) {
  start(pictures() + kVp8, Codec::kVp8);
  gate_->open();
  play();
  ASSERT_TRUE(has_passed(5));
  const std::size_t before = passed();
  gate_->ask_for_key_frame();
  ASSERT_TRUE(run_until([&] {
    for (std::size_t i = before; i < passed(); ++i)
      if (is_key(i))
        return true;
    return false;
  }));
}

TEST_F(GateTest, AsksForNothingWhileItIsClosed) {
  start(pictures() + kVp8, Codec::kVp8);
  play();
  gate_->ask_for_key_frame();
  ASSERT_TRUE(has_seen(5));
  EXPECT_EQ(asked_, 0U);
}

TEST_F(GateTest, TellsSinceWhenItWaitsAndHowOftenKeyFramesCome) {
  ignores_requests_ = true;
  start(pictures() + " ! vp8enc deadline=1 cpu-used=16 keyframe-max-dist=15", Codec::kVp8);
  play();
  ASSERT_TRUE(has_seen(40));
  EXPECT_EQ(gate_->status().key_interval, std::optional<GstClockTime>(GST_SECOND / 2));
  gate_->open();
  const Gate::Status status = gate_->status();
  EXPECT_TRUE(status.waits_since || status.passed > 0);
  ASSERT_TRUE(has_passed(1));
  EXPECT_TRUE(is_key(0));
  EXPECT_FALSE(gate_->status().waits_since);
}

TEST_F(GateTest, RefusesBFrames) {
  start(pictures() + " ! x264enc bframes=2 b-adapt=false speed-preset=ultrafast" + kParse,
        Codec::kH264);
  gate_->open();
  play();
  ASSERT_TRUE(run_until([&] { return trouble_.load().has_value(); }));
  EXPECT_EQ(*trouble_.load(), Trouble::kReordered);
  EXPECT_LE(passed(), 2U);  // the key frame, and one that is shown later than its successor
}

TEST_F(GateTest, TakesMainProfileWithoutBFrames) {
  start(pictures("num-buffers=30") + kX264 + " ! video/x-h264,profile=main" + kParse, Codec::kH264);
  gate_->open();
  play();
  ASSERT_EQ(running_->finish(), GST_MESSAGE_EOS);
  EXPECT_FALSE(trouble_.load());
  EXPECT_EQ(passed(), 30U);
}

TEST_F(GateTest, RefusesFramesWithoutTimestamps) {
  start(pictures("num-buffers=5") + kVp8, Codec::kVp8);
  gst_pad_add_probe(examples::static_pad((*running_)["before"], "sink").get(),
                    GST_PAD_PROBE_TYPE_BUFFER, &take_time_away, nullptr, nullptr);
  gate_->open();
  play();
  ASSERT_EQ(running_->finish(), GST_MESSAGE_EOS);
  ASSERT_TRUE(trouble_.load());
  EXPECT_EQ(*trouble_.load(), Trouble::kNoTimestamps);
  EXPECT_EQ(passed(), 0U);
}

TEST_F(GateTest, RefusesVp9OfOtherProfiles) {
  start(pictures("num-buffers=5", "format=Y444") + " ! vp9enc deadline=1 cpu-used=8", Codec::kVp9);
  gate_->open();
  play();
  ASSERT_EQ(running_->finish(), GST_MESSAGE_EOS);
  ASSERT_TRUE(trouble_.load());
  EXPECT_EQ(*trouble_.load(), Trouble::kProfile);
  EXPECT_EQ(passed(), 0U);
}

TEST_F(GateTest, SoundIsNeverWaitedFor) {
  start("audiotestsrc is-live=true ! opusenc", Codec::kOpus);
  play();
  ASSERT_TRUE(has_seen(10));
  gate_->open();
  EXPECT_FALSE(gate_->status().waits_since);
  ASSERT_TRUE(has_passed(5));
  EXPECT_EQ(asked_, 0U);
}

class ValveTest : public testing::Test {
 protected:
  ValveTest() {
    valve_ = std::make_unique<Valve>(pad().get(), [this] { ++complaints_; });
    gst_pad_add_probe(
        pad().get(), GST_PAD_PROBE_TYPE_BUFFER,
        [](GstPad *, GstPadProbeInfo *info, gpointer data) {
          auto *self = static_cast<ValveTest *>(data);
          if (GST_BUFFER_FLAG_IS_SET(GST_PAD_PROBE_INFO_BUFFER(info), GST_BUFFER_FLAG_DISCONT))
            ++self->resumed_;
          ++self->passed_;
          return GST_PAD_PROBE_OK;
        },
        this, nullptr);
  }
  ~ValveTest() override { running_.reset(); }

  examples::ObjectPtr<GstPad> pad() { return examples::static_pad((*running_)["end"], "sink"); }

  std::unique_ptr<Running> running_ = std::make_unique<Running>(
      pictures() + " ! identity name=before ! fakesink name=end async=false");
  std::atomic<unsigned> passed_ = 0, resumed_ = 0, complaints_ = 0;
  std::unique_ptr<Valve> valve_;
};

TEST_F(ValveTest, DropsUntilItIsOpenedAndMarksTheBreak) {
  running_->play();
  ASSERT_TRUE(run_until([&] { return valve_->seen() >= 5; }));
  EXPECT_EQ(passed_, 0U);
  valve_->set_open(true);
  ASSERT_TRUE(run_until([&] { return passed_ >= 5; }));
  EXPECT_EQ(resumed_, 1U);
  EXPECT_EQ(complaints_, 0U);
}

TEST_F(ValveTest, RefusesFramesWithoutTimestamps) {
  gst_pad_add_probe(examples::static_pad((*running_)["before"], "src").get(),
                    GST_PAD_PROBE_TYPE_BUFFER, &take_time_away, nullptr, nullptr);
  valve_->set_open(true);
  running_->play();
  ASSERT_TRUE(run_until([&] { return valve_->seen() >= 5; }));
  EXPECT_EQ(complaints_, 1U);
  EXPECT_EQ(passed_, 0U);
}

}  // namespace
}  // namespace publish
