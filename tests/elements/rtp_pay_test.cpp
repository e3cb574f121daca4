/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gst/check/gstharness.h>
#include <gst/e2ee/gste2eemeta.h>
#include <gst/gst.h>
#include <gst/rtp/rtp.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <random>
#include <string>
#include <vector>

// Frames go through rtpe2eepay and the stock depayloaders, and descriptors are compared with bytes
// worked out by hand from RFC 7741 and RFC 9628.
namespace {

using Bytes = std::vector<guint8>;

constexpr GstClockTime kFrameTime = 20 * GST_MSECOND;
const char *const kVp8Caps = "video/x-vp8, width=320, height=240, framerate=50/1";
const char *const kVp9Caps = "video/x-vp9, width=320, height=240, framerate=50/1";
const char *const kOpusCaps = "audio/x-opus, channel-mapping-family=0, channels=2, rate=48000";

struct BufferUnref {
  void operator()(GstBuffer *buffer) const { gst_buffer_unref(buffer); }
};
using Buffer = std::unique_ptr<GstBuffer, BufferUnref>;

struct CapsUnref {
  void operator()(GstCaps *caps) const { gst_caps_unref(caps); }
};
using Caps = std::unique_ptr<GstCaps, CapsUnref>;

Bytes bytes_of(GstBuffer *buffer) {
  Bytes bytes(gst_buffer_get_size(buffer));
  gst_buffer_extract(buffer, 0, bytes.data(), bytes.size());
  return bytes;
}

Buffer make_buffer(const Bytes &bytes, unsigned index = 0) {
  GstBuffer *buffer =
      bytes.empty() ? gst_buffer_new() : gst_buffer_new_memdup(bytes.data(), bytes.size());
  GST_BUFFER_PTS(buffer) = index * kFrameTime;
  GST_BUFFER_DURATION(buffer) = kFrameTime;
  return Buffer(buffer);
}

Bytes random_bytes(std::size_t size, unsigned seed) {
  std::mt19937 random(seed);
  Bytes bytes(size);
  for (guint8 &byte : bytes)
    byte = static_cast<guint8>(random());
  return bytes;
}

Buffer make_frame(std::size_t size, bool keyframe, unsigned index = 0) {
  Buffer buffer = make_buffer(random_bytes(size, index + 1), index);
  if (!keyframe)
    GST_BUFFER_FLAG_SET(buffer.get(), GST_BUFFER_FLAG_DELTA_UNIT);
  return buffer;
}

// One element between two test pads.
class Element {
 public:
  explicit Element(const char *name) : harness_(gst_harness_new(name)) {}
  ~Element() { gst_harness_teardown(harness_); }
  Element(const Element &) = delete;
  Element &operator=(const Element &) = delete;

  GstHarness *harness() { return harness_; }
  void set_caps(const char *caps) { gst_harness_set_src_caps_str(harness_, caps); }

  GstFlowReturn try_push(GstBuffer *buffer) {
    return gst_harness_push(harness_, gst_buffer_ref(buffer));
  }

  std::vector<Buffer> push(GstBuffer *buffer) {
    EXPECT_EQ(try_push(buffer), GST_FLOW_OK);
    return pull();
  }

  std::vector<Buffer> pull() {
    std::vector<Buffer> out;
    while (GstBuffer *buffer = gst_harness_try_pull(harness_))
      out.emplace_back(buffer);
    return out;
  }

  Caps out_caps() { return Caps(gst_pad_get_current_caps(harness_->sinkpad)); }

