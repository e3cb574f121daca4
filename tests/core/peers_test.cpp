/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Key schedules, refused frames, receivers' states and captured streams of the peers.
#include "core/serverframe.h"

#include <map>

#include "helpers.h"

namespace e2ee::test {

namespace {

template <typename Item>
class OfPeer : public OfVector<Item> {
 protected:
  using OfVector<Item>::record;
  const Scheme &scheme() const { return scheme_named(record().scheme); }

  void SetUp() override {
    OfVector<Item>::SetUp();
    if (record().codec.empty())
      return;
    if (std::string why = why_not(record().codec, scheme()); !why.empty())
      GTEST_SKIP() << record().id << ": " << why;
    codec_ = codec_of(record().codec, record().id);
    ASSERT_NE(codec_, nullptr) << record().codec;
  }

  const CodecRule *codec_ = nullptr;
};

using PeerKeySchedule = OfPeer<vectors::Record>;
using PeerNegative = OfPeer<vectors::Record>;
using PeerServerFrame = OfPeer<vectors::Record>;
using PeerWindow = OfPeer<vectors::Record>;
using PeerSequence = OfPeer<vectors::Record>;
using PeerSender = OfPeer<vectors::Record>;
using PeerCapture = OfPeer<vectors::Capture>;

// What the frame that a negative record was made from says; nothing where it is not on file.
Bytes plaintext_of_base(const vectors::Record &record) {
  for (const vectors::Record &other : vectors::load({"livekit-frames.json"})) {
    if (!record.base.empty() && other.id == record.base)
      return other.plaintext.bytes;
  }
  return {};
}

// Deriving takes tens of milliseconds, and sixty frames share one key.
KeyRef capture_key_of(const vectors::Capture &capture) {
  static std::map<std::string, KeyRef> keys;
  KeyRef &key = keys[capture.scheme];
  if (key)
    return key;
  const vectors::CaptureKey spec = vectors::capture_key(capture.key_name());
  EXPECT_EQ(spec.error, "");
  Material material;
  material.bytes = Secret(bytes_of(spec.password));
  material.passphrase = true;
  material.salt = spec.salt;
  key = derive_key(scheme_named(capture.scheme), material, "");
  EXPECT_TRUE(key);
  EXPECT_EQ(to_hex(bytes_from(key->secret.view())), to_hex(spec.key));
  return key;
}

}  // namespace

TEST_P(PeerKeySchedule, EveryStepIsThePeers) {
  ASSERT_GE(record().steps.size(), 2U);
  const Material material = material_of(record().key);
  KeyRef key = derive_key(scheme(), material, "");
  Bytes bytes = record().key.bytes;
  for (const vectors::Step &step : record().steps) {
    ASSERT_TRUE(key);
    ASSERT_EQ(key->generation, step.ratchets);
    EXPECT_EQ(key->id, record().ring_slot.value());
    EXPECT_EQ(to_hex(bytes), to_hex(step.material));
    EXPECT_EQ(to_hex(bytes_from(key->secret.view())), to_hex(step.key));
    bytes = bytes_from(key->next.view());
    key = ratchet_key(scheme(), material, *key, "");
  }
}

// Starting from the material of a later generation gives the keys from there on.
TEST_P(PeerKeySchedule, LaterMaterialGoesOn) {
  for (std::size_t i = 1; i < record().steps.size(); ++i) {
    const vectors::Step &step = record().steps[i];
    Material material = material_of(record().key);
    material.bytes = Secret(step.material);
    material.generation = step.ratchets;
    const KeyRef key = derive_key(scheme(), material, "");
    ASSERT_TRUE(key);
    EXPECT_EQ(to_hex(bytes_from(key->secret.view())), to_hex(step.key));
    EXPECT_EQ(key->generation, step.ratchets);
  }
}

TEST_P(PeerNegative, IsRefusedAndWiped) {
  ASSERT_TRUE(record().input.has_value());
  const KeyRing ring = ring_of({key_of(record().key, scheme())});
  if (record().input->empty()) {
    Opener opener(scheme());
    EXPECT_EQ(open(opener, ring, *codec_, {}, Place::in_place).opened.size, 0U);
    return;
  }
  // RealtimeKit hands on what it could not decrypt, and what ends like a frame of its servers.
  ASSERT_EQ(record().expect.decode, record().scheme == "realtimekit" ? "enqueue" : "drop");
  const Reason reason =
      expect_refused(ring, *codec_, *record().input, plaintext_of_base(record()), scheme());
  const std::map<std::string, Reason> reasons = {{"malformed", Reason::malformed},
                                                 {"missing-key", Reason::missing_key},
                                                 {"auth", Reason::auth_failed}};
  EXPECT_EQ(reason, reasons.at(vectors::fault_of(record())));
}

// Frames that a media server puts into a stream, in the clear and marked by a trailer of its own.
// Whether to let one pass is for the element to decide, before it comes here; to the cryptor it is
// a frame whose tag cannot verify, or that has no trailer at all.
TEST_P(PeerServerFrame, IsNoFrameOfTheCryptor) {
  ASSERT_TRUE(record().input.has_value());
  expect_refused(ring_of({key_of(record().key, scheme())}), *codec_, *record().input,
                 *record().input, scheme());
}

// What the element asks: does it end with the trailer, and is the rest a known filler? The peer
// lets it pass when both hold. A trailer that is not set marks nothing.
TEST_P(PeerServerFrame, IsToldByTrailerAndPayload) {
  ASSERT_TRUE(record().input && record().sif_trailer);
  const ByteView input = *record().input;
  const ByteView trailer = *record().sif_trailer;
  const bool marked = !trailer.empty() && ends_with(input, trailer);
  const ByteView payload = input.first(input.size() - (marked ? trailer.size() : 0));
  EXPECT_EQ(marked && is_known_filler(payload), record().expect.decode == "enqueue");
  EXPECT_TRUE(!record().decoded || bytes_from(payload) == *record().decoded);
}

// All the keys of the window at hand, as an element has them: the frame opens when its generation
// is among them, whatever the peer's own search would have found.
TEST_P(PeerWindow, OpensWithinTheWindow) {
  KeyRing ring;
  std::vector<KeyRef> &keys = ring.slot(record().key.slot()).keys;
  const Material material = material_of(record().key);
  keys.push_back(key_of(record().key, record().receiver.start_ratchets.value(), scheme()));
  for (unsigned i = 0; i < record().receiver.ratchet_window.value(); ++i)
    keys.push_back(ratchet_key(scheme(), material, *keys.back(), ""));
  if (record().receiver.also_index) {
    vectors::KeySpec also = record().key;
    also.bytes = record().receiver.also_key;
    also.index = *record().receiver.also_index;
    ring.slot(also.slot()).keys.push_back(key_of(also, 0, scheme()));
  }
  ASSERT_TRUE(record().ciphertext.whole);
  const Bytes &sealed = record().ciphertext.bytes;
  if (record().expect.by_formula == "enqueue") {
    expect_opens(ring, *codec_, sealed, record().plaintext.bytes, scheme());
  } else {
    ASSERT_EQ(record().expect.by_formula, "drop");
    EXPECT_EQ(expect_refused(ring, *codec_, sealed, record().plaintext.bytes, scheme()),
              Reason::auth_failed);
  }
}

// The peer counts failures and shuts a key off after some. Here nothing is counted: each frame
// stands for itself, so good ones open at any place in the sequence.
TEST_P(PeerSequence, EachFrameStandsForItself) {
  const KeyRing ring = ring_of({key_of(record().key)});
  unsigned frames = 0;
  for (const vectors::Step &step : record().steps) {
    if (step.op == "good") {
      expect_opens(ring, opus(), step.input, step.plaintext);
    } else if (step.op == "bad") {
      EXPECT_EQ(expect_refused(ring, opus(), step.input, step.plaintext), Reason::auth_failed);
    } else if (step.op == "badkid") {
      EXPECT_EQ(expect_refused(ring, opus(), step.input, step.plaintext), Reason::missing_key);
    } else {
      ASSERT_EQ(step.op, "setKey");
      continue;
    }
    ++frames;
  }
  EXPECT_GT(frames, 0U);
}

// The peer lets frames pass in the clear where encryption is off. The cryptor has no such state:
// a frame is encrypted or refused.
TEST_P(PeerSender, NothingPassesInTheClear) {
  Sealer sealer(scheme());
  const KeyRef key = record().sender.has_key ? key_of(record().key, scheme()) : nullptr;
  ASSERT_TRUE(record().plaintext.whole);
  const Bytes &plain = record().plaintext.bytes;
  if (record().sender.op == "decodeFunction") {
    EXPECT_EQ(expect_refused(ring_of({key}), *codec_, plain, plain, scheme()), Reason::malformed);
    return;
  }
  const Sealed sealed = seal(sealer, key, *codec_, FrameType::delta, plain, scheme());
  if (plain.empty()) {
    EXPECT_EQ(sealed.reason, Reason::ok);
    EXPECT_TRUE(sealed.frame.empty());
  } else if (!key) {
    EXPECT_EQ(sealed.reason, Reason::missing_key);
    EXPECT_TRUE(sealed.frame.empty());
  } else {
    ASSERT_EQ(sealed.reason, Reason::ok);
    expect_opens(ring_of({key}), *codec_, sealed.frame, plain, scheme());
  }
}

TEST_P(PeerCapture, Decrypts) {
  Opener opener(scheme());
  const KeyRing ring = ring_of({capture_key_of(record())});
  const Outcome outcome = open(opener, ring, *codec_, record().data, Place::in_place);
  ASSERT_EQ(outcome.reason, Reason::ok);
  const Bytes plain = outcome.plaintext();
  EXPECT_EQ(plain,
            vectors::opened_by_hand(record(), vectors::capture_key(record().key_name()).key));
  if (!codec_->video) {
    EXPECT_EQ(codec_->frame_type(plain), FrameType::delta);
    return;
  }
  EXPECT_EQ(codec_->frame_type(plain), record().key ? FrameType::key : FrameType::delta);
  if (record().key && codec_->nal == nullptr) {
    EXPECT_EQ(codec_->frame_size(plain).width, 320U);
    EXPECT_EQ(codec_->frame_size(plain).height, 240U);
  }
}

// The bytes before the frame would make it match.
TEST(ServerFrame, ShorterThanTheTrailer) {
  const Bytes trailer = noise(kMinServerTrailer);
  EXPECT_TRUE(ends_with(trailer, trailer));
  for (std::size_t size = 0; size < trailer.size(); ++size)
    EXPECT_FALSE(ends_with(ByteView(trailer).last(size), trailer)) << size;
}

INSTANTIATE_TEST_SUITE_P(Vectors, PeerKeySchedule,
                         testing::ValuesIn(vectors::load({"livekit-keyschedule.json",
                                                          "realtimekit-keyschedule.json",
                                                          "jitsi-keyschedule.json"})),
                         kIdOfRecord);
INSTANTIATE_TEST_SUITE_P(
    Vectors, PeerNegative,
    testing::ValuesIn(vectors::load({"livekit-negative.json", "livekit-crossversion.json",
                                     "realtimekit-state.json", "jitsi-state.json"},
                                    {"negative"})),
    kIdOfRecord);
INSTANTIATE_TEST_SUITE_P(Vectors, PeerServerFrame,
                         testing::ValuesIn(vectors::load({"livekit-negative.json"}, {"sif"})),
                         kIdOfRecord);
INSTANTIATE_TEST_SUITE_P(Vectors, PeerWindow,
                         testing::ValuesIn(vectors::load(
                             {"livekit-state.json", "realtimekit-state.json", "jitsi-state.json"},
                             {"ratchetwindow"})),
                         kIdOfRecord);
INSTANTIATE_TEST_SUITE_P(Vectors, PeerSequence,
                         testing::ValuesIn(vectors::load({"livekit-state.json"}, {"sequence"})),
                         kIdOfRecord);
INSTANTIATE_TEST_SUITE_P(Vectors, PeerSender,
                         testing::ValuesIn(vectors::load(
                             {"livekit-state.json", "realtimekit-state.json", "jitsi-state.json"},
                             {"sender"})),
                         kIdOfRecord);
INSTANTIATE_TEST_SUITE_P(Captures, PeerCapture,
                         testing::ValuesIn(vectors::load_captures(
                             {"lk-script-opus.jsonl", "lk-script-vp8-with-vp8.jsonl",
                              "lk-script-vp9-with-vp9.jsonl", "lk-script-h264-with-h264.jsonl",
                              "rtk-script-opus.jsonl", "rtk-script-vp8-with-vp8.jsonl",
                              "rtk-script-vp9-with-vp9.jsonl"})),
                         kIdOfRecord);

}  // namespace e2ee::test
