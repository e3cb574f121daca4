/* SPDX-License-Identifier: LGPL-2.1-or-later */
// VP9 of several spatial and temporal layers from a real encoder, encrypted layer by layer, through
// RTP, a server that leaves layers out, and a real decoder.
#include "svc.h"
#include "support/element.h"
#include "support/rtp.h"
#include "support/waiting.h"

namespace e2ee::test {
namespace {

// 2000 layer frames at least.
std::vector<Layers> encode(const Mode &mode) {
  const unsigned frames = is_quick() ? 90 : 2010;
  return encode_svc({mode.spatial, mode.temporal, frames / mode.spatial, 70, true});
}

// As an application hands it to e2eeencrypt.
Buffer layer_buffer(const LayerFrame &layer, unsigned picture, const Mode &mode) {
  Buffer buffer = at_time(buffer_of(layer.bytes), picture);
  const bool key = layer.key && layer.spatial == 0;
  if (!key)
    GST_BUFFER_FLAG_SET(buffer.get(), GST_BUFFER_FLAG_DELTA_UNIT);
  const unsigned down = mode.spatial - 1 - layer.spatial;
  GstE2EEFrameMeta *meta = gst_e2ee_buffer_add_frame_meta(
      buffer.get(), key, key ? kSvcWidth >> down : 0, key ? kSvcHeight >> down : 0);
  meta->has_layers = TRUE;
  meta->spatial_layer = layer.spatial;
  meta->temporal_layer = layer.temporal;
  meta->spatial_layers = mode.spatial;
  for (unsigned i = 0; key && i < mode.spatial; i++) {
    meta->layer_width[i] = kSvcWidth >> (mode.spatial - 1 - i);
    meta->layer_height[i] = kSvcHeight >> (mode.spatial - 1 - i);
  }
  return buffer;
}

// Both ends, with the packets between them.
struct Call {
  Provider provider = raw_provider(1);
  Stage encryptor{"e2eeencrypt", provider};
  Stage payloader{"rtpe2eepay"};
  Stage depayloader{"rtpe2eedepay"};
  Stage decryptor{"e2eedecrypt", provider};
  Stage merger{"e2eevp9merge"};
  Row sender{{&encryptor, &payloader}};
  Row receiver{{&depayloader, &decryptor}};

  Call() { encryptor.set_caps(kSvcCaps); }

  std::vector<Buffer> receive(const std::vector<Buffer> &packets) {
    depayloader.set_caps(payloader.out_caps());
    return receiver.push(packets);
  }
  std::vector<Buffer> merge(const std::vector<Buffer> &frames) {
    merger.set_caps(decryptor.out_caps());
    Row row({&merger});
    return row.push(frames);
  }
};

class Svc : public ::testing::TestWithParam<Mode> {};

TEST_P(Svc, EachLayerFrameArrivesAsItWas) {
  const Mode mode = GetParam();
  const std::vector<Layers> pictures = encode(mode);
  Call call;
  g_object_set(call.payloader.element(), "mtu", 300U, nullptr);
  Vp9Decoder clear;
  Vp9Decoder received;
  unsigned frames = 0;
  for (unsigned i = 0; i < pictures.size(); i++) {
    ASSERT_EQ(pictures[i].size(), mode.spatial);
    std::vector<Buffer> whole;
    for (const LayerFrame &layer : pictures[i]) {
      std::vector<Buffer> out = call.receive(call.sender.push(layer_buffer(layer, i, mode).get()));
      ASSERT_EQ(out.size(), 1U) << "picture " << i << ", layer " << layer.spatial;
      ASSERT_EQ(bytes_of(out[0].get()), layer.bytes);
      const bool key = layer.key && layer.spatial == 0;
      EXPECT_EQ(is_delta(out[0].get()), !key);
      EXPECT_EQ(has_flag(out[0].get(), GST_BUFFER_FLAG_MARKER), layer.spatial + 1 == mode.spatial);
      EXPECT_EQ(GST_BUFFER_PTS(out[0].get()), i * kFrameTime);
      const GstE2EEFrameMeta *meta = gst_e2ee_buffer_get_frame_meta(out[0].get());
      ASSERT_NE(meta, nullptr);
      EXPECT_EQ(meta->keyframe != FALSE, key);
      EXPECT_EQ(meta->spatial_layer, layer.spatial);
      EXPECT_EQ(meta->temporal_layer, layer.temporal);
      EXPECT_EQ(meta->spatial_layers, mode.spatial);
      if (layer.key) {
        EXPECT_EQ(meta->width, kSvcWidth >> (mode.spatial - 1 - layer.spatial));
      }
      frames++;
      whole.push_back(std::move(out[0]));
    }
    const std::vector<Buffer> merged = call.merge(whole);
    ASSERT_EQ(merged.size(), 1U);
    const std::vector<Image> expected = clear.decode(joined(pictures[i]));
    ASSERT_EQ(expected.size(), 1U);
    EXPECT_EQ(expected[0].width, kSvcWidth);
    EXPECT_EQ(received.decode(bytes_of(merged[0].get())), expected) << "picture " << i;
  }
  EXPECT_GE(frames, is_quick() ? 90U : 2000U);
  EXPECT_EQ(field_of(call.depayloader.out_caps(), "width"), "128");
  EXPECT_EQ(field_of(call.depayloader.out_caps(), "height"), "96");
}

// What a server reads of a packet, and no more: ids of 15 bits, non-flexible mode.
unsigned sid(const Bytes &payload) {
  return payload[3] >> 1 & 7;
}
unsigned tid(const Bytes &payload) {
  return payload[3] >> 5;
}
bool ends_frame(const Bytes &payload) {
  return (payload[0] & 0x04) != 0;
}

// Forwards layers up to these, without a gap in the sequence numbers.
class Server {
 public:
  Server(unsigned max_sid, unsigned max_tid) : max_sid_(max_sid), max_tid_(max_tid) {}

