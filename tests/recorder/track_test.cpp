// SPDX-License-Identifier: LGPL-2.1-or-later
// What is counted of a stream from a media server that adds frames of its own.
#include "recorder/track.h"

#include <gtest/gtest.h>

#include "support/element.h"
#include "support/waiting.h"

namespace test = e2ee::test;

namespace {

using namespace recorder;
using Bytes = std::vector<guint8>;

const Bytes kTrailer{'s', 'e', 'r', 'v', 'e', 'r', '-', '1'};
constexpr char kTrailerHex[] = "7365727665722d31";

// One track in a pipeline, fed by packets of Opus.
class Stream {
 public:
  Stream(const ReceiveSettings &settings)
      : pad_(GST_PAD(gst_object_ref_sink(gst_pad_new("src", GST_PAD_SRC)))),
        caps_(gst_caps_from_string("application/x-rtp, media=(string)audio, payload=(int)111, "
                                   "clock-rate=(int)48000, encoding-name=(string)OPUS")),
        pipeline_(examples::make_pipeline("receive")) {
    gst_pad_set_active(pad_.get(), TRUE);
    gst_pad_push_event(pad_.get(), gst_event_new_stream_start("stream"));
    gst_pad_push_event(pad_.get(), gst_event_new_caps(caps_.get()));
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    gst_pad_push_event(pad_.get(), gst_event_new_segment(&segment));
    gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING);
    Route route{.participant = "alice"};
    route.frame = [this](Media, GstSample *) { ++frames_; };
    track_ = std::make_unique<Track>(pipeline_.get(), pad_.get(), settings, route, [] {});
  }
  ~Stream() {
    track_.reset();
    gst_pad_set_active(pad_.get(), FALSE);
  }

  void push(const Bytes &frame) {
    Bytes packet{0x80, 0x80 | 111, 0, number_, 0, 0, number_, 0, 1, 2, 3, 4};
    packet.insert(packet.end(), frame.begin(), frame.end());
    GstBuffer *buffer = gst_buffer_new_memdup(packet.data(), packet.size());
    GST_BUFFER_PTS(buffer) = GST_BUFFER_DTS(buffer) = number_++ * 20 * GST_MSECOND;
    ASSERT_EQ(gst_pad_push(pad_.get(), buffer), GST_FLOW_OK);
  }
  void end() {
    gst_pad_push_event(pad_.get(), gst_event_new_eos());
    ASSERT_TRUE(test::wait_for([this] { return track_->has_ended(); }));
  }
  unsigned frames() const { return frames_; }
  TrackStats stats() const { return track_->stats(); }

 private:
  examples::ObjectPtr<GstPad> pad_;
  examples::CapsPtr caps_;
  std::atomic<unsigned> frames_ = 0;
  guint8 number_ = 1;
  examples::PipelinePtr pipeline_;
  std::unique_ptr<Track> track_;
};

TEST(Track, CountsFramesOfTheServerAsNoLoss) {
  const auto provider = test::raw_provider(7);
  Bytes filler(80);
  filler[0] = 0xf8, filler[1] = 0xff, filler[2] = 0xfe;
  Bytes other(60, 0x11);
  for (Bytes *frame : {&filler, &other})
    frame->insert(frame->end(), kTrailer.begin(), kTrailer.end());
  const struct {
    const char *mode;
    unsigned passed;
  } cases[] = {{"drop", 0}, {"known", 1}, {"pass", 2}};
  for (const auto &[mode, passed] : cases) {
    SCOPED_TRACE(mode);
    ReceiveSettings settings;
    settings.provider = provider.get();
    settings.server_frames = mode;
    settings.server_trailer = kTrailerHex;
    Stream stream(settings);
    stream.push(filler);
    stream.push(other);
    stream.push(Bytes(50, 0x22));  // of someone who does not encrypt
    stream.end();
    EXPECT_EQ(stream.frames(), passed);
    EXPECT_EQ(stream.stats().frames_arrived, passed + 1U);
    EXPECT_EQ(stream.stats().frames_dropped, 1U);
    EXPECT_EQ(stream.stats().frames_held, 0U);
  }
}

}  // namespace
