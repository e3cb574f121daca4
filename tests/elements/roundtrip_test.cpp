/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Frames of real encoders, and frames of all sizes, through e2eeencrypt and e2eedecrypt.
#include <algorithm>
#include <set>

#include "support/element.h"

namespace e2ee::test {
namespace {

struct Codec {
  const char *name;
  const char *caps;
  const char *source;
  const char *encoder;
  gsize clear_key;
  gsize clear_delta;
  bool video;
};

void PrintTo(const Codec &codec, std::ostream *to) {
  *to << codec.name;
}

class RoundTrip : public testing::TestWithParam<Codec> {
 protected:
  gsize clear_of(GstBuffer *frame) const {
    return GST_BUFFER_FLAG_IS_SET(frame, GST_BUFFER_FLAG_DELTA_UNIT) ? GetParam().clear_delta
                                                                     : GetParam().clear_key;
  }
};

INSTANTIATE_TEST_SUITE_P(
    Codecs, RoundTrip,
    testing::Values(Codec{"vp8", kVp8, kVideoSource, "vp8enc deadline=1 keyframe-max-dist=10", 10,
                          3, true},
                    Codec{"vp9", kVp9, kVideoSource,
                          "vp9enc deadline=1 cpu-used=8 keyframe-max-dist=10", 0, 0, true},
                    Codec{"opus", kOpus, kAudioSource, "opusenc", 1, 1, false}),
    [](const auto &test) { return std::string(test.param.name); });

TEST_P(RoundTrip, EncoderFramesComeBackEqual) {
  const Encoded encoded = encode(std::string(GetParam().source) + GetParam().encoder);
  const Provider provider = raw_provider(0x11);
  Element encryptor("e2eeencrypt", provider);
  Element decryptor("e2eedecrypt", provider);
  encryptor.start(encoded.caps.c_str());
  decryptor.start(encoded.caps.c_str());
  std::set<Bytes> ivs;
  for (const Buffer &frame : encoded.frames) {
    const Bytes plain = bytes_of(frame.get());
    ASSERT_EQ(encryptor.push(Buffer(gst_buffer_copy_deep(frame.get()))), GST_FLOW_OK);
    Buffer sealed = encryptor.pull();
    ASSERT_TRUE(sealed);
    const Bytes cipher = bytes_of(sealed.get());
    ASSERT_EQ(cipher.size(), plain.size() + kOverhead);
    const gsize clear = clear_of(frame.get());
    EXPECT_TRUE(std::equal(plain.begin(), plain.begin() + static_cast<std::ptrdiff_t>(clear),
                           cipher.begin()));
    EXPECT_FALSE(holds_any_of(
        cipher, Bytes(plain.begin() + static_cast<std::ptrdiff_t>(clear), plain.end())));
    EXPECT_EQ(cipher[cipher.size() - 2], 12);
    EXPECT_EQ(cipher.back(), 0);
    ivs.insert(Bytes(cipher.end() - 14, cipher.end() - 2));
    ASSERT_EQ(decryptor.push(std::move(sealed)), GST_FLOW_OK);
    const Buffer opened = decryptor.pull();
    ASSERT_TRUE(opened);
    EXPECT_EQ(bytes_of(opened.get()), plain);
  }
  EXPECT_EQ(ivs.size(), encoded.frames.size()) << "an IV was used twice";
  EXPECT_EQ(encryptor.stat("frames-in"), encoded.frames.size());
  EXPECT_EQ(encryptor.stat("frames-out"), encoded.frames.size());
  EXPECT_EQ(encryptor.stat("bytes-out"),
            encryptor.stat("bytes-in") + kOverhead * encoded.frames.size());
  EXPECT_EQ(decryptor.stat("frames-out"), encoded.frames.size());
  EXPECT_EQ(decryptor.stat("bytes-out"), encryptor.stat("bytes-in"));
  EXPECT_EQ(decryptor.dropped(), 0U);
}

TEST_P(RoundTrip, CapsGoThroughUnchanged) {
  const Encoded encoded = encode(std::string(GetParam().source) + GetParam().encoder);
  for (const char *factory : {"e2eeencrypt", "e2eedecrypt"}) {
    Element element(factory, raw_provider(0x12));
    element.start(encoded.caps.c_str());
    element.push(Buffer(gst_buffer_ref(encoded.frames[0].get())));
    const Caps out(gst_pad_get_current_caps(element.harness()->sinkpad));
    ASSERT_TRUE(out);
    const Caps in(gst_caps_from_string(encoded.caps.c_str()));
    EXPECT_TRUE(gst_caps_is_strictly_equal(out.get(), in.get())) << factory;
  }
}

TEST_P(RoundTrip, FrameMetaTellsOfKeyFramesAndSize) {
  const Encoded encoded = encode(std::string(GetParam().source) + GetParam().encoder);
  Element encryptor("e2eeencrypt", raw_provider(0x13));
  encryptor.start(encoded.caps.c_str());
  unsigned key_frames = 0;
  for (const Buffer &frame : encoded.frames) {
    encryptor.push(Buffer(gst_buffer_ref(frame.get())));
    const Buffer sealed = encryptor.pull();
    ASSERT_TRUE(sealed);
    const GstE2EEFrameMeta *meta = gst_e2ee_buffer_get_frame_meta(sealed.get());
    ASSERT_EQ(meta != nullptr, GetParam().video);
    if (meta == nullptr)
      continue;
    const bool key = !GST_BUFFER_FLAG_IS_SET(frame.get(), GST_BUFFER_FLAG_DELTA_UNIT);
    EXPECT_EQ(meta->keyframe != FALSE, key);
    EXPECT_EQ(meta->width, key ? 320U : 0U);
    EXPECT_EQ(meta->height, key ? 240U : 0U);
    key_frames += key;
  }
  EXPECT_GE(key_frames, GetParam().video ? 2U : 0U);
}

TEST_P(RoundTrip, EverySizeFromTheClearHeaderUp) {
  const Provider provider = raw_provider(0x14);
  Element encryptor("e2eeencrypt", provider);
  Element decryptor("e2eedecrypt", provider);
  encryptor.start(GetParam().caps);
  decryptor.start(GetParam().caps);
  for (gsize size = std::max<gsize>(1, GetParam().clear_key); size < 300; ++size) {
    const Bytes plain = GetParam().clear_key == 10 ? vp8_key(size, static_cast<unsigned>(size))
                                                   : noise(size, static_cast<unsigned>(size));
    const std::optional<Bytes> sealed = encryptor.pass(plain);
    ASSERT_TRUE(sealed.has_value()) << size;
    ASSERT_EQ(decryptor.pass(*sealed), plain) << size;
  }
}

TEST_P(RoundTrip, BigFrames) {
  const Provider provider = raw_provider(0x15);
  Element encryptor("e2eeencrypt", provider);
  Element decryptor("e2eedecrypt", provider);
  encryptor.start(GetParam().caps);
  decryptor.start(GetParam().caps);
  for (gsize size : {65506U, 65536U, 70000U, 500000U, 8388608U, 9000000U, 70000U}) {
    const Bytes plain = vp8_key(size, static_cast<unsigned>(size));
    // A buffer that something else holds, too, so that new memory is needed.
    const Buffer held = buffer_of(plain);
    ASSERT_EQ(encryptor.push(Buffer(gst_buffer_ref(held.get()))), GST_FLOW_OK);
    const Buffer sealed = encryptor.pull();
    ASSERT_TRUE(sealed) << size;
    EXPECT_EQ(gst_buffer_get_size(sealed.get()), size + kOverhead);
    ASSERT_EQ(decryptor.push(Buffer(gst_buffer_ref(sealed.get()))), GST_FLOW_OK);
    const Buffer opened = decryptor.pull();
    ASSERT_TRUE(opened) << size;
    EXPECT_TRUE(bytes_of(opened.get()) == plain) << size;
    EXPECT_TRUE(bytes_of(held.get()) == plain) << size;
  }
}

TEST_P(RoundTrip, EmptyFramesPassAsTheyAre) {
  const Provider provider = raw_provider(0x16);
  for (const char *factory : {"e2eeencrypt", "e2eedecrypt"}) {
    Element element(factory, provider);
    element.start(GetParam().caps);
    Buffer empty = buffer_of({});
    GST_BUFFER_PTS(empty.get()) = 40 * GST_MSECOND;
    ASSERT_EQ(element.push(std::move(empty)), GST_FLOW_OK);
    const Buffer out = element.pull();
    ASSERT_TRUE(out) << factory;
    EXPECT_EQ(gst_buffer_get_size(out.get()), 0U);
    EXPECT_EQ(GST_BUFFER_PTS(out.get()), 40 * GST_MSECOND);
    EXPECT_EQ(element.dropped(), 0U);
  }
}

TEST(Vp8, DeltaFramesKeepThreeBytes) {
  const Bytes plain = vp8_delta(200);
  const Bytes sealed = seal(raw_provider(0x17), kVp8, plain);
  ASSERT_EQ(sealed.size(), plain.size() + kOverhead);
  EXPECT_TRUE(std::equal(plain.begin(), plain.begin() + 3, sealed.begin()));
  EXPECT_FALSE(std::equal(plain.begin() + 3, plain.begin() + 10, sealed.begin() + 3));
}

TEST(Stats, NameTheKeyInUse) {
  const Provider provider = raw_provider(0x18, 5);
  Element encryptor("e2eeencrypt", provider);
  encryptor.start(kVp8).pass(vp8_key(100));
  EXPECT_EQ(encryptor.stat("key-id"), 5U);
  EXPECT_EQ(encryptor.stat("generation"), 0U);
  const Text fingerprint(gst_e2ee_key_provider_get_fingerprint(provider.get(), nullptr, 5));
  ASSERT_TRUE(fingerprint);
  EXPECT_EQ(encryptor.text_stat("key-fingerprint"), fingerprint.get());
}

}  // namespace
}  // namespace e2ee::test
