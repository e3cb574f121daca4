/* SPDX-License-Identifier: LGPL-2.1-or-later */
// What the clients of LiveKit, RealtimeKit and Jitsi did with ratchets, failures and missing
// states, through the elements. Where we differ on purpose the name of the test says so.
#include "support/element.h"
#include "support/records.h"
#include "support/waiting.h"

namespace e2ee::test {
namespace {

using vectors::Record;

class StateVector : public OfVector<Record> {
 protected:
  void SetUp() override {
    OfVector::SetUp();
    const std::string &codec = record().codec;
    ASSERT_TRUE(codec == "opus" || codec == "h264" || codec.empty()) << codec;
  }

  const char *caps() const { return record().codec == "h264" ? kH264 : kOpus; }

  std::unique_ptr<Element> make(const char *factory, const Provider &provider) const {
    return element_of(factory, provider, record().scheme);
  }
};

class StateWindow : public StateVector {};
class StateSequence : public StateVector {};
class StateSender : public StateVector {};

}  // namespace

// The formula, not the peer: the searches of LiveKit and RealtimeKit repeat the first step and so
// never get further, and Jitsi's ratchets the current key instead of the frame's.
TEST_P(StateWindow, R15_WalksTheWholeWindowAndNoFurther) {
  ASSERT_EQ(record().receiver.start_ratchets, 0U);
  ASSERT_TRUE(record().ciphertext.whole);
  const unsigned window = record().receiver.ratchet_window.value();
  const auto owned = make("e2eedecrypt", provider_of(record()));
  Element &decryptor = *owned;
  decryptor.start(caps());
  std::optional<Bytes> opened;
  const auto try_again = [&] {
    opened = decryptor.pass(record().ciphertext.bytes);
    return opened.has_value();
  };
  if (record().expect.by_formula == "enqueue") {
    ASSERT_TRUE(wait_for(try_again)) << "generation " << record().key.ratchets;
    EXPECT_EQ(opened, record().plaintext.bytes);
    EXPECT_EQ(decryptor.stat("generation"), record().key.ratchets);
    EXPECT_EQ(decryptor.stat("ratchet-steps"), record().key.ratchets);
    return;
  }
  ASSERT_EQ(record().expect.by_formula, "drop");
  // Long enough for all of the window to be derived: 30 ms a step for PBKDF2, and a busy machine.
  EXPECT_FALSE(wait_for(try_again, std::chrono::milliseconds(100 + 150 * window)));
  EXPECT_EQ(decryptor.stat("frames-out"), 0U);
  EXPECT_EQ(decryptor.stat("generation"), 0U);
  EXPECT_EQ(decryptor.stat("ratchet-steps"), 0U);
}

// The peer shuts a key off after some failures and has receivers whose state nobody told it yet.
// Neither exists here, so that nobody can end a stream by sending rubbish: good frames pass where
// the peer drops them.
TEST_P(StateSequence, R9_GoodFramesPassEvenWhereThePeerHasShutTheKeyOff) {
  const Provider provider = provider_of(record());
  const auto owned = make("e2eedecrypt", provider);
  Element &decryptor = *owned;
  const bool enabled = record().receiver.enabled.value_or(true);
  if (!enabled)
    g_object_set(decryptor.get(), "enabled", FALSE, nullptr);
  decryptor.start(kOpus);
  unsigned good = 0;
  unsigned bad = 0;
  unsigned unknown_key = 0;
  for (const vectors::Step &step : record().steps) {
    if (step.op == "setKey") {
      ASSERT_TRUE(set_key(provider, record().key));
      continue;
    }
    decryptor.push(step.input);
    const Buffer out = decryptor.pull();
    if (step.op != "good") {
      ASSERT_TRUE(step.op == "bad" || step.op == "badkid") << step.op;
      EXPECT_FALSE(out) << step.op;
      ++(step.op == "bad" ? bad : unknown_key);
      continue;
    }
    ++good;
    ASSERT_TRUE(out) << "good frame " << good << ", which the peer would " << step.result;
    EXPECT_EQ(bytes_of(out.get()), enabled ? step.plaintext : step.input);
    EXPECT_EQ(gst_e2ee_buffer_is_unprotected(out.get()), !enabled);
  }
  EXPECT_GT(good, 0U);
  EXPECT_EQ(decryptor.stat("frames-out"), good);
  EXPECT_EQ(decryptor.stat("passed-plaintext"), enabled ? 0U : good);
  EXPECT_EQ(decryptor.stat("dropped-auth"), bad);
  EXPECT_EQ(decryptor.stat("dropped-missing-key"), unknown_key);
  EXPECT_EQ(decryptor.dropped(), bad + unknown_key);
}

// RealtimeKit's and Jitsi's receivers pass on what comes while encryption is off or there is no
// key.
TEST_P(StateSender, R1_NothingLeavesInTheClearUnlessEncryptionIsOff) {
  ASSERT_TRUE(record().plaintext.whole);
  const Bytes &plain = record().plaintext.bytes;
  const bool enabled = record().sender.enabled;
  const bool decrypts = record().sender.op == "decodeFunction";
  const auto owned = make(decrypts ? "e2eedecrypt" : "e2eeencrypt",
                          record().sender.has_key ? provider_of(record()) : empty_provider());
  Element &encryptor = *owned;
  if (!enabled)
    g_object_set(encryptor.get(), "enabled", FALSE, nullptr);
  encryptor.start(kOpus);
  EXPECT_EQ(encryptor.push(plain), GST_FLOW_OK);
  const Buffer out = encryptor.pull();
  // Where a peer's stream dies of a frame of no bytes, ours passes it.
  ASSERT_EQ(out != nullptr, record().expect.encode == "enqueue" || plain.empty());
  if (!out) {
    EXPECT_EQ(encryptor.stat(decrypts ? "dropped-malformed" : "dropped-missing-key"), 1U);
    EXPECT_NE(encryptor.bus().find(decrypts ? "malformed" : "missing-key"), nullptr);
    return;
  }
  ASSERT_TRUE(record().expect.unchanged || plain.empty());
  EXPECT_EQ(bytes_of(out.get()), plain);
  // A frame of no bytes holds nothing that could be protected.
  EXPECT_EQ(gst_e2ee_buffer_is_unprotected(out.get()), !enabled);
  EXPECT_EQ(encryptor.stat("passed-plaintext"), enabled ? 0U : 1U);
  EXPECT_EQ(encryptor.dropped(), 0U);
}

namespace {
std::vector<Record> states(std::initializer_list<const char *> types) {
  return vectors::load({"livekit-state.json", "realtimekit-state.json", "jitsi-state.json"}, types);
}
}  // namespace

INSTANTIATE_TEST_SUITE_P(Vectors, StateWindow, testing::ValuesIn(states({"ratchetwindow"})),
                         kIdOfRecord);
INSTANTIATE_TEST_SUITE_P(Vectors, StateSequence,
                         testing::ValuesIn(vectors::load({"livekit-state.json"}, {"sequence"})),
                         kIdOfRecord);
INSTANTIATE_TEST_SUITE_P(Vectors, StateSender, testing::ValuesIn(states({"sender"})), kIdOfRecord);

// A record of a type that nobody reads would be lost without a trace.
TEST(StateVectors, EveryRecordHasATest) {
  const std::size_t tested =
      states({"ratchetwindow"}).size() +
      vectors::load({"livekit-state.json"}, {"sequence"}).size() + states({"sender"}).size() +
      vectors::load({"realtimekit-state.json", "jitsi-state.json"}, {"negative"})
          .size();  // in vectors_test.cpp
  EXPECT_EQ(tested, states({}).size());
  EXPECT_EQ(tested, 70U);
}

}  // namespace e2ee::test