 private:
  GstHarness *harness_;
};

// The payloader with a first picture id that shows byte order and width.
class Payloader : public Element {
 public:
  explicit Payloader(const char *caps, const char *mode = "15-bit", int offset = 0x1234,
                     guint mtu = 1200)
      : Element("rtpe2eepay") {
    GstElement *element = harness()->element;
    g_object_set(element, "picture-id-offset", offset, "mtu", mtu, nullptr);
    gst_util_set_object_arg(G_OBJECT(element), "picture-id-mode", mode);
    set_caps(caps);
  }
};

struct Packet {
  Bytes payload;
  bool marker = false;
  guint16 seq = 0;
};

Packet parse(GstBuffer *buffer) {
  Packet packet;
  GstRTPBuffer rtp = GST_RTP_BUFFER_INIT;
  EXPECT_TRUE(gst_rtp_buffer_map(buffer, GST_MAP_READ, &rtp));
  const auto *data = static_cast<const guint8 *>(gst_rtp_buffer_get_payload(&rtp));
  packet.payload.assign(data, data + gst_rtp_buffer_get_payload_len(&rtp));
  packet.marker = gst_rtp_buffer_get_marker(&rtp);
  packet.seq = gst_rtp_buffer_get_seq(&rtp);
  gst_rtp_buffer_unmap(&rtp);
  return packet;
}

Bytes descriptor_of(GstBuffer *buffer, std::size_t size) {
  Bytes payload = parse(buffer).payload;
  EXPECT_GT(payload.size(), size);
  payload.resize(size);
  return payload;
}

// The descriptor of the only packet of a small frame.
Bytes describe(Payloader &payloader, GstBuffer *frame) {
  const std::vector<Buffer> packets = payloader.push(frame);
  EXPECT_EQ(packets.size(), 1U);
  if (packets.empty())
    return {};
  const Bytes payload = parse(packets[0].get()).payload;
  const Bytes body = bytes_of(frame);
  EXPECT_GE(payload.size(), body.size());
  EXPECT_TRUE(std::equal(body.rbegin(), body.rend(), payload.rbegin()));
  return Bytes(payload.begin(), payload.end() - static_cast<std::ptrdiff_t>(body.size()));
}

struct Encoded {
  Caps caps;
  std::vector<Buffer> frames;
};

// What a real encoder, which may be named "encoder" and set up further, makes of a test source.
Encoded encode(const std::string &source_and_encoder, void (*set_up)(GstElement *) = nullptr) {
  Encoded encoded;
  GstElement *pipeline = gst_parse_launch(
      (source_and_encoder + " ! fakesink name=sink signal-handoffs=true sync=false").c_str(),
      nullptr);
  GstElement *sink = gst_bin_get_by_name(GST_BIN(pipeline), "sink");
  if (set_up != nullptr) {
    GstElement *encoder = gst_bin_get_by_name(GST_BIN(pipeline), "encoder");
    set_up(encoder);
    gst_object_unref(encoder);
  }
  auto on_frame = +[](GstElement *, GstBuffer *buffer, GstPad *pad, Encoded *out) {
    out->frames.emplace_back(gst_buffer_ref(buffer));
    out->caps.reset(gst_pad_get_current_caps(pad));
  };
  g_signal_connect(sink, "handoff", G_CALLBACK(on_frame), &encoded);
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  GstBus *bus = gst_element_get_bus(pipeline);
  GstMessage *message = gst_bus_timed_pop_filtered(
      bus, 30 * GST_SECOND, static_cast<GstMessageType>(GST_MESSAGE_EOS | GST_MESSAGE_ERROR));
  EXPECT_TRUE(message != nullptr && GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS);
  gst_clear_message(&message);
  gst_object_unref(bus);
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_object_unref(sink);
  gst_object_unref(pipeline);
  EXPECT_FALSE(encoded.frames.empty());
  return encoded;
}

const char *const kVideoSource =
    "videotestsrc num-buffers=30 pattern=ball ! "
    "video/x-raw, format=I420, width=320, height=240, framerate=30/1 ! ";

// ---- Through the stock depayloaders

struct Codec {
  const char *name;
  std::string encoder;
  const char *depayloader;
  // What the depayloader reads of a frame and must therefore stay as it is.
  std::size_t clear_bytes;
};

std::vector<Codec> codecs() {
  const std::string video = kVideoSource;
  return {
      {"VP8", video + "vp8enc deadline=1 keyframe-max-dist=10 target-bitrate=800000", "rtpvp8depay",
       10},
      {"VP9", video + "vp9enc deadline=1 keyframe-max-dist=10 target-bitrate=800000", "rtpvp9depay",
       0},
      {"OPUS", "audiotestsrc num-buffers=50 ! audio/x-raw, channels=2, rate=48000 ! opusenc",
       "rtpopusdepay", 0},
  };
}

class ThroughStockDepayloader : public ::testing::TestWithParam<Codec> {
 protected:
  void expect_equal_frames(const Encoded &encoded, guint mtu) {
    Element payloader("rtpe2eepay");
    g_object_set(payloader.harness()->element, "mtu", mtu, nullptr);
    Element depayloader(GetParam().depayloader);
    gst_harness_set_src_caps(payloader.harness(), gst_caps_ref(encoded.caps.get()));
    bool has_caps = false;
    std::size_t received = 0;
    for (const Buffer &frame : encoded.frames) {
      const std::vector<Buffer> packets = payloader.push(frame.get());
      if (!has_caps)
        gst_harness_set_src_caps(depayloader.harness(), payloader.out_caps().release());
      has_caps = true;
      for (const Buffer &packet : packets) {
        EXPECT_LE(gst_buffer_get_size(packet.get()), mtu);
        depayloader.try_push(packet.get());
      }
      for (const Buffer &out : depayloader.pull()) {
        EXPECT_EQ(bytes_of(out.get()), bytes_of(frame.get())) << "frame " << received;
        received++;
      }
    }
    EXPECT_EQ(received, encoded.frames.size());
  }
};

TEST_P(ThroughStockDepayloader, EncodedFramesAreEqual) {
  const Encoded encoded = encode(GetParam().encoder);
  for (const guint mtu : {1400U, 1199U})
    expect_equal_frames(encoded, mtu);
}

TEST_P(ThroughStockDepayloader, RandomBytesAreEqual) {
  Encoded encoded = encode(GetParam().encoder);
  unsigned seed = 1;
  for (Buffer &frame : encoded.frames) {
    Bytes bytes = bytes_of(frame.get());
    const Bytes noise = random_bytes(bytes.size(), seed++);
    for (std::size_t i = GetParam().clear_bytes; i < bytes.size(); i++)
      bytes[i] = noise[i];
    GstBuffer *replaced = gst_buffer_new_memdup(bytes.data(), bytes.size());
    gst_buffer_copy_into(replaced, frame.get(), GST_BUFFER_COPY_METADATA, 0,
                         static_cast<gsize>(-1));
    frame.reset(replaced);
  }
  expect_equal_frames(encoded, 1201);
}

INSTANTIATE_TEST_SUITE_P(Codecs, ThroughStockDepayloader, ::testing::ValuesIn(codecs()),
                         [](const auto &test) { return std::string(test.param.name); });

// ---- VP8 descriptors, RFC 7741

TEST(RtpPayVp8, DescriptorFollowsThePictureIdMode) {
  const Buffer frame = make_frame(50, true);
  Payloader none(kVp8Caps, "none");
  EXPECT_EQ(describe(none, frame.get()), (Bytes{0x10}));
  Payloader seven(kVp8Caps, "7-bit");
  EXPECT_EQ(describe(seven, frame.get()), (Bytes{0x90, 0x80, 0x34}));
  Payloader fifteen(kVp8Caps, "15-bit");
  EXPECT_EQ(describe(fifteen, frame.get()), (Bytes{0x90, 0x80, 0x92, 0x34}));
}

TEST(RtpPayVp8, OnlyTheFirstPacketStartsThePartition) {
  Payloader payloader(kVp8Caps, "15-bit", 0x1234, 100);
  const Buffer frame = make_frame(200, true);
  const std::vector<Buffer> packets = payloader.push(frame.get());
  ASSERT_EQ(packets.size(), 3U);  // 84 bytes of the frame in a full one
  EXPECT_EQ(descriptor_of(packets[0].get(), 4), (Bytes{0x90, 0x80, 0x92, 0x34}));
  EXPECT_EQ(descriptor_of(packets[1].get(), 4), (Bytes{0x80, 0x80, 0x92, 0x34}));
  EXPECT_EQ(descriptor_of(packets[2].get(), 4), (Bytes{0x80, 0x80, 0x92, 0x34}));
}

TEST(RtpPayVp8, DroppableFramesAreNoReference) {
  Payloader payloader(kVp8Caps);
  const Buffer frame = make_frame(50, false);
  GST_BUFFER_FLAG_SET(frame.get(), GST_BUFFER_FLAG_DROPPABLE);
  EXPECT_EQ(describe(payloader, frame.get()), (Bytes{0xb0, 0x80, 0x92, 0x34}));
}

TEST(RtpPayVp8, LayersOfTheFrameMeta) {
  Payloader payloader(kVp8Caps, "7-bit", 0x7e);
  std::vector<Bytes> descriptors;
  const guint layers[] = {0, 2, 1, 0};
  for (unsigned i = 0; i < 4; i++) {
    const Buffer frame = make_frame(50, i == 0, i);
    GstE2EEFrameMeta *meta = gst_e2ee_buffer_add_frame_meta(frame.get(), i == 0, 320, 240);
    meta->has_layers = TRUE;
    meta->temporal_layer = layers[i];
    meta->layer_sync = i == 1;
    descriptors.push_back(describe(payloader, frame.get()));
  }
  // A frame that says nothing keeps the fields, as a base layer frame.
  descriptors.push_back(describe(payloader, make_frame(50, false, 4).get()));
  EXPECT_EQ(descriptors[0], (Bytes{0x90, 0xe0, 0x7e, 0x00, 0x00}));
  EXPECT_EQ(descriptors[1], (Bytes{0x90, 0xe0, 0x7f, 0x00, 0xa0}));
  EXPECT_EQ(descriptors[2], (Bytes{0x90, 0xe0, 0x00, 0x00, 0x40}));
  EXPECT_EQ(descriptors[3], (Bytes{0x90, 0xe0, 0x01, 0x01, 0x00}));
  EXPECT_EQ(descriptors[4], (Bytes{0x90, 0xe0, 0x02, 0x02, 0x00}));
}

TEST(RtpPayVp8, ASpatialLayerIsNoPartOfTheStream) {
  Payloader payloader(kVp8Caps, "7-bit", 1);
  for (unsigned i = 0; i < 3; i++) {
    const Buffer frame = make_frame(50, i == 0, i);
    GstE2EEFrameMeta *meta = gst_e2ee_buffer_add_frame_meta(frame.get(), i == 0, 320, 240);
    meta->has_layers = TRUE;
    meta->spatial_layer = 2;
    const auto count = static_cast<guint8>(i);
    EXPECT_EQ(describe(payloader, frame.get()),
              (Bytes{0x90, 0xe0, static_cast<guint8>(count + 1), count, 0x00}));
  }
}

TEST(RtpPayVp8, LayersWithoutPictureId) {
  Payloader payloader(kVp8Caps, "none");
  const Buffer frame = make_frame(50, true);
  gst_e2ee_buffer_add_frame_meta(frame.get(), TRUE, 320, 240)->has_layers = TRUE;
  EXPECT_EQ(describe(payloader, frame.get()), (Bytes{0x90, 0x60, 0x00, 0x00}));
}

// vp8enc takes these as a type that has no text form.
void set_ints(GstElement *encoder, const char *property, std::initializer_list<int> numbers) {
  G_GNUC_BEGIN_IGNORE_DEPRECATIONS
  GValueArray *array = g_value_array_new(0);
  for (const int number : numbers) {
    GValue value = G_VALUE_INIT;
    g_value_init(&value, G_TYPE_INT);
    g_value_set_int(&value, number);
    g_value_array_append(array, &value);
  }
  g_object_set(encoder, property, array, nullptr);
  g_value_array_free(array);
  G_GNUC_END_IGNORE_DEPRECATIONS
}

void use_two_temporal_layers(GstElement *encoder) {
  g_object_set(encoder, "temporal-scalability-number-layers", 2, "temporal-scalability-periodicity",
               2, nullptr);
  set_ints(encoder, "temporal-scalability-layer-id", {0, 1});
  set_ints(encoder, "temporal-scalability-rate-decimator", {2, 1});
  set_ints(encoder, "temporal-scalability-target-bitrate", {300000, 600000});
  gst_util_set_object_arg(G_OBJECT(encoder), "temporal-scalability-layer-flags",
                          "<no-ref-golden+no-ref-alt+no-upd-golden+no-upd-alt,"
                          "no-ref-golden+no-ref-alt+no-upd-last+no-upd-golden+no-upd-alt+"
                          "no-upd-entropy>");
  GValue syncs = G_VALUE_INIT;
  gst_value_array_init(&syncs, 2);
  for (const bool sync : {false, true}) {
    GValue value = G_VALUE_INIT;
    g_value_init(&value, G_TYPE_BOOLEAN);
    g_value_set_boolean(&value, sync);
    gst_value_array_append_and_take_value(&syncs, &value);
  }
  g_object_set_property(G_OBJECT(encoder), "temporal-scalability-layer-sync-flags", &syncs);
  g_value_unset(&syncs);
}

TEST(RtpPayVp8, LayersOfTheEncoder) {
  const Encoded encoded =
      encode(std::string(kVideoSource) + "vp8enc name=encoder deadline=1", use_two_temporal_layers);
  Payloader payloader(kVp8Caps, "15-bit", 0);
  for (unsigned i = 0; i < encoded.frames.size(); i++) {
    // vp8enc calls a key frame a sync point, too. Nothing refers to the upper layer's frames.
    const bool sync = i == 0 || i % 2 != 0;
    for (const Buffer &packet : payloader.push(encoded.frames[i].get())) {
      const Bytes bytes = descriptor_of(packet.get(), 6);
      EXPECT_EQ(bytes[0] & 0x20, i % 2 != 0 ? 0x20 : 0) << "N of frame " << i;
      EXPECT_EQ(bytes[1], 0xe0);
      EXPECT_EQ(bytes[3], i);
      EXPECT_EQ(bytes[4], i / 2) << "TL0PICIDX of frame " << i;
      EXPECT_EQ(bytes[5], (i % 2) << 6 | (sync ? 0x20 : 0)) << "TID and Y of frame " << i;
    }
  }
}

TEST(RtpPayVp8, TheFrameMetaDecidesTheKeyFlagOfPackets) {
  Payloader payloader(kVp8Caps, "15-bit", 0, 100);
  const Buffer key = make_frame(200, false);
  gst_e2ee_buffer_add_frame_meta(key.get(), TRUE, 320, 240);
  const std::vector<Buffer> packets = payloader.push(key.get());
  ASSERT_EQ(packets.size(), 3U);
  EXPECT_FALSE(GST_BUFFER_FLAG_IS_SET(packets[0].get(), GST_BUFFER_FLAG_DELTA_UNIT));
  EXPECT_TRUE(GST_BUFFER_FLAG_IS_SET(packets[1].get(), GST_BUFFER_FLAG_DELTA_UNIT));
  EXPECT_TRUE(GST_BUFFER_FLAG_IS_SET(packets[2].get(), GST_BUFFER_FLAG_DELTA_UNIT));
  for (const Buffer &packet : payloader.push(make_frame(200, false, 1).get()))
    EXPECT_TRUE(GST_BUFFER_FLAG_IS_SET(packet.get(), GST_BUFFER_FLAG_DELTA_UNIT));
}

// ---- VP9 descriptors, RFC 9628

TEST(RtpPayVp9, KeyAndDelta) {
  Payloader payloader(kVp9Caps);
  EXPECT_EQ(describe(payloader, make_frame(50, true).get()),
            (Bytes{0x8e, 0x92, 0x34, 0x18, 0x01, 0x40, 0x00, 0xf0, 0x01, 0x04, 0x01}));
  EXPECT_EQ(describe(payloader, make_frame(50, false, 1).get()), (Bytes{0xcc, 0x92, 0x35}));
}

TEST(RtpPayVp9, PictureIdModes) {
  const Buffer frame = make_frame(50, false);
  Payloader none(kVp9Caps, "none");
  EXPECT_EQ(describe(none, frame.get()), (Bytes{0x4c}));
  Payloader seven(kVp9Caps, "7-bit");
  EXPECT_EQ(describe(seven, frame.get()), (Bytes{0xcc, 0x34}));
}

TEST(RtpPayVp9, BeginEndAndStructureOfASplitKeyFrame) {
  Payloader payloader(kVp9Caps, "15-bit", 0x1234, 100);
  const std::vector<Buffer> packets = payloader.push(make_frame(200, true).get());
  ASSERT_EQ(packets.size(), 3U);
  EXPECT_EQ(descriptor_of(packets[0].get(), 4), (Bytes{0x8a, 0x92, 0x34, 0x18}));
  EXPECT_EQ(descriptor_of(packets[1].get(), 3), (Bytes{0x80, 0x92, 0x34}));
  EXPECT_EQ(descriptor_of(packets[2].get(), 3), (Bytes{0x84, 0x92, 0x34}));
}

TEST(RtpPayVp9, TheFrameMetaGoesBeforeFlagsAndCaps) {
  Payloader payloader(kVp9Caps);
  const Buffer frame = make_frame(50, false);
  gst_e2ee_buffer_add_frame_meta(frame.get(), TRUE, 1280, 720);
  EXPECT_EQ(describe(payloader, frame.get()),
            (Bytes{0x8e, 0x92, 0x34, 0x18, 0x05, 0x00, 0x02, 0xd0, 0x01, 0x04, 0x01}));
}

TEST(RtpPayVp9, AnUnknownSizeIsLeftOut) {
  Payloader payloader("video/x-vp9");
  EXPECT_EQ(describe(payloader, make_frame(50, true).get()),
            (Bytes{0x8e, 0x92, 0x34, 0x08, 0x01, 0x04, 0x01}));
}

TEST(RtpPayVp9, TemporalLayers) {
  Payloader payloader(kVp9Caps);
  std::vector<Bytes> descriptors;
  const guint layers[] = {0, 2, 1, 0};
  for (unsigned i = 0; i < 4; i++) {
    const Buffer frame = make_frame(50, i == 0, i);
    GstE2EEFrameMeta *meta = gst_e2ee_buffer_add_frame_meta(frame.get(), i == 0, 320, 240);
    meta->has_layers = TRUE;
    meta->temporal_layer = layers[i];
    meta->layer_sync = i == 1;
    descriptors.push_back(describe(payloader, frame.get()));
  }
  EXPECT_EQ(descriptors[0], (Bytes{0xae, 0x92, 0x34, 0x00, 0x00, 0x10, 0x01, 0x40, 0x00, 0xf0}));
  EXPECT_EQ(descriptors[1], (Bytes{0xec, 0x92, 0x35, 0x50, 0x00}));
  EXPECT_EQ(descriptors[2], (Bytes{0xec, 0x92, 0x36, 0x20, 0x00}));
  EXPECT_EQ(descriptors[3], (Bytes{0xec, 0x92, 0x37, 0x00, 0x01}));
}

TEST(RtpPayVp9, AHigherSpatialLayerBelongsToThePictureBelow) {
  Payloader payloader(kVp9Caps);
  std::vector<Bytes> descriptors;
  for (unsigned i = 0; i < 4; i++) {
    const Buffer frame = make_frame(50, false, i);
    GstE2EEFrameMeta *meta = gst_e2ee_buffer_add_frame_meta(frame.get(), FALSE, 320, 240);
    meta->has_layers = TRUE;
    meta->spatial_layer = i % 2;
    descriptors.push_back(describe(payloader, frame.get()));
  }
  EXPECT_EQ(descriptors[0], (Bytes{0xec, 0x92, 0x34, 0x00, 0x00}));
  EXPECT_EQ(descriptors[1], (Bytes{0xec, 0x92, 0x34, 0x03, 0x00}));
  EXPECT_EQ(descriptors[2], (Bytes{0xec, 0x92, 0x35, 0x00, 0x01}));
  EXPECT_EQ(descriptors[3], (Bytes{0xec, 0x92, 0x35, 0x03, 0x01}));
}

TEST(RtpPayVp9, TheStockDepayloaderReadsLayersAndSize) {
  Payloader payloader(kVp9Caps, "15-bit", 0, 100);
  Element depayloader("rtpvp9depay");
  depayloader.set_caps("application/x-rtp, media=video, clock-rate=90000, encoding-name=VP9");
  for (unsigned i = 0; i < 6; i++) {
    const Buffer frame = make_frame(333, i == 0, i);
    GstE2EEFrameMeta *meta = gst_e2ee_buffer_add_frame_meta(frame.get(), i == 0, 640, 360);
    meta->has_layers = TRUE;
    meta->temporal_layer = i % 2;
    for (const Buffer &packet : payloader.push(frame.get()))
      depayloader.try_push(packet.get());
    const std::vector<Buffer> out = depayloader.pull();
    ASSERT_EQ(out.size(), 1U);
    EXPECT_EQ(bytes_of(out[0].get()), bytes_of(frame.get()));
    EXPECT_EQ(GST_BUFFER_FLAG_IS_SET(out[0].get(), GST_BUFFER_FLAG_DELTA_UNIT), i != 0);
  }
  const Caps caps = depayloader.out_caps();
  int width = 0;
  gst_structure_get_int(gst_caps_get_structure(caps.get(), 0), "width", &width);
  EXPECT_EQ(width, 640);
}

TEST(RtpPayVp9, PlainPacketsAreThoseOfTheStockPayloader) {
  const Encoded encoded = encode(std::string(kVideoSource) + "vp9enc deadline=1");
  // Without ids, since the stock one of 1.22 always starts at a random one.
  Payloader ours(kVp9Caps, "none", 0, 60000);
  Element stock("rtpvp9pay");
  g_object_set(stock.harness()->element, "mtu", 60000U, nullptr);
  stock.set_caps(kVp9Caps);
  for (const Buffer &frame : encoded.frames) {
    const std::vector<Buffer> expected = stock.push(frame.get());
    const std::vector<Buffer> actual = ours.push(frame.get());
    ASSERT_EQ(actual.size(), 1U);
    ASSERT_EQ(expected.size(), 1U);
    EXPECT_EQ(parse(actual[0].get()).payload, parse(expected[0].get()).payload);
  }
}

// ---- Picture ids

unsigned next_id(Payloader &payloader, bool wide) {
  const Bytes bytes = describe(payloader, make_frame(50, false).get());
  return wide ? (bytes[2] & 0x7fU) << 8 | bytes[3] : bytes[2];
}

TEST(RtpPayPictureId, Wraps) {
  Payloader seven(kVp8Caps, "7-bit", 126);
  for (const unsigned id : {126U, 127U, 0U, 1U})
    EXPECT_EQ(next_id(seven, false), id);
  Payloader fifteen(kVp8Caps, "15-bit", 32766);
  for (const unsigned id : {32766U, 32767U, 0U, 1U})
    EXPECT_EQ(next_id(fifteen, true), id);
}

TEST(RtpPayPictureId, GapsAndFlushesSkipOne) {
  Payloader payloader(kVp8Caps, "15-bit", 7);
  EXPECT_EQ(next_id(payloader, true), 7U);
  gst_harness_push_event(payloader.harness(), gst_event_new_gap(0, kFrameTime));
  EXPECT_EQ(next_id(payloader, true), 9U);
  gst_harness_push_event(payloader.harness(), gst_event_new_flush_start());
  gst_harness_push_event(payloader.harness(), gst_event_new_flush_stop(TRUE));
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  gst_harness_push_event(payloader.harness(), gst_event_new_segment(&segment));
  EXPECT_EQ(next_id(payloader, true), 11U);
}

TEST(RtpPayPictureId, Defaults) {
  Element payloader("rtpe2eepay");
  int mode = 0;
  int offset = 0;
  g_object_get(payloader.harness()->element, "picture-id-mode", &mode, "picture-id-offset", &offset,
               nullptr);
  EXPECT_EQ(mode, 2);
  EXPECT_EQ(offset, -1);
}

// ---- Packets

TEST(RtpPayPackets, NeverExceedTheMtuAndFillIt) {
  for (const char *caps : {kVp8Caps, kVp9Caps}) {
    for (const guint mtu : {28U, 29U, 61U, 100U, 333U, 1199U, 1200U, 1400U}) {
      Payloader payloader(caps, "15-bit", 0, mtu);
      for (const std::size_t size : {1UL, 15UL, 1170UL, 1184UL, 1185UL, 5000UL}) {
        const Buffer frame = make_frame(size, true);
        const std::vector<Buffer> packets = payloader.push(frame.get());
        ASSERT_FALSE(packets.empty());
        for (std::size_t i = 0; i < packets.size(); i++) {
          const bool last = i + 1 == packets.size();
          EXPECT_LE(gst_buffer_get_size(packets[i].get()), mtu);
          if (!last) {
            EXPECT_EQ(gst_buffer_get_size(packets[i].get()), mtu);
          }
          EXPECT_EQ(parse(packets[i].get()).marker, last);
          EXPECT_EQ(GST_BUFFER_FLAG_IS_SET(packets[i].get(), GST_BUFFER_FLAG_MARKER), last);
          EXPECT_EQ(GST_BUFFER_PTS(packets[i].get()), GST_BUFFER_PTS(frame.get()));
        }
      }
    }
  }
}

TEST(RtpPayPackets, SourcesAndHeaderExtensionsCountForTheMtu) {
  constexpr guint kMtu = 201;
  Payloader payloader(kVp8Caps, "15-bit", 0, kMtu);
  GstElement *element = payloader.harness()->element;
  g_object_set(element, "source-info", TRUE, nullptr);
  const char *const uris[] = {
      "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
      "urn:ietf:params:rtp-hdrext:ssrc-audio-level"};
  for (guint i = 0; i < 2; i++) {
    GstRTPHeaderExtension *extension = gst_rtp_header_extension_create_from_uri(uris[i]);
    ASSERT_NE(extension, nullptr);
    gst_rtp_header_extension_set_id(extension, i + 1);
    g_signal_emit_by_name(element, "add-extension", extension);
    gst_object_unref(extension);
  }
  for (unsigned i = 0; i < 3; i++) {
    const Buffer frame = make_frame(1000, true, i);
    const guint32 ssrc = 1;
    const guint32 csrcs[] = {2, 3, 4};
    gst_buffer_add_rtp_source_meta(frame.get(), &ssrc, csrcs, 3);
    for (const Buffer &packet : payloader.push(frame.get())) {
      EXPECT_LE(gst_buffer_get_size(packet.get()), kMtu);
      GstRTPBuffer rtp = GST_RTP_BUFFER_INIT;
      ASSERT_TRUE(gst_rtp_buffer_map(packet.get(), GST_MAP_READ, &rtp));
      EXPECT_EQ(gst_rtp_buffer_get_csrc_count(&rtp), 4);
      EXPECT_TRUE(gst_rtp_buffer_get_extension(&rtp));
      gst_rtp_buffer_unmap(&rtp);
    }
  }
}

TEST(RtpPayPackets, AnMtuWithoutRoomIsAnError) {
  Payloader payloader(kVp9Caps, "15-bit", 0, 28);
  g_object_set(payloader.harness()->element, "source-info", TRUE, nullptr);
  const Buffer frame = make_frame(10, true);
  const guint32 csrcs[] = {2, 3, 4, 5};
  gst_buffer_add_rtp_source_meta(frame.get(), nullptr, csrcs, 4);
  EXPECT_EQ(payloader.try_push(frame.get()), GST_FLOW_ERROR);
}

TEST(RtpPayPackets, CarryNoMetaOfTheFrame) {
  // Its plugin registers the meta, and whoever else did so before it would make it fail.
  gst_object_unref(gst_object_ref_sink(gst_element_factory_make("vp8enc", nullptr)));
  ASSERT_NE(gst_meta_get_info("GstVP8Meta"), nullptr);
  Payloader payloader(kVp8Caps, "15-bit", 0, 100);
  const Buffer frame = make_frame(200, true);
  gst_e2ee_buffer_add_frame_meta(frame.get(), TRUE, 320, 240);
  gst_e2ee_buffer_add_unprotected_meta(frame.get());
  gst_buffer_add_custom_meta(frame.get(), "GstVP8Meta");
  const std::vector<Buffer> packets = payloader.push(frame.get());
  ASSERT_EQ(packets.size(), 3U);
  for (const Buffer &packet : packets) {
    EXPECT_EQ(gst_e2ee_buffer_get_frame_meta(packet.get()), nullptr);
    EXPECT_EQ(gst_buffer_get_custom_meta(packet.get(), "GstVP8Meta"), nullptr);
    EXPECT_TRUE(gst_e2ee_buffer_is_unprotected(packet.get()));
  }
}

TEST(RtpPayPackets, ShareTheMemoryOfTheFrame) {
  Payloader payloader(kVp8Caps, "15-bit", 0, 100);
  const Buffer frame = make_frame(200, true);
  GstMapInfo whole;
  ASSERT_TRUE(gst_buffer_map(frame.get(), &whole, GST_MAP_READ));
  std::size_t offset = 0;
  for (const Buffer &packet : payloader.push(frame.get())) {
    GstMapInfo piece;
    GstMemory *memory = gst_buffer_peek_memory(packet.get(), gst_buffer_n_memory(packet.get()) - 1);
    ASSERT_TRUE(gst_memory_map(memory, &piece, GST_MAP_READ));
    EXPECT_EQ(piece.data, whole.data + offset);
    offset += piece.size;
    gst_memory_unmap(memory, &piece);
  }
  EXPECT_EQ(offset, whole.size);
  gst_buffer_unmap(frame.get(), &whole);
}

TEST(RtpPayPackets, EmptyFramesMakeNone) {
  for (const char *caps : {kVp8Caps, kVp9Caps, kOpusCaps}) {
    Payloader payloader(caps);
    EXPECT_TRUE(payloader.push(make_buffer({}).get()).empty());
    const std::vector<Buffer> packets = payloader.push(make_frame(20, true).get());
    ASSERT_EQ(packets.size(), 1U);
  }
}

// ---- Opus, RFC 7587

TEST(RtpPayOpus, AFrameIsAPacket) {
  Payloader payloader(kOpusCaps);
  for (unsigned i = 0; i < 3; i++) {
    const Buffer frame = make_frame(1188, true, i);
    const std::vector<Buffer> packets = payloader.push(frame.get());
    ASSERT_EQ(packets.size(), 1U);
    EXPECT_EQ(gst_buffer_get_size(packets[0].get()), 1200U);
    EXPECT_EQ(parse(packets[0].get()).payload, bytes_of(frame.get()));
  }
}

TEST(RtpPayOpus, TheMarkerBeginsATalkspurt) {
  Payloader payloader(kOpusCaps);
  const Buffer speech = make_frame(80, true);
  auto marker = [&] { return parse(payloader.push(speech.get()).at(0).get()).marker; };
  EXPECT_TRUE(marker());
  EXPECT_FALSE(marker());
  payloader.push(make_buffer({}).get());
  EXPECT_TRUE(marker());
  EXPECT_FALSE(marker());
  gst_harness_push_event(payloader.harness(), gst_event_new_gap(0, kFrameTime));
  EXPECT_TRUE(marker());
}

TEST(RtpPayOpus, AFrameThatDoesNotFitIsDroppedWithOneWarning) {
  Payloader payloader(kOpusCaps);
  GstBus *bus = gst_bus_new();
  gst_element_set_bus(payloader.harness()->element, bus);
  for (unsigned i = 0; i < 2; i++)
    EXPECT_TRUE(payloader.push(make_frame(1189, true, i).get()).empty());
  GstMessage *first = gst_bus_pop_filtered(bus, GST_MESSAGE_WARNING);
  GstMessage *second = gst_bus_pop_filtered(bus, GST_MESSAGE_WARNING);
  EXPECT_NE(first, nullptr);
  EXPECT_EQ(second, nullptr);
  gst_clear_message(&first);
  gst_clear_message(&second);
  EXPECT_EQ(payloader.push(make_frame(80, true, 2).get()).size(), 1U);
  gst_element_set_bus(payloader.harness()->element, nullptr);
  gst_object_unref(bus);
}

// ---- Caps

std::string field_of(const Caps &caps, const char *field) {
  const GValue *value = gst_structure_get_value(gst_caps_get_structure(caps.get(), 0), field);
  if (value == nullptr)
    return "";
  gchar *text =
      G_VALUE_HOLDS_STRING(value) ? g_value_dup_string(value) : gst_value_serialize(value);
  const std::string result = text;
  g_free(text);
  return result;
}

std::string text_of(const Caps &caps) {
  gchar *text = gst_caps_to_string(caps.get());
  const std::string result = text;
  g_free(text);
  return result;
}

Caps caps_after(const char *frame_caps) {
  Payloader payloader(frame_caps);
  payloader.push(make_frame(50, true).get());
  return payloader.out_caps();
}

TEST(RtpPayCaps, Video) {
  for (const char *name : {"VP8", "VP9"}) {
    const Caps caps = caps_after(std::strcmp(name, "VP8") == 0 ? kVp8Caps : kVp9Caps);
    EXPECT_EQ(field_of(caps, "media"), "video");
    EXPECT_EQ(field_of(caps, "clock-rate"), "90000");
    EXPECT_EQ(field_of(caps, "encoding-name"), name);
    EXPECT_EQ(field_of(caps, "payload"), "96");
    EXPECT_EQ(field_of(caps, "a-framerate"), "50");
  }
}

TEST(RtpPayCaps, Opus) {
  const Caps stereo = caps_after(kOpusCaps);
  EXPECT_EQ(field_of(stereo, "media"), "audio");
  EXPECT_EQ(field_of(stereo, "clock-rate"), "48000");
  EXPECT_EQ(field_of(stereo, "encoding-name"), "OPUS");
  EXPECT_EQ(field_of(stereo, "encoding-params"), "2");
  EXPECT_EQ(field_of(stereo, "sprop-stereo"), "1");
  EXPECT_EQ(field_of(stereo, "sprop-maxcapturerate"), "48000");

  const Caps mono = caps_after("audio/x-opus, channel-mapping-family=0, channels=1, rate=16000");
  EXPECT_EQ(field_of(mono, "encoding-params"), "2");
  EXPECT_EQ(field_of(mono, "sprop-stereo"), "0");
  EXPECT_EQ(field_of(mono, "sprop-maxcapturerate"), "16000");
}

Caps without_random_fields(Caps caps) {
  GstCaps *writable = gst_caps_make_writable(caps.release());
  gst_structure_remove_fields(gst_caps_get_structure(writable, 0), "ssrc", "timestamp-offset",
                              "seqnum-offset", nullptr);
  return Caps(writable);
}

TEST(RtpPayCaps, AudioIsAsFromTheStockPayloader) {
  for (const char *frame_caps :
       {kOpusCaps, "audio/x-opus, channel-mapping-family=0, channels=1, rate=16000",
        "audio/x-opus, channel-mapping-family=0",
        "audio/x-opus, channel-mapping-family=1, channels=6, rate=48000, stream-count=4, "
        "coupled-count=2, channel-mapping=(int)<0,4,1,2,3,5>"}) {
    Element stock("rtpopuspay");
    Element ours("rtpe2eepay");
    for (Element *element : {&stock, &ours}) {
      element->set_caps(frame_caps);
      element->push(make_frame(50, true).get());
    }
    const Caps expected = without_random_fields(stock.out_caps());
    const Caps actual = without_random_fields(ours.out_caps());
    EXPECT_TRUE(gst_caps_is_equal(actual.get(), expected.get()))
        << text_of(actual) << " instead of " << text_of(expected);
  }
}

// What the payloader accepts once the peer said what it takes.
std::string accepted(const char *rtp_caps) {
  Element payloader("rtpe2eepay");
  gst_harness_set_sink_caps_str(payloader.harness(), rtp_caps);
  GstPad *pad = gst_element_get_static_pad(payloader.harness()->element, "sink");
  const Caps caps(gst_pad_query_caps(pad, nullptr));
  gst_object_unref(pad);
  return text_of(caps);
}

TEST(RtpPayCaps, FollowThePeer) {
  EXPECT_EQ(accepted("application/x-rtp, encoding-name=VP9"), "video/x-vp9");
  EXPECT_EQ(accepted("application/x-rtp, encoding-name=VP8-DRAFT-IETF-01"), "video/x-vp8");
  EXPECT_EQ(accepted("application/x-rtp, media=audio, encoding-name=OPUS, stereo=(string)0"),
            "audio/x-opus, channel-mapping-family=(int)0, channels=(int)1; "
            "audio/x-opus, channel-mapping-family=(int)0");
  EXPECT_EQ(accepted("application/x-rtp, encoding-name=H264"), "EMPTY");
}

TEST(RtpPayCaps, TheDraftNameIsUsedWhereThePeerKnowsNoOther) {
  Element payloader("rtpe2eepay");
  gst_harness_set_sink_caps_str(payloader.harness(),
                                "application/x-rtp, encoding-name=VP9-DRAFT-IETF-01");
  payloader.set_caps(kVp9Caps);
  payloader.push(make_frame(50, true).get());
  EXPECT_EQ(field_of(payloader.out_caps(), "encoding-name"), "VP9-DRAFT-IETF-01");
}

}  // namespace
