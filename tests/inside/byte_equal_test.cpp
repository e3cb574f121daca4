/* SPDX-License-Identifier: LGPL-2.1-or-later */
// GstE2EEFrameCryptor and the elements make the same bytes of the same frames.
#include "fixed_random.h"
#include "inside.h"
#include "support/element.h"
#include "support/frame_cryptor.h"
#include "support/nalunits.h"

namespace e2ee::test {
namespace {

struct Stream {
  const char *name;
  const char *caps;
  std::vector<Bytes> (*frames)();
};

std::vector<Bytes> vp8_frames() {
  return {vp8_key(900), vp8_delta(300), vp8_delta(70'000, 2)};
}

std::vector<Bytes> noise_frames() {
  return {noise(900, 1), noise(1, 2), noise(70'000, 3), {}};
}

// Parameter sets in a buffer of their own, a key frame and one that is not.
std::vector<Bytes> nal_frames(const std::vector<Bytes> &sets, const Bytes &key,
                              const Bytes &delta) {
  const auto slice = [](const Bytes &header, std::size_t size) {
    Bytes unit = header;
    for (const guint8 byte : noise(size, 5))
      unit.push_back(byte | 1);
    return nal::stream_of({unit});
  };
  return {nal::stream_of(sets), slice(key, 900), slice(delta, 300)};
}

std::vector<Bytes> h264_frames() {
  return nal_frames({{0x67, 0x42, 0xc0, 0x1f, 0x8c, 0x8d}, {0x68, 0xce, 0x3c, 0x80}}, {0x65, 0x88},
                    {0x41, 0x9a});
}

std::vector<Bytes> h265_frames() {
  return nal_frames({{0x40, 1, 0x0c, 1}, {0x42, 1, 1, 1, 0x60}, {0x44, 1, 0xc1, 0x72}},
                    {0x26, 1, 0xaf}, {0x02, 1, 0xd0});
}

const Stream kStreams[] = {
    {"vp8", kVp8, vp8_frames},    {"vp9", kVp9, noise_frames},  {"opus", kOpus, noise_frames},
    {"h264", kH264, h264_frames}, {"h265", kH265, h265_frames},
};

struct Case {
  const char *scheme;
  const Stream *stream;
};

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const char *scheme : {"livekit", "realtimekit", "jitsi", "sframe"}) {
    for (const Stream &stream : kStreams) {
      if (scheme == std::string("livekit") || stream.frames == vp8_frames ||
          stream.frames == noise_frames)
        all.push_back({scheme, &stream});
    }
  }
  return all;
}

using Frames = std::vector<std::optional<Bytes>>;

class ByteForByte : public testing::TestWithParam<Case> {
 protected:
  std::unique_ptr<Element> element(const char *factory, GstCaps *caps) const {
    auto element = std::make_unique<Element>(factory, provider);
    element->set("scheme", GetParam().scheme);
    element->start(nullptr);
    gst_harness_set_src_caps(element->harness(), gst_caps_ref(caps));
    return element;
  }
  std::unique_ptr<FrameCryptor> cryptor(const Caps &caps) const {
    auto cryptor = std::make_unique<FrameCryptor>(
        provider, FrameCryptor::Properties{{"scheme", GetParam().scheme}});
    EXPECT_TRUE(cryptor->set_caps(caps)) << cryptor->error.text();
    EXPECT_TRUE(cryptor->prepare()) << cryptor->error.text();
    return cryptor;
  }

  const Provider provider = raw_provider(0x5b, 3);
  const Caps caps{gst_caps_from_string(GetParam().stream->caps)};
  const std::vector<Bytes> plain = GetParam().stream->frames();
};

TEST_P(ByteForByte, BothEncryptAndDecryptAlike) {
  Frames by_element;
  Frames by_cryptor;
  Caps sealed;
  {
    const FixedRandom random;
    const auto encryptor = element("e2eeencrypt", caps.get());
    for (const Bytes &frame : plain)
      by_element.push_back(encryptor->pass(frame));
    sealed.reset(gst_pad_get_current_caps(encryptor->harness()->sinkpad));
  }
  {
    const FixedRandom random;
    const auto encryptor = cryptor(caps);
    for (const Bytes &frame : plain)
      by_cryptor.push_back(encryptor->encrypt(frame));
    EXPECT_TRUE(gst_caps_is_equal(encryptor->encrypted_caps().get(), sealed.get()));
  }
  EXPECT_EQ(by_element, by_cryptor);
  EXPECT_TRUE(by_cryptor.back());

  const auto decryptor = element("e2eedecrypt", sealed.get());
  const auto same = cryptor(sealed);
  const Caps opened(gst_pad_get_current_caps(decryptor->harness()->sinkpad));
  EXPECT_TRUE(gst_caps_is_equal(same->decrypted_caps().get(), opened.get()));
  for (const auto &frame : by_cryptor) {
    if (!frame)
      continue;
    const std::optional<Bytes> clear = same->decrypt(*frame);
    EXPECT_TRUE(clear) << same->error.text();
    EXPECT_EQ(decryptor->pass(*frame), clear);
    if (frame->empty())
      continue;
    Bytes forged = *frame;
    forged[forged.size() / 2] ^= 0x10;
    EXPECT_EQ(decryptor->pass(forged), std::nullopt);
    EXPECT_EQ(same->decrypt(forged), std::nullopt);
  }
  for (const char *stat : {"frames-in", "frames-out", "bytes-in", "bytes-out", "dropped-auth",
                           "dropped-malformed", "key-id"})
    EXPECT_EQ(same->stat(stat), decryptor->stat(stat)) << stat;
}

INSTANTIATE_TEST_SUITE_P(Schemes, ByteForByte, testing::ValuesIn(cases()), [](const auto &test) {
  return std::string(test.param.scheme) + "_" + test.param.stream->name;
});

}  // namespace
}  // namespace e2ee::test
