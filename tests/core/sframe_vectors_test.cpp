/* SPDX-License-Identifier: LGPL-2.1-or-later */
// RFC 9605's own vectors, and libsframe's frames.
#include <map>

#include "helpers.h"

namespace e2ee::test {

namespace {

using Record = vectors::Record;

// Whose frames have `size` clear bytes, as the metadata of a record.
Scheme with_metadata(const Scheme &scheme, std::size_t size) {
  static std::map<std::size_t, ClearRule> rules;
  const auto length = static_cast<std::uint8_t>(size);
  const ClearRule &rule = rules[size] = {CodecId::opus, length, length};
  Scheme changed = scheme;
  changed.clear_rules = {&rule, 1};
  return changed;
}

class OfSuite : public OfVector<Record> {
 protected:
  void SetUp() override {
    OfVector::SetUp();
    const char *name = record().field("cipherSuite").empty() ? "cipher_suite" : "cipherSuite";
    if (record().field(name).empty())
      return;
    suite_ = static_cast<unsigned>(record().number(name));
  }

  unsigned suite_ = 0;
};

using SframeHeaderVector = OfSuite;
using SframeCipherVector = OfSuite;
using SframeVector = OfSuite;
using SframeFrame = OfSuite;
using SframeNegative = OfSuite;

}  // namespace

TEST_P(SframeHeaderVector, BothWays) {
  const Bytes encoded = record().hex("encoded");
  std::uint8_t written[kMaxSframeHeader];
  const std::size_t size =
      write_sframe_header(record().number("kid"), record().number("ctr"), written);
  EXPECT_EQ(to_hex(written, size), record().field("encoded"));
  const SframeHeader header = header_of(join({encoded, {1, 2, 3}}));
  EXPECT_EQ(header.kid, record().number("kid"));
  EXPECT_EQ(header.counter, record().number("ctr"));
  EXPECT_EQ(header.size, encoded.size());
  for (std::size_t cut = 0; cut < encoded.size(); ++cut)
    EXPECT_FALSE(parse_sframe_header(ByteView(encoded).first(cut))) << cut;
}

TEST_P(SframeCipherVector, BothWays) {
  const std::size_t tag = sframe_suites()[suite_ - 1].tag_size;
  const Bytes plain = record().hex("pt");
  const Bytes sealed = record().hex("ct");
  const Iv nonce = iv_from(record().hex("nonce"));
  const Bytes aad = record().hex("aad");
  const auto aead = make_ctr_hmac(record().hex("key"), Direction::seal, tag);
  const auto opener = make_ctr_hmac(record().hex("key"), Direction::open, tag);
  ASSERT_TRUE(aead && opener);
  for (int round = 0; round < 3; ++round) {  // contexts are keyed once
    Bytes out(plain.size() + tag);
    ASSERT_TRUE(aead->seal(nonce, aad, plain, out.data(), out.data() + plain.size()));
    EXPECT_EQ(to_hex(out), to_hex(sealed));
    Bytes back(plain.size(), kFill);
    out.back() ^= 1;
    const auto open_apart = [&] {
      return opener->open(nonce, aad, ByteView(out).first(plain.size()), back.data(),
                          out.data() + plain.size());
    };
    EXPECT_EQ(open_apart(), Reason::auth_failed);
    EXPECT_EQ(back, Bytes(plain.size(), 0));
    out.back() ^= 1;
    ASSERT_EQ(open_apart(), Reason::ok);
    EXPECT_EQ(back, plain);
  }
}

TEST_P(SframeVector, EveryStep) {
  const Scheme scheme = with_metadata(sframe(suite_, true), record().hex("metadata").size());
  const std::uint64_t kid = record().number("kid");
  const KeyRef key = key_from(scheme, record().hex("base_key"), kid);
  ASSERT_TRUE(key);
  EXPECT_EQ(to_hex(bytes_from(key->secret.view())), record().field("sframe_secret"));
  const auto expanded = SframeKey::expand(*scheme.suite, key->secret.view(), kid, Direction::seal);
  ASSERT_TRUE(expanded);
  EXPECT_EQ(to_hex(bytes_from(expanded->salt)), record().field("sframe_salt"));
  const std::uint64_t counter = record().number("ctr");
  EXPECT_EQ(to_hex(bytes_from(expanded->nonce(counter))), record().field("nonce"));
  const Bytes metadata = record().hex("metadata");
  const Bytes frame = join({metadata, record().hex("pt")});
  const Bytes expected = join({metadata, record().hex("ct")});
  Sealer sealer(scheme, random_bytes, kid);
  (*counter_of(*scheme.suite, key->secret.view(), kid))->set_for_tests(counter);
  const Sealed sealed = seal(sealer, key, opus(), FrameType::delta, frame, scheme);
  ASSERT_EQ(sealed.reason, Reason::ok);
  EXPECT_EQ(to_hex(sealed.frame), to_hex(expected));
  expect_opens(ring_of({key}), opus(), expected, frame, scheme);
}

TEST_P(SframeFrame, BothWays) {
  const Bytes metadata = record().hex("metadataHex");
  const Scheme scheme = with_metadata(sframe(suite_, true), metadata.size());
  const std::uint64_t kid = record().number("kid");
  const KeyRef key = key_from(scheme, record().hex("baseKeyHex"), kid);
  const Bytes frame = join({metadata, record().plaintext.bytes});
  const Bytes expected = join({metadata, record().ciphertext.bytes});
  expect_opens(ring_of({key}), opus(), expected, frame, scheme);
  if (frame.empty())
    return;  // passes as it is: there is nothing to protect
  (*counter_of(*scheme.suite, key->secret.view(), kid))->set_for_tests(record().number("ctr"));
  Sealer sealer(scheme, random_bytes, kid);
  const Sealed sealed = seal(sealer, key, opus(), FrameType::delta, frame, scheme);
  EXPECT_EQ(to_hex(sealed.frame), to_hex(expected));
}

TEST_P(SframeNegative, IsRefusedForTheSameReason) {
  const Bytes metadata = record().hex("metadataHex");
  const Scheme scheme = with_metadata(sframe(suite_, true), metadata.size());
  const KeyRef key = key_from(scheme, record().hex("baseKeyHex"), record().number("kid"));
  ASSERT_TRUE(record().input);
  const Bytes input = join({metadata, *record().input});
  const Reason reason = expect_refused(ring_of({key}), opus(), input, {}, scheme);
  constexpr int kAuthenticationError = 6;
  EXPECT_EQ(reason, record().expect.error_code == kAuthenticationError ? Reason::auth_failed
                                                                       : Reason::malformed);
}

INSTANTIATE_TEST_SUITE_P(Vectors, SframeHeaderVector,
                         testing::ValuesIn(vectors::load({"sframe-official.json"}, {"header"})),
                         kIdOfRecord);
INSTANTIATE_TEST_SUITE_P(Vectors, SframeCipherVector,
                         testing::ValuesIn(vectors::load({"sframe-official.json"},
                                                         {"aes_ctr_hmac", "aes_256_ctr_hmac"})),
                         kIdOfRecord);
INSTANTIATE_TEST_SUITE_P(Vectors, SframeVector,
                         testing::ValuesIn(vectors::load({"sframe-official.json"},
                                                         {"sframe", "sframe_aes_256_ctr_hmac"})),
                         kIdOfRecord);
INSTANTIATE_TEST_SUITE_P(Vectors, SframeFrame,
                         testing::ValuesIn(vectors::load({"sframe-libsframe.json"}, {"frame"})),
                         kIdOfRecord);
INSTANTIATE_TEST_SUITE_P(Vectors, SframeNegative,
                         testing::ValuesIn(vectors::load({"sframe-libsframe.json"}, {"negative"})),
                         kIdOfRecord);

TEST(SframeVectors, EveryRecordHasATest) {
  EXPECT_EQ(vectors::load({"sframe-official.json"}, {"header", "aes_ctr_hmac", "aes_256_ctr_hmac",
                                                     "sframe", "sframe_aes_256_ctr_hmac"})
                .size(),
            vectors::load({"sframe-official.json"}).size());
  EXPECT_EQ(vectors::load({"sframe-libsframe.json"}, {"frame", "negative"}).size(),
            vectors::load({"sframe-libsframe.json"}).size());
}

}  // namespace e2ee::test
