/* SPDX-License-Identifier: LGPL-2.1-or-later */
// What the clients of LiveKit, RealtimeKit and Jitsi made of frames, byte for byte.
#include "helpers.h"

namespace e2ee::test {

namespace {

// What a peer answers to a frame in the clear.
constexpr std::string_view kThrow = "throw:";

class PeerKey : public testing::TestWithParam<vectors::Record> {};

class PeerFrame : public testing::TestWithParam<vectors::Record> {
 protected:
  const vectors::Record &record() const { return GetParam(); }
  const Scheme &scheme() const { return scheme_named(record().scheme); }

  void SetUp() override {
    ASSERT_EQ(record().error, "");
    codec_ = codec_named(record().codec);
    if (record().codec == "av1")
      return;
    std::string why = why_not(record().codec, scheme());
    if (record().expect.encode == "throw:Error")
      why = "the peer refuses a codec that it is told; as shipped it is told none";
    if (!why.empty())
      GTEST_SKIP() << record().id << ": " << why;
    key_ = key_of(record().key, scheme());
    ASSERT_TRUE(key_);
  }

  FrameType type() const {
    if (record().frame_type.empty())
      return FrameType::audio;
    return record().frame_type == "key" ? FrameType::key : FrameType::delta;
  }

  // Clear bytes, then what the cipher makes of the rest under the record's own IV and AAD.
  Bytes frame_by_cipher() const {
    const Bytes &plain = record().plaintext.bytes;
    const std::size_t clear = *record().clear_bytes;
    Bytes frame(plain.begin(), plain.begin() + static_cast<std::ptrdiff_t>(clear));
    frame.resize(plain.size() + kTagSize);
    const std::unique_ptr<Aead> aead = make_aead(key_->secret.view(), Direction::seal);
    EXPECT_TRUE(aead &&
                aead->seal(iv_from(*record().iv), *record().aad, ByteView(plain).subspan(clear),
                           frame.data() + clear, frame.data() + plain.size()));
    frame.insert(frame.end(), record().iv->begin(), record().iv->end());
    frame.push_back(0x0c);
    frame.push_back(static_cast<std::uint8_t>(record().key.slot()));
    return frame;
  }

  void expect_short_frame_refused();
  void expect_encrypted_as_peer_does();

