// SPDX-License-Identifier: LGPL-2.1-or-later
// Which streams have a chain, and what is counted of one from a media server that adds frames of
// its own.
#include "recorder/track.h"

#include <gtest/gtest.h>

#include "common/program.h"
#include "support/element.h"
#include "support/waiting.h"

namespace test = e2ee::test;

namespace {

using namespace recorder;
using Bytes = std::vector<guint8>;

const Bytes kTrailer{'s', 'e', 'r', 'v', 'e', 'r', '-', '1'};
constexpr char kTrailerHex[] = "7365727665722d31";

constexpr char kOpus[] =
    "application/x-rtp, media=(string)audio, payload=(int)111, clock-rate=(int)48000, "
    "encoding-name=(string)OPUS";
constexpr char kH264[] =
    "application/x-rtp, media=(string)video, payload=(int)96, clock-rate=(int)90000, "
    "encoding-name=(string)H264";

// One track of Alice's in a pipeline.
class Stream {
 public:
  explicit Stream(const ReceiveSettings &settings, const char *rtp = kOpus)
      : pad_(GST_PAD(gst_object_ref_sink(gst_pad_new("src", GST_PAD_SRC)))),
        caps_(gst_caps_from_string(rtp)),
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
    const CarriedCodecs carried(settings, settings.provider);
    track_ = std::make_unique<Track>(pipeline_.get(), pad_.get(), settings, carried, route, [] {});
  }
  ~Stream() {
    track_.reset();
    gst_pad_set_active(pad_.get(), FALSE);
  }

  void push(const Bytes &frame, guint8 payload_type = 111) {
    Bytes packet{
        0x80, static_cast<guint8>(0x80 | payload_type), 0, number_, 0, 0, number_, 0, 1, 2, 3, 4};
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

TEST(Track, TakesWhatTheSchemeCarries) {
  const auto keys_of_alice = test::ring_with(7);
  for (const char *scheme : {"livekit", "jitsi", "realtimekit", "sframe"}) {
    ReceiveSettings settings;
    settings.provider = keys_of_alice.get();
    settings.scheme = scheme;
    EXPECT_NO_THROW(Stream{settings}) << scheme;
  }
}

std::string complaint_about(const ReceiveSettings &settings, const char *rtp) {
  try {
    Stream stream(settings, rtp);
  } catch (const examples::Failure &failure) {
    return failure.what();
  }
  return "";
}

TEST(Track, OfACodecThatTheSchemeDoesNotCarrySaysWhatToDo) {
  const auto provider = test::raw_provider(7);
  ReceiveSettings settings;
  settings.provider = provider.get();
  EXPECT_EQ(complaint_about(settings, kH264), "");
  settings.scheme = "jitsi";
  EXPECT_EQ(complaint_about(settings, kH264),
            "the scheme jitsi does not carry H.264: the sender has to use VP8, VP9 or Opus, or "
            "everybody another --scheme");
  settings.scheme = "sframe";
  settings.sframe_suite = 3;
  EXPECT_EQ(complaint_about(settings, kH264),
            "the scheme sframe does not carry H.264: the sender has to use Opus, or everybody "
            "another --scheme or --sframe-suite");
  settings.provider = nullptr;  // sealed
  EXPECT_EQ(complaint_about(settings, kH264), "");
}

TEST(Track, KeysWithTheSizesOfAnotherSchemeAreRefusedBefore) {
  const std::pair<const char *, const char *> cases[] = {{"keyring-size", "256"},
                                                         {"key-size", "256"}};
  for (const auto &[size, value] : cases) {
    const auto provider =
        test::parsed(std::string("shared,passphrase=for-tests,") + size + "=" + value);
    WireFormat format;
    EXPECT_NO_THROW(CarriedCodecs(format, provider.get())) << size;
    format.scheme = "jitsi";
    try {
      const CarriedCodecs carried(format, provider.get());
      ADD_FAILURE() << size << " is taken";
    } catch (const examples::Refused &refused) {
      EXPECT_NE(std::string(refused.what()).find(std::string("set ") + size + "="),
                std::string::npos)
          << refused.what();
    }
  }
}

TEST(Track, BeginsWithAKeyFrame) {
  Stream stream(ReceiveSettings{}, kH264);  // sealed: no parser waits for one
  const auto push = [&stream](guint8 nal_header) {
    stream.push({nal_header, 0x88, 0x84, 0x00}, 96);
  };
  constexpr guint8 kDelta = 0x41, kKey = 0x65;
  for (const guint8 nal_header : {kDelta, kDelta, kKey, kDelta})
    push(nal_header);
  stream.end();
  EXPECT_EQ(stream.frames(), 2U);
  EXPECT_EQ(stream.stats().frames_arrived, 2U);
}

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