  std::vector<Buffer> forward(const std::vector<Buffer> &packets) {
    std::vector<Buffer> out;
    for (const Buffer &packet : packets) {
      const Bytes payload = parse(packet.get()).payload;
      if (sid(payload) > max_sid_ || tid(payload) > max_tid_)
        continue;
      const bool marker = ends_frame(payload) && sid(payload) == max_sid_;
      out.push_back(renumbered(Buffer(gst_buffer_ref(packet.get())), seq_++, marker));
    }
    return out;
  }

 private:
  unsigned max_sid_;
  unsigned max_tid_;
  guint16 seq_ = 65000;  // and past the end
};

TEST(SvcServer, LeavesLayersOut) {
  const Mode mode = {"L3T3", 3, 3};
  const std::vector<Layers> pictures =
      encode_svc({mode.spatial, mode.temporal, is_quick() ? 24U : 240U, 40, true});
  for (unsigned max_sid = 0; max_sid < 3; max_sid++) {
    for (unsigned max_tid = 0; max_tid < 3; max_tid++) {
      SCOPED_TRACE(testing::Message() << "up to layer " << max_sid << ", " << max_tid);
      Call call;
      Server server(max_sid, max_tid);
      Vp9Decoder clear;
      Vp9Decoder received;
      unsigned shown = 0;
      for (unsigned i = 0; i < pictures.size(); i++) {
        std::vector<Buffer> frames;
        for (const LayerFrame &layer : pictures[i])
          for (Buffer &frame :
               call.receive(server.forward(call.sender.push(layer_buffer(layer, i, mode).get()))))
            frames.push_back(std::move(frame));
        if (pictures[i][0].temporal > max_tid) {
          ASSERT_TRUE(frames.empty());
          continue;
        }
        ASSERT_EQ(frames.size(), max_sid + 1);
        const std::vector<Buffer> merged = call.merge(frames);
        ASSERT_EQ(merged.size(), 1U);
        const std::vector<Image> images = received.decode(bytes_of(merged[0].get()));
        ASSERT_EQ(images, clear.decode(joined(pictures[i], max_sid)));
        ASSERT_EQ(images.size(), 1U);
        EXPECT_EQ(images[0].width, kSvcWidth >> (2 - max_sid));
        shown++;
      }
      EXPECT_EQ(shown, pictures.size() >> (2 - max_tid));
    }
  }
}

// vp9dec shows one picture of the highest size for each superframe, but each layer by itself.
TEST(SvcDecoder, NeedsWholePictures) {
  const Mode mode = {"L3T1", 3, 1};
  const std::vector<Layers> pictures = encode_svc({3, 1, 20, 100, true});
  for (const bool merge : {true, false}) {
    Stage merger("e2eevp9merge");
    Stage decoder("vp9dec");
    merger.set_caps(kSvcCaps);
    Row row(merge ? std::vector<Stage *>{&merger, &decoder} : std::vector<Stage *>{&decoder});
    row.set_caps(Caps(gst_caps_from_string(kSvcCaps)));
    unsigned shown = 0;
    for (unsigned i = 0; i < pictures.size(); i++)
      for (const LayerFrame &layer : pictures[i])
        shown += static_cast<unsigned>(row.push(layer_buffer(layer, i, mode).get()).size());
    EXPECT_EQ(shown, merge ? 20U : 60U);
    if (merge) {
      EXPECT_EQ(field_of(decoder.out_caps(), "width"), "128");
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Modes, Svc, ::testing::ValuesIn(kModes),
                         [](const auto &test) { return std::string(test.param.name); });

TEST(SvcFrames, ThoseOfOneOrTwoBytesArrive) {
  Call call;
  for (unsigned i = 0; i < 6; i++) {
    const Bytes bytes = i % 2 == 0 ? Bytes{0x8a} : Bytes{0x89, static_cast<guint8>(i)};
    const Buffer frame = at_time(buffer_of(bytes), i);
    gst_e2ee_buffer_add_frame_meta(frame.get(), i == 0, 64, 48);
    const std::vector<Buffer> out = call.receive(call.sender.push(frame.get()));
    ASSERT_EQ(out.size(), 1U);
    EXPECT_EQ(bytes_of(out[0].get()), bytes);
  }
}

}  // namespace
}  // namespace e2ee::test
