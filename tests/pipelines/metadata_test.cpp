/* SPDX-License-Identifier: LGPL-2.1-or-later */
// LiveKit's packet trailer behind encrypted frames: capture time, neither secret nor authentic.
#include <atomic>
#include <optional>

#include "holding.h"
#include "support/element.h"

namespace e2ee::test {
namespace {

// Tag 1, length 8, time; length of it all; magic. Every byte but those of the magic is inverted.
constexpr std::size_t kTrailerSize = 1 + 1 + 8 + 1 + 4;
constexpr guint64 kCaptureUs = 1700000000123456;

const Bytes kVideoFrame = vp8_key(300);

GstBuffer *with_capture_time(const Bytes &frame, guint64 microseconds) {
  GstBuffer *buffer = buffer_of(frame).release();
  const Caps caps(gst_caps_from_string("timestamp/x-unix"));
  gst_buffer_add_reference_timestamp_meta(buffer, caps.get(), microseconds * GST_USECOND,
                                          GST_CLOCK_TIME_NONE);
  return buffer;
}

Bytes trailer_of(guint64 microseconds) {
  Bytes trailer = {0x01, 8};
  for (int shift = 56; shift >= 0; shift -= 8)
    trailer.push_back(static_cast<guint8>(microseconds >> shift));
  trailer.push_back(kTrailerSize);
  for (guint8 &byte : trailer)
    byte ^= 0xff;
  for (char c : {'L', 'K', 'T', 'S'})
    trailer.push_back(static_cast<guint8>(c));
  return trailer;
}

Bytes concat(Bytes a, const Bytes &b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

struct Reference {
  std::string caps;
  GstClockTime timestamp = GST_CLOCK_TIME_NONE;
};

// Those that the decryptor adds; the tests give it bytes alone.
std::vector<Reference> references_of(GstBuffer *buffer) {
  std::vector<Reference> found;
  gpointer state = nullptr;
  while (GstMeta *meta = gst_buffer_iterate_meta_filtered(buffer, &state,
                                                          GST_REFERENCE_TIMESTAMP_META_API_TYPE)) {
    const auto *reference = reinterpret_cast<GstReferenceTimestampMeta *>(meta);
    const Text caps(gst_caps_to_string(reference->reference));
    found.push_back({caps.get(), reference->timestamp});
  }
  return found;
}

class PacketTrailer : public testing::Test {
 protected:
  PacketTrailer() {
    g_object_set(encryptor_.get(), "frame-metadata", TRUE, nullptr);
    encryptor_.start(kVp8);
    decryptor_.start(kVp8);
  }

  Bytes seal(GstBuffer *buffer) {
    EXPECT_EQ(encryptor_.push(Buffer(buffer)), GST_FLOW_OK);
    const Buffer out = encryptor_.pull();
    return out ? bytes_of(out.get()) : Bytes{};
  }
  Buffer open(const Bytes &frame) {
    EXPECT_EQ(decryptor_.push(frame), GST_FLOW_OK);
    return decryptor_.pull();
  }

  const Provider provider_ = raw_provider(0x44, 2);
  Element encryptor_{"e2eeencrypt", provider_};
  Element decryptor_{"e2eedecrypt", provider_};
};

}  // namespace

TEST_F(PacketTrailer, IsWrittenBehindTheKeyIndexWithTheCaptureTime) {
  const Bytes sealed = seal(with_capture_time(kVideoFrame, kCaptureUs));
  const std::size_t frame_end = kVideoFrame.size() + kOverhead;
  ASSERT_EQ(sealed.size(), frame_end + kTrailerSize);
  EXPECT_EQ(sealed[frame_end - 2], 12);
  EXPECT_EQ(sealed[frame_end - 1], 2) << "the key index";
  EXPECT_EQ(Bytes(sealed.begin() + static_cast<std::ptrdiff_t>(frame_end), sealed.end()),
            trailer_of(kCaptureUs));
}

TEST_F(PacketTrailer, IsTheTimeOfDayWhenNothingElseIsKnown) {
  const auto before = static_cast<guint64>(g_get_real_time());
  const Buffer out = open(seal(buffer_of(kVideoFrame).release()));
  const auto after = static_cast<guint64>(g_get_real_time());
  ASSERT_TRUE(out);
  ASSERT_EQ(references_of(out.get()).size(), 1U);
  EXPECT_GE(references_of(out.get())[0].timestamp, before * GST_USECOND);
  EXPECT_LE(references_of(out.get())[0].timestamp, after * GST_USECOND);
}

TEST_F(PacketTrailer, IsStrippedAndBecomesAMetaThatSaysWhatItIsWorth) {
  const Buffer out = open(seal(with_capture_time(kVideoFrame, kCaptureUs)));
  ASSERT_TRUE(out);
  EXPECT_EQ(bytes_of(out.get()), kVideoFrame);
  EXPECT_FALSE(gst_e2ee_buffer_is_unprotected(out.get()));
  ASSERT_EQ(references_of(out.get()).size(), 1U);
  EXPECT_EQ(references_of(out.get())[0].timestamp, kCaptureUs * GST_USECOND);
  EXPECT_EQ(references_of(out.get())[0].caps, "timestamp/x-unix, authenticated=(boolean)false");
}

TEST_F(PacketTrailer, OffByDefaultAndNotForSound) {
  Element plain("e2eeencrypt", provider_);
  EXPECT_EQ(plain.start(kVp8).pass(kVideoFrame).value_or(Bytes{}).size(),
            kVideoFrame.size() + kOverhead);
  Element audio("e2eeencrypt", provider_);
  g_object_set(audio.get(), "frame-metadata", TRUE, nullptr);
  EXPECT_EQ(audio.start(kOpus).pass(Bytes(40, 7)).value_or(Bytes{}).size(), 40 + kOverhead);
}

// As other clients write it: further fields that are passed over, and none that is known.
TEST_F(PacketTrailer, OtherFieldsArePassedOver) {
  const Bytes sealed = test::seal(provider_, kVp8, kVideoFrame);
  const auto inverted = [](Bytes bytes) {
    for (guint8 &byte : bytes)
      byte ^= 0xff;
    return concat(bytes, {'L', 'K', 'T', 'S'});
  };
  const Buffer with_id =
      open(concat(sealed, inverted({2, 4, 0, 0, 0, 9, 3, 3, 'a', 'b', 'c', 16})));
  ASSERT_TRUE(with_id);
  EXPECT_EQ(bytes_of(with_id.get()), kVideoFrame);
  EXPECT_TRUE(references_of(with_id.get()).empty());
  const Buffer nothing = open(concat(sealed, inverted({5})));
  ASSERT_TRUE(nothing);
  EXPECT_EQ(bytes_of(nothing.get()), kVideoFrame);
}

// Whatever stands there, at worst one frame is lost.
TEST_F(PacketTrailer, DamagedOnesCostTheFrameAndNoMore) {
  const Bytes sealed = test::seal(provider_, kVp8, kVideoFrame);
  const Bytes trailer = trailer_of(kCaptureUs);
  for (std::size_t i = 0; i < trailer.size(); ++i) {
    for (guint8 value : {0x00, 0xff, 0xf0, trailer[i] ^ 1}) {
      Bytes damaged = trailer;
      damaged[i] = value;
      const Buffer out = open(concat(sealed, damaged));
      if (out) {
        EXPECT_EQ(bytes_of(out.get()), kVideoFrame) << "byte " << i;
      }
    }
  }
  for (std::size_t size = 0; size < trailer.size(); ++size)
    open(Bytes(trailer.end() - static_cast<std::ptrdiff_t>(size), trailer.end()));
  EXPECT_EQ(decryptor_.pass(sealed), kVideoFrame);
}

TEST(PacketTrailers, ComeThroughTheStockPayloader) {
  Pipeline pipeline(
      "videotestsrc num-buffers=40 ! video/x-raw, width=64, height=64, framerate=30/1 ! vp8enc "
      "name=encoder deadline=1 ! e2eeencrypt name=encrypt frame-metadata=true ! rtpvp8pay "
      "mtu=200 ! rtpvp8depay ! e2eedecrypt name=decrypt ! fakesink name=sink sync=false "
      "signal-handoffs=true",
      raw_provider(0x45));
  const Tap &plain = pipeline.tap("encoder");
  const Tap &opened = pipeline.tap("decrypt");
  std::atomic<unsigned> marked{0};
  const auto on_frame =
      +[](GstElement *, GstBuffer *buffer, GstPad *, std::atomic<unsigned> *count) {
        *count += static_cast<unsigned>(references_of(buffer).size());
      };
  g_signal_connect(pipeline.get("sink"), "handoff", G_CALLBACK(on_frame), &marked);
  ASSERT_TRUE(pipeline.run());
  ASSERT_EQ(plain.size(), 40U);
  expect_equal(opened.contents(), plain.contents());
  EXPECT_EQ(marked, 40U);
}

// The payloader cuts byte streams where it sees a start code: these times hold one, or nearly.
TEST(PacketTrailers, NoCaptureTimeEndsAFrameOfAByteStream) {
  constexpr guint64 kTime = 0x00060a2418123456;
  const auto with_low_bits = [](unsigned count, guint64 bits) {
    return (kTime >> count << count) | bits;
  };
  struct Case {
    guint64 time;
    std::optional<guint64> written;
  };
  const std::vector<Case> cases = {
      {kTime, kTime},
      {with_low_bits(24, 0xfffffd), with_low_bits(24, 0xfffffd)},
      {with_low_bits(24, 0xfffffe), with_low_bits(24, 0xfffffd)},
      {with_low_bits(24, 0xffffff), with_low_bits(24, 0xfffffd)},
      {with_low_bits(32, 0xfffffe12), with_low_bits(32, 0xfffffdff)},
      {with_low_bits(32, 0xffffffff), with_low_bits(32, 0xfffffdff)},
      {with_low_bits(40, 0xfffffe1234), std::nullopt},  // it lasts for an eighth of a second
      {with_low_bits(48, 0xfffffe123456), std::nullopt},
  };
  for (const bool h265 : {false, true}) {
    const std::string codec = h265 ? "h265" : "h264";
    const Encoded encoded =
        encode("videotestsrc num-buffers=8 ! video/x-raw, format=I420, width=64, height=64 ! " +
                   std::string(h265 ? "x265enc" : "x264enc tune=zerolatency"),
               nullptr, cases.size());
    Pipeline pipeline("appsrc name=in format=time caps=\"video/x-" + codec +
                          ", stream-format=byte-stream, alignment=au\" ! e2eeencrypt "
                          "frame-metadata=true ! capsfilter caps=\"video/x-" +
                          codec + ", stream-format=byte-stream\" ! rtp" + codec + "pay ! rtp" +
                          codec +
                          "depay ! e2eedecrypt name=decrypt ! fakesink name=sink sync=false "
                          "signal-handoffs=true",
                      raw_provider(0x46));
    const Tap &opened = pipeline.tap("decrypt");
    std::vector<std::vector<Reference>> found;
    const auto on_frame = +[](GstElement *, GstBuffer *buffer, GstPad *, decltype(found) *all) {
      // The meta of the sender comes along here, where no network is between.
      std::vector<Reference> references = references_of(buffer);
      std::erase_if(references,
                    [](const Reference &each) { return each.caps == "timestamp/x-unix"; });
      all->push_back(std::move(references));
    };
    g_signal_connect(pipeline.get("sink"), "handoff", G_CALLBACK(on_frame), &found);
    GstFlowReturn flow = GST_FLOW_OK;
    for (std::size_t i = 0; i < cases.size(); ++i) {
      const Buffer buffer(with_capture_time(bytes_of(encoded.frames[i].get()), cases[i].time));
      GST_BUFFER_PTS(buffer.get()) = i * GST_SECOND;
      g_signal_emit_by_name(pipeline.get("in"), "push-buffer", buffer.get(), &flow);
    }
    g_signal_emit_by_name(pipeline.get("in"), "end-of-stream", &flow);
    ASSERT_TRUE(pipeline.run());
    EXPECT_EQ(pipeline.stat("decrypt", "frames-out"), cases.size());
    ASSERT_EQ(opened.size(), cases.size());
    for (std::size_t i = 0; i < cases.size(); ++i) {
      ASSERT_EQ(found[i].size(), cases[i].written ? 1U : 0U) << "case " << i;
      if (cases[i].written) {
        EXPECT_EQ(found[i][0].timestamp, *cases[i].written * GST_USECOND) << "case " << i;
      }
    }
  }
}

}  // namespace e2ee::test
