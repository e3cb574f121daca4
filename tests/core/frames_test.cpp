/* SPDX-License-Identifier: LGPL-2.1-or-later */
// What the clients of LiveKit, RealtimeKit and Jitsi made of frames, byte for byte.
#include "helpers.h"
#include "support/nalunits.h"

namespace e2ee::test {

namespace {

// What a peer answers to a frame in the clear.
constexpr std::string_view kThrow = "throw:";

class PeerKey : public OfVector<vectors::Record> {};

class PeerFrame : public OfVector<vectors::Record> {
 protected:
  const Scheme &scheme() const { return scheme_named(record().scheme); }

  void SetUp() override {
    OfVector::SetUp();
    if (record().codec == "av1")
      return;
    std::string why = why_not(record().codec, scheme());
    if (record().expect.encode == "throw:Error")
      why = "the peer refuses a codec that it is told; as shipped it is told none";
    if (!why.empty())
      GTEST_SKIP() << record().id << ": " << why;
    codec_ = codec_of(record().codec, record().id);
    ASSERT_NE(codec_, nullptr) << record().codec;
    key_ = key_of(record().key, scheme());
    ASSERT_TRUE(key_);
  }

  FrameType type() const {
    return record().frame_type == "key" ? FrameType::key : FrameType::delta;
  }

  bool has_slice() const {
    return codec_->nal != nullptr && first_slice(record().plaintext.bytes, *codec_->nal);
  }

  // The parameter set that the first slice names, encrypted or not.
  std::optional<unsigned> set_of(const Bytes &frame) const {
    const NalRule &rule = *codec_->nal;
    if (rule.set_of_slice == nullptr)
      return {};
    return rule.set_of_slice(ByteView(frame).subspan(first_slice(frame, rule)->begin));
  }

  // What is not clear of the plaintext: its start codes may be shorter than those that are sent.
  ByteView secret_part() const {
    const Bytes &plain = record().plaintext.bytes;
    return ByteView(plain).subspan(has_slice() ? clear_bytes_of(*codec_, plain)
                                               : *record().clear_bytes);
  }

  // Clear bytes, then what the cipher makes of the rest under the record's own IV and AAD.
  Bytes frame_by_cipher() const {
    const ByteView secret = secret_part();
    Bytes body(secret.size() + kTagSize);
    const std::unique_ptr<Aead> aead = make_aead(key_->secret.view(), Direction::seal);
    EXPECT_TRUE(aead && aead->seal(iv_from(*record().iv), *record().aad, secret, body.data(),
                                   body.data() + secret.size()));
    body.insert(body.end(), record().iv->begin(), record().iv->end());
    body.push_back(0x0c);
    body.push_back(static_cast<std::uint8_t>(record().key.slot()));
    if (has_slice())
      body = nal::escaped(body);
    Bytes frame = *record().aad;
    frame.insert(frame.end(), body.begin(), body.end());
    return frame;
  }

  void expect_short_frame_refused();
  void expect_clear_bytes();
  void expect_nal_frame_encrypted();
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

void PeerFrame::expect_clear_bytes() {
  if (!has_slice()) {
    EXPECT_EQ(scheme().rule_for(*codec_)->length(type()), *record().clear_bytes);
    return;
  }
  const Bytes &plain = record().plaintext.bytes;
  const ClearHeader header(plain, *first_slice(plain, *codec_->nal), *codec_->nal);
  Bytes sent(header.size());
  header.write(sent.data());
  if (*record().clear_bytes > 255 && codec_->nal->short_clear) {
    EXPECT_LE(sent.size(), 255U) << "x264's words about itself are still there";
    return;
  }
  // 2.21 leaves start codes short, and its receivers want them so.
  const bool old = record().aad->size() < sent.size();
  EXPECT_EQ(sent, old ? with_long_codes(*record().aad) : *record().aad);
}

// The same as the peer's, bit for bit, where we may use its IV and send its clear bytes. We may not
// where its ciphertext names another parameter set than the slice did.
void PeerFrame::expect_nal_frame_encrypted() {
  const Bytes &plain = record().plaintext.bytes;
  Sealer sealer(scheme(), fixed_random(*record().iv));
  if (!has_slice()) {
    const Sealed sealed = seal(sealer, key_, *codec_, type(), plain);
    EXPECT_EQ(sealed.reason, plain[0] != 0 ? Reason::malformed : Reason::unsupported);
    EXPECT_TRUE(sealed.frame.empty());
    return;
  }
  std::vector<std::size_t> escapes;
  find_escapes(*record().iv, 0, escapes);
  if (!escapes.empty()) {
    // There is no other start to be had than this one, which native peers could not read.
    EXPECT_EQ(seal(sealer, key_, *codec_, type(), plain).reason, Reason::internal);
  }
  Sealer free(scheme());
  const Sealed sealed = seal(escapes.empty() ? sealer : free, key_, *codec_, type(), plain);
  ASSERT_EQ(sealed.reason, Reason::ok);
  const ClearHeader header(plain, *first_slice(plain, *codec_->nal), *codec_->nal);
  Bytes wanted(header.size());
  header.write(wanted.data());
  if (wanted == *record().aad && escapes.empty() && set_of(plain) == set_of(frame_by_cipher())) {
    EXPECT_TRUE(record().ciphertext.matches(sealed.frame));
  }
  const ByteView secret = secret_part();
  wanted.insert(wanted.end(), secret.begin(), secret.end());
  expect_opens(ring_of({key_}), *codec_, sealed.frame, wanted);
}

void PeerFrame::expect_encrypted_as_peer_does() {
  if (codec_->nal != nullptr) {
    expect_nal_frame_encrypted();
    return;
  }
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
  ASSERT_FALSE(GetParam().derived.key.empty());
  EXPECT_EQ(to_hex(bytes_from(key->secret.view())), to_hex(GetParam().derived.key));
  // The material of this generation is what the one before calls next.
  const Bytes material = spec.ratchets == 0
                             ? spec.bytes
                             : bytes_from(key_of(spec, spec.ratchets - 1, scheme)->next.view());
  EXPECT_EQ(to_hex(material), to_hex(GetParam().derived.material));
  EXPECT_EQ(key->id, spec.slot());
  EXPECT_EQ(key->generation, spec.ratchets);
}

TEST_P(PeerFrame, Encrypts) {
  if (record().codec == "av1") {
    // LiveKit's client throws, the others cut anywhere; here caps are refused.
    EXPECT_EQ(scheme().rule_for(*codec_for_media_type("video/x-av1")), nullptr);
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
  expect_clear_bytes();
  EXPECT_TRUE(record().ciphertext.matches(frame_by_cipher()));
  expect_encrypted_as_peer_does();
}

TEST_P(PeerFrame, Decrypts) {
  if (record().codec == "av1") {
    EXPECT_EQ(scheme().rule_for(*codec_named("av1")), nullptr);
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
  if (codec_->id != CodecId::vp9 && record().codec != "unknown") {
    EXPECT_EQ(codec_->frame_type(frame), type());
  }
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