  const CodecRule *codec_ = nullptr;
  KeyRef key_;
};

// The peer's exception ends its stream; ours is one frame dropped. Nothing has been written. A
// frame of no bytes, of which Jitsi's stream dies too, is nothing to encrypt.
void PeerFrame::expect_short_frame_refused() {
  const Bytes &plain = record().plaintext.bytes;
  Sealer sealer(scheme());
  const Sealed sealed = seal(sealer, key_, *codec_, type(), plain);
  EXPECT_EQ(sealed.reason, plain.empty() ? Reason::ok : Reason::malformed);
  EXPECT_TRUE(sealed.frame.empty());
}

void PeerFrame::expect_encrypted_as_peer_does() {
  const Bytes &plain = record().plaintext.bytes;
  Sealer sealer(scheme(), fixed_random(*record().iv));
  const Sealed sealed = seal(sealer, key_, *codec_, type(), plain);
  ASSERT_EQ(sealed.reason, Reason::ok);
  if (codec_->payloader_takes == nullptr) {
    EXPECT_TRUE(record().ciphertext.matches(sealed.frame));
    return;
  }
  // The IV is chosen by what the payloader takes, so it is another one as a rule.
  ASSERT_EQ(sealed.frame.size(), record().ciphertext.size);
  EXPECT_TRUE(
      codec_->payloader_takes(ByteView(sealed.frame).subspan(*record().clear_bytes), type()));
  expect_opens(ring_of({key_}), *codec_, sealed.frame, plain, scheme());
}

}  // namespace

// Whatever the codec: also of frames that this build cannot read.
TEST_P(PeerKey, IsThePeers) {
  ASSERT_EQ(GetParam().error, "");
  const vectors::KeySpec &spec = GetParam().key;
  const Scheme &scheme = scheme_named(GetParam().scheme);
  const KeyRef key = key_of(spec, scheme);
  ASSERT_TRUE(key);
  ASSERT_TRUE(GetParam().derived.given);
  EXPECT_EQ(vectors::to_hex(bytes_from(key->secret.view())),
            vectors::to_hex(GetParam().derived.key));
  // The material of this generation is what the one before calls next.
  const Bytes material = spec.ratchets == 0
                             ? spec.bytes
                             : bytes_from(key_of(spec, spec.ratchets - 1, scheme)->next.view());
  EXPECT_EQ(vectors::to_hex(material), vectors::to_hex(GetParam().derived.material));
  EXPECT_EQ(key->id, spec.slot());
  EXPECT_EQ(key->generation, spec.ratchets);
}

TEST_P(PeerFrame, Encrypts) {
  if (record().codec == "av1") {
    // LiveKit's client throws, the others cut anywhere; here no codec of that name exists, and caps
    // are refused.
    EXPECT_EQ(codec_for_media_type("video/x-av1"), nullptr);
    return;
  }
  ASSERT_TRUE(record().plaintext.whole);
  if (record().expect.encode.starts_with(kThrow)) {
    expect_short_frame_refused();
    return;
  }
  ASSERT_EQ(record().expect.encode, "enqueue");
  if (record().expect.unchanged) {
    ASSERT_TRUE(record().plaintext.bytes.empty()) << "only empty frames stay as they are";
    Sealer sealer(scheme());
    const Sealed sealed = seal(sealer, key_, *codec_, type(), {});
    EXPECT_EQ(sealed.reason, Reason::ok);
    EXPECT_TRUE(sealed.frame.empty());
    return;
  }
  EXPECT_EQ(scheme().rule_for(codec_->id)->length(type()), *record().clear_bytes);
  EXPECT_TRUE(record().ciphertext.matches(frame_by_cipher()));
  expect_encrypted_as_peer_does();
}

TEST_P(PeerFrame, Decrypts) {
  if (record().codec == "av1") {
    EXPECT_EQ(codec_named("av1"), nullptr);
    return;
  }
  if (record().expect.encode.starts_with(kThrow)) {
    // There is no ciphertext; the frame as it is must not be taken for one.
    if (!record().plaintext.bytes.empty()) {
      EXPECT_EQ(expect_refused(ring_of({key_}), *codec_, record().plaintext.bytes, {}, scheme()),
                Reason::malformed);
    }
    return;
  }
  if (record().expect.unchanged) {
    Opener opener(scheme());
    EXPECT_EQ(open(opener, ring_of({key_}), *codec_, {}, Place::apart).reason, Reason::ok);
    return;
  }
  ASSERT_EQ(record().expect.decode, "enqueue");
  // Of big frames the file has the hash alone: the cipher rebuilds what was hashed.
  const Bytes frame = record().ciphertext.whole ? record().ciphertext.bytes : frame_by_cipher();
  ASSERT_TRUE(record().ciphertext.matches(frame));
  EXPECT_EQ(codec_->id == CodecId::vp9 ? type() : codec_->frame_type(frame), type());
  expect_opens(ring_of({key_}), *codec_, frame, record().decoded.value_or(record().plaintext.bytes),
               scheme());
}

INSTANTIATE_TEST_SUITE_P(
    Vectors, PeerKey,
    testing::ValuesIn(vectors::load({"livekit-frames.json", "livekit-realframes.json",
                                     "realtimekit-frames.json", "jitsi-frames.json"})),
    kIdOfRecord);
INSTANTIATE_TEST_SUITE_P(Vectors, PeerFrame,
                         testing::ValuesIn(vectors::load({"livekit-frames.json",
                                                          "realtimekit-frames.json",
                                                          "jitsi-frames.json"})),
                         kIdOfRecord);
INSTANTIATE_TEST_SUITE_P(RealFrames, PeerFrame,
                         testing::ValuesIn(vectors::load({"livekit-realframes.json"})),
                         kIdOfRecord);

}  // namespace e2ee::test
