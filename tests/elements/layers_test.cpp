/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <set>

#include "support/rtp.h"
#include "support/waiting.h"

// Temporal layers of VP8, and simulcast.
namespace e2ee::test {
namespace {

const char *const kLayeredVp8 = "vp8enc name=encoder deadline=1 keyframe-max-dist=20";

TEST(TemporalVp8, LayersArriveAndTheUpperOneMayBeLeftOut) {
  const Encoded encoded = encode(std::string(kVideoSource) + kLayeredVp8, use_two_temporal_layers);
  for (const bool leave_out : {false, true}) {
    const Provider provider = raw_provider(1);
    Stage encryptor("e2eeencrypt", provider);
    Payloader payloader(kVp8, "15-bit", 0, 200);
    Depayloader depayloader("VP8");
    Stage decryptor("e2eedecrypt", provider);
    Stage decoder("vp8dec");
    encryptor.set_caps(encoded.caps.c_str());
    Row sender({&encryptor, &payloader});
    Row receiver({&depayloader, &decryptor});
    Row player({&decoder});
    guint16 seq = 7;
    unsigned shown = 0;
    for (unsigned i = 0; i < encoded.frames.size(); i++) {
      std::vector<Buffer> forwarded;
      for (Buffer &packet : sender.push(encoded.frames[i].get())) {
        const Packet parsed = parse(packet.get());
        const unsigned layer = parsed.payload[5] >> 6;  // X, ILTK, two of the id, TL0PICIDX, TID
        EXPECT_EQ(layer, i % 2);
        if (!leave_out || layer == 0)
          forwarded.push_back(renumbered(std::move(packet), seq++, parsed.marker));
      }
      const std::vector<Buffer> frames = receiver.push(forwarded);
      ASSERT_EQ(frames.size(), leave_out && i % 2 != 0 ? 0U : 1U);
      if (frames.empty())
        continue;
      EXPECT_EQ(bytes_of(frames[0].get()), bytes_of(encoded.frames[i].get()));
      EXPECT_EQ(is_delta(frames[0].get()), is_delta(encoded.frames[i].get()));
      const GstE2EEFrameMeta *meta = gst_e2ee_buffer_get_frame_meta(frames[0].get());
      ASSERT_NE(meta, nullptr);
      EXPECT_TRUE(meta->has_layers);
      EXPECT_EQ(meta->temporal_layer, i % 2);
      EXPECT_EQ(has_flag(frames[0].get(), GST_BUFFER_FLAG_DROPPABLE), i % 2 != 0);
      decoder.set_caps(decryptor.out_caps());
      shown += static_cast<unsigned>(player.push(frames).size());
    }
    EXPECT_EQ(shown, encoded.frames.size() / (leave_out ? 2 : 1));
  }
}

Bytes iv_of(const Bytes &sealed) {
  EXPECT_GE(sealed.size(), kOverhead);
  EXPECT_EQ(sealed[sealed.size() - 2], 12);
  return Bytes(sealed.end() - 14, sealed.end() - 2);
}

// Three sizes of one picture are three streams, each with an encryptor of its own.
TEST(Simulcast, OneKeyNeverMeetsAnIvTwice) {
  const Provider provider = raw_provider(1);
  std::set<Bytes> ivs;
  unsigned sent = 0;
  for (const char *size :
       {"width=320, height=240", "width=160, height=120", "width=80, height=60"}) {
    const Encoded encoded = encode(
        "videotestsrc num-buffers=40 pattern=ball ! video/x-raw, format=I420, framerate=30/1, " +
        std::string(size) + " ! vp8enc deadline=1");
    Stage encryptor("e2eeencrypt", provider);
    Payloader payloader(kVp8);
    Depayloader depayloader("VP8");
    Stage decryptor("e2eedecrypt", provider);
    encryptor.set_caps(encoded.caps.c_str());
    Row row({&payloader, &depayloader, &decryptor});
    for (unsigned round = 0; round < (is_quick() ? 2U : 25U); round++) {
      for (const Buffer &frame : encoded.frames) {
        const std::vector<Buffer> sealed = encryptor.push(frame.get());
        ASSERT_EQ(sealed.size(), 1U);
        ivs.insert(iv_of(bytes_of(sealed[0].get())));
        payloader.Stage::set_caps(encryptor.out_caps());
        const std::vector<Buffer> out = row.push(sealed);
        ASSERT_EQ(out.size(), 1U);
        EXPECT_EQ(bytes_of(out[0].get()), bytes_of(frame.get()));
        sent++;
      }
    }
  }
  EXPECT_EQ(ivs.size(), sent);
  EXPECT_GE(sent, is_quick() ? 240U : 3000U);
}

}  // namespace
}  // namespace e2ee::test
