// SPDX-License-Identifier: LGPL-2.1-or-later
// A viewer that is too slow: what it loses, and when it goes on.
#include "camera/feed.h"

#include <gtest/gtest.h>

#include <atomic>

#include "support/waiting.h"

namespace camera {
namespace {

using examples::BufferPtr;
using examples::CapsPtr;
using examples::Media;
using examples::SamplePtr;

constexpr GstClockTime kFrameTime = 40 * GST_MSECOND;
constexpr unsigned kSecond = 25;  // frames

// A pipeline that takes nothing while it is blocked.
class FeedTest : public testing::Test {
 protected:
  FeedTest()
      : pipeline_(examples::make_pipeline("viewer")),
        appsrc_(examples::add_element(pipeline_.get(), "appsrc")) {
    GstElement *sink = examples::add_element(pipeline_.get(), "fakesink");
    g_object_set(sink, "sync", FALSE, "async", FALSE, nullptr);
    examples::link_chain({appsrc_, sink});
    pad_ = examples::static_pad(appsrc_, "src");
    gst_pad_add_probe(
        pad_.get(), GST_PAD_PROBE_TYPE_BUFFER,
        [](GstPad *, GstPadProbeInfo *, gpointer self) {
          ++static_cast<FeedTest *>(self)->taken_;
          return GST_PAD_PROBE_OK;
        },
        this, nullptr);
  }

  void start(Media media) {
    feed_ = std::make_unique<Feed>(appsrc_, media, [this] { ++asked_; });
    gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING);
  }

  void block() {
    blocked_ = gst_pad_add_probe(
        pad_.get(),
        static_cast<GstPadProbeType>(GST_PAD_PROBE_TYPE_BLOCK | GST_PAD_PROBE_TYPE_BUFFER),
        [](GstPad *, GstPadProbeInfo *, gpointer) { return GST_PAD_PROBE_OK; }, nullptr, nullptr);
  }
  void unblock() { gst_pad_remove_probe(pad_.get(), blocked_); }

  void push(bool key) {
    const CapsPtr caps(gst_caps_new_empty_simple("video/x-h264"));
    GstBuffer *frame = gst_buffer_new_allocate(nullptr, 100, nullptr);
    GST_BUFFER_PTS(frame) = next_++ * kFrameTime;
    GST_BUFFER_DURATION(frame) = kFrameTime;
    if (!key)
      GST_BUFFER_FLAG_SET(frame, GST_BUFFER_FLAG_DELTA_UNIT);
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    const SamplePtr sample(gst_sample_new(frame, caps.get(), &segment, nullptr));
    gst_buffer_unref(frame);
    feed_->push(sample.get());
  }
  void push_deltas(unsigned count) {
    for (unsigned i = 0; i < count; ++i)
      push(false);
  }
  bool has_taken(unsigned count) {
    return e2ee::test::wait_for([&] { return taken_ == count; });
  }

  std::atomic<unsigned> taken_ = 0, asked_ = 0;
  std::unique_ptr<Feed> feed_;
  examples::ObjectPtr<GstPad> pad_;

 private:
  GstClockTime next_ = 0;
  gulong blocked_ = 0;
  examples::PipelinePtr pipeline_;  // stops before what its probe uses goes

 protected:
  GstElement *const appsrc_;
};

TEST_F(FeedTest, BeginsWithAKeyFrame) {
  start(Media::kVideo);
  push(true);
  feed_->open();
  EXPECT_EQ(asked_, 1U);
  push_deltas(3);
  push(true);
  push_deltas(2);
  EXPECT_TRUE(has_taken(3));
  EXPECT_EQ(feed_->lost(), 0U);
}

TEST_F(FeedTest, SlowViewerLosesFramesUpToTheNextKeyFrame) {
  start(Media::kVideo);
  feed_->open();
  push(true);
  EXPECT_TRUE(has_taken(1));
  block();
  push_deltas(3 * kSecond);
  const guint64 lost = feed_->lost();
  EXPECT_GT(lost, kSecond);
  EXPECT_LT(lost, 2 * kSecond + 5);
  EXPECT_EQ(asked_, 2U) << "once for the loss";
  push(true);  // there is no room for it
  push_deltas(1);
  EXPECT_EQ(feed_->lost(), lost + 2);

  unblock();
  const auto waiting = static_cast<unsigned>(1 + 3 * kSecond - lost);
  ASSERT_TRUE(has_taken(waiting));
  push_deltas(5);
  push(true);
  push_deltas(5);
  EXPECT_TRUE(has_taken(waiting + 6));
  EXPECT_EQ(feed_->lost(), lost + 2 + 5);
}

TEST_F(FeedTest, SoundNeedsNoKeyFrame) {
  start(Media::kAudio);
  feed_->open();
  push_deltas(2);
  EXPECT_TRUE(has_taken(2));
  block();
  push_deltas(2 * kSecond);
  EXPECT_GT(feed_->lost(), kSecond / 2);
  unblock();
  ASSERT_TRUE(has_taken(static_cast<unsigned>(2 + 2 * kSecond - feed_->lost())));
  const unsigned before = taken_;
  push_deltas(2);
  EXPECT_TRUE(has_taken(before + 2));
  EXPECT_EQ(asked_, 0U);
}

TEST_F(FeedTest, NothingPassesWhenItIsClosed) {
  start(Media::kVideo);
  feed_->open();
  push(true);
  EXPECT_TRUE(has_taken(1));
  feed_->close();
  push(true);
  push_deltas(3);
  feed_->open();
  push(true);
  EXPECT_TRUE(has_taken(2));
}

}  // namespace
}  // namespace camera
