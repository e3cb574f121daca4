/* SPDX-License-Identifier: LGPL-2.1-or-later */
// SFrame over RTP through lossy networks, retransmission, and from hostile senders.
#include <algorithm>
#include <map>
#include <random>

#include "support/element.h"
#include "support/sframe_rtp.h"
#include "support/waiting.h"

namespace e2ee::test {
namespace {

// ---- From payloader to depayloader

// Opaque frames of many sizes; those of video may span 20 packets.
std::vector<Buffer> some_frames(unsigned count) {
  std::mt19937 random(7);
  std::vector<Buffer> frames;
  for (unsigned i = 0; i < count; i++)
    frames.push_back(make_frame(1 + random() % (i % 10 == 0 ? 20000 : 3000), i % 10 == 0, i));
  return frames;
}

TEST(SframeRtp, FramesOfAnySizeComeThroughEqual) {
  for (const SframeCodec &codec : kSframeCodecs) {
    SCOPED_TRACE(codec.encoding_name);
    SframePayloader payloader(codec.encoding_name);
    SframeReceiver receiver(codec.encoding_name);
    for (const gsize size : {1UL, 1187UL, 1188UL, 64UL * 1024, 5UL * 1024 * 1024}) {
      const Buffer frame = make_frame(size, true);
      std::vector<Buffer> out;
      for (const Buffer &packet : payloader.push(frame.get()))
        for (Buffer &made : receiver.push(packet.get()))
          out.push_back(std::move(made));
      ASSERT_EQ(out.size(), 1U) << size;
      EXPECT_TRUE(bytes_of(out[0].get()) == bytes_of(frame.get())) << size;
    }
  }
}

// Nothing tells layers apart behind the depayloader but the time and the marker of their picture.
TEST(SframeRtp, LayersOfAPictureAreMergedAgain) {
  SframePayloader payloader("VP9", 500);
  SframeReceiver receiver("VP9");
  Stage merger("e2eevp9merge");
  Stage reference("e2eevp9merge");
  merger.set_caps(kVp9);
  reference.set_caps(kVp9);
  constexpr unsigned kLayers = 3;
  for (unsigned picture = 0; picture < 5; picture++) {
    for (unsigned layer = 0; layer < kLayers; layer++) {
      const bool last = layer + 1 == kLayers;
      const Buffer frame = at_time(buffer_of(noise(700, picture * kLayers + layer)), picture);
      GstE2EEFrameMeta *meta = gst_e2ee_buffer_add_frame_meta(frame.get(), picture == 0, 0, 0);
      meta->has_layers = TRUE;
      meta->spatial_layer = layer;
      meta->spatial_layers = kLayers;
      std::vector<Buffer> merged;
      for (const Buffer &packet : payloader.push(frame.get()))
        for (const Buffer &ciphertext : receiver.push(packet.get()))
          for (Buffer &out : merger.push(ciphertext.get()))
            merged.push_back(std::move(out));
      const std::vector<Buffer> expected = reference.push(frame.get());
      ASSERT_EQ(expected.size(), last ? 1U : 0U);
      ASSERT_EQ(merged.size(), expected.size());
      if (last) {
        EXPECT_EQ(bytes_of(merged[0].get()), bytes_of(expected[0].get()));
      }
    }
  }
}

TEST(SframeRtp, LossesDropTheFramesThatTheyHitAndNoMore) {
  const std::vector<Buffer> frames = some_frames(is_quick() ? 60 : 600);
  for (const unsigned percent : {0U, 1U, 5U, 20U}) {
    std::mt19937 random(percent);
    SframePayloader payloader("H264", 500);
    SframeReceiver receiver("H264");
    unsigned whole = 0;
    for (const Buffer &frame : frames) {
      bool hit = false;
      std::vector<Buffer> out;
      for (const Buffer &packet : payloader.push(frame.get())) {
        if (random() % 100 < percent) {
          hit = true;
          continue;
        }
        for (Buffer &made : receiver.push(packet.get()))
          out.push_back(std::move(made));
      }
      ASSERT_EQ(out.size(), hit ? 0U : 1U) << percent << " %";
      if (hit)
        continue;
      ASSERT_EQ(bytes_of(out[0].get()), bytes_of(frame.get()));
      whole++;
    }
    EXPECT_GT(whole, 0U);
    EXPECT_EQ(receiver.losses() == 0, percent == 0);
  }
}

std::vector<Buffer> packets_of(Stage &payloader, const std::vector<Buffer> &frames) {
  std::vector<Buffer> packets;
  for (const Buffer &frame : frames)
    for (Buffer &packet : payloader.push(frame.get()))
      packets.push_back(std::move(packet));
  return packets;
}

// Without a jitter buffer what comes late is dropped, with what it belongs to.
TEST(SframeRtp, ReorderedPacketsGiveNoWrongFrame) {
  const std::vector<Buffer> frames = some_frames(is_quick() ? 60 : 600);
  SframePayloader payloader("AV1", 500);
  std::vector<Buffer> packets = packets_of(payloader, frames);
  std::mt19937 random(3);
  for (gsize i = 0; i + 3 < packets.size(); i += 40)
    std::shuffle(packets.begin() + static_cast<std::ptrdiff_t>(i),
                 packets.begin() + static_cast<std::ptrdiff_t>(i + 3), random);
  SframeReceiver receiver("AV1");
  std::map<GstClockTime, Bytes> sent;
  for (const Buffer &frame : frames)
    sent[GST_BUFFER_PTS(frame.get())] = bytes_of(frame.get());
  unsigned received = 0;
  for (const Buffer &packet : packets) {
    for (const Buffer &out : receiver.push(packet.get())) {
      ASSERT_EQ(bytes_of(out.get()), sent[GST_BUFFER_PTS(out.get())]);
      received++;
    }
  }
  EXPECT_GT(received, frames.size() / 2);
  EXPECT_LT(received, frames.size());
  EXPECT_GT(receiver.losses(), 0U);
}

TEST(SframeRtp, ReorderedPacketsLoseNothingBehindAJitterBuffer) {
  const std::vector<Buffer> frames = some_frames(40);
  SframePayloader payloader("H265", 500);
  std::vector<Buffer> packets = packets_of(payloader, frames);
  std::mt19937 random(3);
  for (gsize i = 1; i + 4 < packets.size(); i += 4)
    std::shuffle(packets.begin() + static_cast<std::ptrdiff_t>(i),
                 packets.begin() + static_cast<std::ptrdiff_t>(i + 4), random);

  GstHarness *harness =
      gst_harness_new_parse("rtpjitterbuffer latency=500 ! rtpe2eedepay payload-format=sframe");
  gst_harness_use_testclock(harness);
  gst_harness_set_src_caps(harness, payloader.out_caps().release());
  for (Buffer &packet : packets) {
    GstBuffer *buffer = gst_buffer_make_writable(packet.release());
    GST_BUFFER_DTS(buffer) = GST_BUFFER_PTS(buffer);
    gst_harness_push(harness, buffer);
  }
  std::vector<Bytes> got;
  ASSERT_TRUE(gst_harness_crank_single_clock_wait(harness));
  wait_for([&] {
    while (GstBuffer *buffer = gst_harness_try_pull(harness))
      got.push_back(bytes_of(Buffer(buffer).get()));
    return got.size() == frames.size();
  });
  ASSERT_EQ(got.size(), frames.size());
  for (gsize i = 0; i < got.size(); i++)
    EXPECT_EQ(got[i], bytes_of(frames[i].get()));
  gst_harness_teardown(harness);
}

// ---- Retransmission

// With an element property `payload-type-map` for both payload types.
Stage &with_map(Stage &rtx) {
  GstStructure *map =
      gst_structure_new("application/x-rtp-pt-map", "96", G_TYPE_UINT, 97U, nullptr);
  g_object_set(rtx.element(), "payload-type-map", map, nullptr);
  gst_structure_free(map);
  return rtx;
}

void ask_again(Stage &sender, guint16 seq) {
  gst_harness_push_upstream_event(
      sender.harness(),
      gst_event_new_custom(
          GST_EVENT_CUSTOM_UPSTREAM,
          gst_structure_new("GstRTPRetransmissionRequest", "seqnum", G_TYPE_UINT,
                            static_cast<guint>(seq), "ssrc", G_TYPE_UINT, kMediaSsrc, nullptr)));
}

// A packet that was sent again under another SSRC comes out of rtprtxreceive under the media's.
TEST(SframeRtp, RetransmittedPacketsAreTheMedias) {
  Stage sender("rtprtxsend");
  Stage restorer("rtprtxreceive");
  with_map(sender).set_caps(
      (sframe_rtp_caps("H264") + ", payload=96, ssrc=(uint)" + std::to_string(kMediaSsrc)).c_str());
  with_map(restorer).set_caps(sframe_rtp_caps("H264").c_str());
  SframeReceiver receiver("H264");
  const guint8 bits[] = {kStartBit, 0, kEndBit};
  std::vector<Buffer> sent;
  for (guint16 i = 0; i < 3; i++)
    for (Buffer &packet :
         sender.push(make_packet(join({{bits[i]}, part(kCipher, i * 30U, i * 30U + 30)}),
                                 static_cast<guint16>(100 + i), RtpFields{})
                         .get()))
      sent.push_back(std::move(packet));
  ASSERT_EQ(sent.size(), 3U);
  // The receiver's jitter buffer misses the second, and so learns what the other SSRC is for.
  ask_again(restorer, 101);
  ask_again(sender, 101);
  std::vector<Buffer> again;
  wait_for([&] {
    again = sender.pull();
    return !again.empty();
  });
  ASSERT_EQ(again.size(), 1U);
  ASSERT_NE(parse(again[0].get()).payload.size(), 31U) << "no retransmission";

  std::vector<Buffer> out;
  for (GstBuffer *packet : {sent[0].get(), again[0].get(), sent[2].get()})
    for (const Buffer &restored : restorer.push(packet))
      for (Buffer &frame : receiver.push(restored.get()))
        out.push_back(std::move(frame));
  EXPECT_EQ(only(out), kCipher);
  EXPECT_EQ(field_of(receiver.out_caps(), "ssrc"), std::to_string(kMediaSsrc));
  EXPECT_EQ(receiver.losses(), 0U);
}

// ---- Hostile packets

// Gives each packet memory of exactly its size, so that a sanitizer sees a read past its end.
std::vector<Buffer> push_exact(Stage &stage, const Bytes &payload, guint16 seq,
                               const RtpFields &fields) {
  const Buffer packet = make_packet(payload, seq, fields);
  const Buffer exact = buffer_of(bytes_of(packet.get()));
  GST_BUFFER_PTS(exact.get()) = GST_BUFFER_PTS(packet.get());
  return stage.push(exact.get());
}

// Whatever comes out is what lay between S and E.
TEST(SframeHostile, RandomPacketsGiveOnlyWholeCiphertexts) {
  std::mt19937 random(11);
  SframeReceiver receiver("VP9");
  receiver.packet(kWhole, noise(10, 1));
  guint16 seq = receiver.next_seq();
  Bytes expected;
  bool assembling = false;
  guint8 kind = 0;
  unsigned received = 0;
  for (unsigned i = 0; i < (is_quick() ? 4000U : 40000U); i++) {
    const guint8 bits = static_cast<guint8>(random());
    const guint8 t = bits & kPacketBit;
    const bool lost = random() % 20 == 0;
    seq = static_cast<guint16>(seq + (lost ? 1 : 0));
    const Bytes piece = noise(random() % 30, i);
    const std::vector<Buffer> out = push_exact(receiver, join({{bits}, piece}), seq++, {});
    if ((bits & kStartBit) != 0) {
      expected = {};
      kind = t;
      assembling = !piece.empty();
    } else {
      assembling = assembling && !lost && t == kind && !piece.empty();
    }
    expected = join({expected, piece});
    const bool ends = assembling && (bits & kEndBit) != 0;
    ASSERT_EQ(out.size(), ends ? 1U : 0U) << i;
    if (!ends)
      continue;
    ASSERT_EQ(kind != 0 ? parse(out[0].get()).payload : bytes_of(out[0].get()), expected);
    assembling = false;
    received++;
  }
  EXPECT_GT(received, 1000U);
}

// A sender that never ends a ciphertext must not fill the memory.
TEST(SframeHostile, AnEndlessCiphertextIsGivenUp) {
  struct Case {
    gsize piece;
    unsigned packets;
  };
  for (const Case &each : {Case{60000, 700}, Case{1, 40000}}) {
    SframeReceiver receiver("H264");
    const Bytes piece(each.piece, 1);
    receiver.packet(kStartBit, piece);
    for (unsigned i = 0; i < each.packets; i++)
      receiver.packet(0, piece);
    EXPECT_TRUE(receiver.packet(kEndBit, piece).empty());
    EXPECT_EQ(receiver.losses(), 1U);
    EXPECT_EQ(only(receiver.packet(kWhole, piece)), piece);
  }
}

}  // namespace
}  // namespace e2ee::test
