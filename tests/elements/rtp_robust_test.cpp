/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <algorithm>
#include <map>
#include <random>

#include "support/element.h"
#include "support/rtp.h"
#include "support/waiting.h"

// Depayloader against stock elements, lossy networks and hostile packets.
namespace e2ee::test {
namespace {

struct Codec {
  const char *name;
  std::string encoder;
  const char *payloader;
  const char *decoder;
};

void PrintTo(const Codec &codec, std::ostream *out) {
  *out << codec.name;
}

std::vector<Codec> codecs() {
  const std::string video = kVideoSource;
  return {
      {"VP8", video + "vp8enc deadline=1 keyframe-max-dist=10 target-bitrate=800000", "rtpvp8pay",
       "vp8dec"},
      {"VP9", video + "vp9enc deadline=1 keyframe-max-dist=10 target-bitrate=800000", "rtpvp9pay",
       "vp9dec"},
      {"OPUS", std::string(kAudioSource) + "opusenc", "rtpopuspay", "opusdec"},
  };
}

class RtpPair : public ::testing::TestWithParam<Codec> {
 protected:
  bool video() const { return std::string(GetParam().name) != "OPUS"; }
};

TEST_P(RtpPair, FramesOfTheStockPayloaderAreEqual) {
  const Encoded encoded = encode(GetParam().encoder);
  Stage payloader(GetParam().payloader);
  g_object_set(payloader.element(), "mtu", 700U, nullptr);
  Stage depayloader("rtpe2eedepay");
  payloader.set_caps(encoded.caps.c_str());
  Row row({&payloader, &depayloader});
  for (const Buffer &frame : encoded.frames) {
    const std::vector<Buffer> out = row.push(frame.get());
    ASSERT_EQ(out.size(), 1U);
    ASSERT_EQ(bytes_of(out[0].get()), bytes_of(frame.get()));
    EXPECT_EQ(is_delta(out[0].get()), is_delta(frame.get()));
  }
}

// One loss rate; frames are known by their time.
struct Lossy {
  std::map<GstClockTime, Bytes> sent;
  std::map<GstClockTime, bool> hit;  // by frame: a packet of it was lost
  std::map<GstClockTime, Bytes> got;
  std::vector<GstClockTime> keys;
};

Lossy lose_packets(const Encoded &encoded, unsigned percent, bool wait) {
  Lossy result;
  std::mt19937 random(percent);
  const Provider provider = raw_provider(1);
  Stage encryptor("e2eeencrypt", provider);
  Stage payloader("rtpe2eepay");
  g_object_set(payloader.element(), "mtu", 500U, nullptr);
  Stage depayloader("rtpe2eedepay");
  g_object_set(depayloader.element(), "wait-for-keyframe", wait, nullptr);
  Stage decryptor("e2eedecrypt", provider);
  encryptor.set_caps(encoded.caps.c_str());
  Row sender({&encryptor, &payloader});
  Row receiver({&depayloader, &decryptor});
  const unsigned rounds = is_quick() ? 4 : 30;
  unsigned index = 0;
  for (unsigned round = 0; round < rounds; round++) {
    for (const Buffer &frame : encoded.frames) {
      const Buffer copy = at_time(Buffer(gst_buffer_copy(frame.get())), index++);
      const GstClockTime time = GST_BUFFER_PTS(copy.get());
      result.sent[time] = bytes_of(copy.get());
      if (!is_delta(copy.get()))
        result.keys.push_back(time);
      std::vector<Buffer> arrived;
      for (Buffer &packet : sender.push(copy.get())) {
        if (random() % 100 < percent)
          result.hit[time] = true;
        else
          arrived.push_back(std::move(packet));
      }
      depayloader.set_caps(payloader.out_caps());
      for (const Buffer &out : receiver.push(arrived))
        result.got[GST_BUFFER_PTS(out.get())] = bytes_of(out.get());
    }
  }
  return result;
}

TEST_P(RtpPair, LossesDropTheFramesThatTheyHitAndNoMore) {
  const Encoded encoded = encode(GetParam().encoder);
  for (const unsigned percent : {0U, 1U, 3U, 10U}) {
    const Lossy lossy = lose_packets(encoded, percent, false);
    bool started = !video();
    for (const auto &[time, bytes] : lossy.sent) {
      const bool whole = lossy.hit.count(time) == 0;
      const bool key = std::binary_search(lossy.keys.begin(), lossy.keys.end(), time);
      started = started || (whole && key);
      const auto found = lossy.got.find(time);
      ASSERT_EQ(found != lossy.got.end(), whole && started) << time << " at " << percent << " %";
      if (found != lossy.got.end()) {
        ASSERT_EQ(found->second, bytes);
      }
    }
    EXPECT_EQ(lossy.hit.empty(), percent == 0);
  }
}

TEST_P(RtpPair, VideoComesBackWithTheNextKeyFrame) {
  if (!video())
    GTEST_SKIP() << "audio has no key frames";
  const Encoded encoded = encode(GetParam().encoder);
  for (const unsigned percent : {1U, 3U, 10U}) {
    const Lossy lossy = lose_packets(encoded, percent, true);
    bool intact = false;
    unsigned delivered = 0;
    for (const auto &[time, bytes] : lossy.sent) {
      const bool whole = lossy.hit.count(time) == 0;
      const bool key = std::binary_search(lossy.keys.begin(), lossy.keys.end(), time);
      intact = whole && (intact || key);
      ASSERT_EQ(lossy.got.count(time) != 0, intact) << time << " at " << percent << " %";
      delivered += intact ? 1 : 0;
    }
    EXPECT_GT(delivered, 0U);
  }
}

INSTANTIATE_TEST_SUITE_P(Codecs, RtpPair, ::testing::ValuesIn(codecs()),
                         [](const auto &test) { return std::string(test.param.name); });

// rtpjitterbuffer puts packets back in order before the depayloader sees them.
TEST(RtpNetwork, ReorderedPacketsLoseNothingBehindAJitterBuffer) {
  const Encoded encoded = encode(codecs()[1].encoder);
  Payloader payloader(encoded.caps.c_str(), "15-bit", 0, 400);
  std::vector<Buffer> packets;
  for (const Buffer &frame : encoded.frames)
    for (Buffer &packet : payloader.push(frame.get()))
      packets.push_back(std::move(packet));
  std::mt19937 random(3);
  for (gsize i = 1; i + 4 < packets.size(); i += 4)
    std::shuffle(packets.begin() + static_cast<std::ptrdiff_t>(i),
                 packets.begin() + static_cast<std::ptrdiff_t>(i + 4), random);

  GstHarness *harness = gst_harness_new_parse("rtpjitterbuffer latency=500 ! rtpe2eedepay");
  gst_harness_use_testclock(harness);
  gst_harness_set_src_caps(harness, payloader.out_caps().release());
  for (Buffer &packet : packets) {
    GstBuffer *buffer = gst_buffer_make_writable(packet.release());
    GST_BUFFER_DTS(buffer) = GST_BUFFER_PTS(buffer);
    gst_harness_push(harness, buffer);
  }
  std::vector<Bytes> got;
  // The buffer lets the first packet go when its time has come, and all that follow in order.
  ASSERT_TRUE(gst_harness_crank_single_clock_wait(harness));
  wait_for([&] {
    while (GstBuffer *buffer = gst_harness_try_pull(harness))
      got.push_back(bytes_of(Buffer(buffer).get()));
    return got.size() == encoded.frames.size();
  });
  ASSERT_EQ(got.size(), encoded.frames.size());
  for (gsize i = 0; i < got.size(); i++)
    EXPECT_EQ(got[i], bytes_of(encoded.frames[i].get()));
  gst_harness_teardown(harness);
}

// ---- Hostile packets

// Gives each packet memory of exactly its size, so that a sanitizer sees a read past its end.
void push_exact(Stage &stage, const Bytes &payload, guint16 seq, bool marker) {
  const Buffer packet = make_packet(payload, seq, seq * 90U, marker);
  const Bytes bytes = bytes_of(packet.get());
  const Buffer exact = buffer_of(bytes);
  GST_BUFFER_PTS(exact.get()) = GST_BUFFER_PTS(packet.get());
  EXPECT_EQ(stage.try_push(exact.get()), GST_FLOW_OK);
}

TEST(RtpHostile, RandomPayloadsOfAnyLength) {
  for (const char *name : {"VP8", "VP9", "OPUS"}) {
    Depayloader depayloader(name);
    guint16 seq = 0;
    gsize in = 0;
    gsize out = 0;
    for (unsigned seed = 0; seed < (is_quick() ? 200U : 2000U); seed++) {
      for (gsize length = 0; length <= 40; length++) {
        push_exact(depayloader, noise(length, seed * 41 + static_cast<unsigned>(length)), seq++,
                   (seed & 1) != 0);
        in += length;
        for (const Buffer &frame : depayloader.pull()) {
          EXPECT_GT(gst_buffer_get_size(frame.get()), 0U);
          out += gst_buffer_get_size(frame.get());
        }
      }
    }
    EXPECT_LE(out, in);
    EXPECT_GT(out, 0U) << name;
  }
}

// The longest descriptors, cut off everywhere, alone and behind a good frame.
TEST(RtpHostile, EveryTruncationOfADescriptor) {
  struct Case {
    const char *name;
    Bytes descriptor;
  };
  Bytes structure = {0xff, 0xff, 0xff, 0xff, 0x03, 0x05, 0x06, 0xf8};
  structure.resize(structure.size() + 32, 0x01);  // eight sizes
  for (const guint8 byte : {0x03, 0x0c, 0x01, 0x02, 0x03, 0x08, 0x01, 0x02, 0x04, 0x01})
    structure.push_back(byte);
  const Case cases[] = {{"VP8", {0xff, 0xf0, 0xff, 0xff, 0x11, 0xff}}, {"VP9", structure}};
  for (const Case &each : cases) {
    for (gsize length = 0; length <= each.descriptor.size() + 1; length++) {
      Bytes payload = each.descriptor;
      payload.resize(length, 0xaa);
      Depayloader depayloader(each.name);
      push_exact(depayloader, payload, 1, true);
      // A descriptor alone is no frame: PID 7 of VP8 starts none either, P of VP9 is no key frame.
      EXPECT_TRUE(depayloader.pull().empty()) << each.name << " of " << length;
      const Bytes good = std::string(each.name) == "VP8" ? Bytes{0x10} : Bytes{0x0c};
      Bytes key = good;
      const Bytes body = vp8_key(30);
      key.insert(key.end(), body.begin(), body.end());
      push_exact(depayloader, key, 2, true);
      EXPECT_EQ(depayloader.pull().size(), 1U);
    }
  }
}

TEST(RtpHostile, MutatedPacketsOfARealStream) {
  const Encoded encoded = encode(codecs()[1].encoder);
  std::mt19937 random(9);
  for (const char *name : {"VP8", "VP9"}) {
    Payloader payloader(name == std::string("VP8") ? kVp8 : kVp9, "15-bit", 0, 300);
    Depayloader depayloader(name);
    guint16 seq = 0;
    for (unsigned round = 0; round < (is_quick() ? 1U : 10U); round++) {
      for (const Buffer &frame : encoded.frames) {
        for (const Buffer &packet : payloader.push(frame.get())) {
          Packet parsed = parse(packet.get());
          for (unsigned n = random() % 3; n > 0; n--)
            parsed.payload[random() % std::min<gsize>(parsed.payload.size(), 12)] =
                static_cast<guint8>(random());
          if (random() % 10 == 0)
            parsed.payload.resize(random() % parsed.payload.size());
          push_exact(depayloader, parsed.payload, seq++, parsed.marker);
        }
        depayloader.pull();
      }
    }
  }
}

// A sender that never ends a frame must not fill the memory.
TEST(RtpHostile, AnEndlessFrameIsGivenUp) {
  Depayloader depayloader("VP9");
  Bytes start = {0x08};
  start.resize(60001, 1);
  push_exact(depayloader, start, 0, false);
  Bytes more = start;
  more[0] = 0x00;
  for (guint16 seq = 1; seq < 700; seq++)  // 42 MB
    push_exact(depayloader, more, seq, false);
  more[0] = 0x04;
  push_exact(depayloader, more, 700, true);
  EXPECT_TRUE(depayloader.pull().empty());
}

TEST(RtpHostile, AnEndlessFrameOfTinyPacketsIsGivenUp) {
  Depayloader depayloader("VP9");
  push_exact(depayloader, {0x08, 1}, 0, false);
  for (unsigned i = 1; i < 40000; i++)
    push_exact(depayloader, {0x00, 1}, static_cast<guint16>(i), false);
  push_exact(depayloader, {0x04, 1}, 40000, true);
  EXPECT_TRUE(depayloader.pull().empty());
}

}  // namespace
}  // namespace e2ee::test
