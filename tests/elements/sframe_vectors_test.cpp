/* SPDX-License-Identifier: LGPL-2.1-or-later */
// RFC 9605's own vectors and libsframe's frames through the elements, which give a frame no other
// metadata than a codec's clear bytes.
#include <openssl/evp.h>
#include <openssl/kdf.h>

#include <random>

#include "support/cipher.h"
#include "support/custom_provider.h"
#include "support/element.h"
#include "support/records.h"
#include "support/waiting.h"

namespace e2ee::test {
namespace {

using vectors::Record;

std::unique_ptr<Element> decryptor_of(const Provider &provider, const std::string &suite) {
  auto element = element_of("e2eedecrypt", provider, "sframe");
  element->set("sframe-suite", suite);
  element->set("sframe-kid-map", "plain");
  element->start(kOpus);
  return element;
}

/// Also of a frame that holds nothing.
std::optional<Bytes> pass(Element &element, const Bytes &frame) {
  EXPECT_EQ(element.push(frame), GST_FLOW_OK);
  const Buffer out = element.pull();
  return out ? std::optional(bytes_of(out.get())) : std::nullopt;
}

/// The first frame names the key, which is looked up then.
std::optional<Bytes> pass_once_known(Element &element, const Bytes &frame) {
  std::optional<Bytes> opened;
  wait_for([&] { return (opened = pass(element, frame)).has_value(); });
  return opened;
}

// ---- SFrame of AES-128-GCM, without the library
// --------------------------------------------------

/// Section 4.4.2: `what` is "key" or "salt".
Bytes expanded(const Bytes &base, const char *what, guint64 kid, std::size_t size) {
  constexpr guint8 kSuite = 4;
  const std::string label = std::string("SFrame 1.0 Secret ") + what + ' ';
  const Bytes info = join({Bytes(label.begin(), label.end()), big_endian(kid, 8), {0, kSuite}});
  return hkdf(base, {}, info, size);
}

Bytes sframe_by_hand(const Bytes &base, guint64 kid, guint64 counter, const Bytes &header,
                     const Bytes &plain) {
  Bytes nonce = expanded(base, "salt", kid, kIv);
  for (std::size_t i = kIv; i-- > kIv - 8; counter >>= 8)
    nonce[i] ^= static_cast<guint8>(counter);
  const std::optional<Bytes> sealed =
      aes_gcm(true, expanded(base, "key", kid, 16), {header, plain, nonce});
  EXPECT_TRUE(sealed);
  return join({header, sealed.value_or(Bytes{})});
}

// ---- records ------------------------------------------------------------------------------------

class SframeHeader : public OfVector<Record> {
 protected:
  void SetUp() override {
    OfVector::SetUp();
    kid_ = record().number("kid");
    counter_ = record().number("ctr");
  }
  guint64 kid_ = 0;
  guint64 counter_ = 0;
};

/// One of each length and each number of digits: the core reads and writes all of them.
auto shape_of(const Record &record) {
  return std::pair(record.field("encoded").size(), record.field("encoded").substr(0, 1));
}

// That KID means all keys, or a drawn one, to the interface.
bool has_no_kid_of_its_own(const Record &record) {
  return record.number("kid") == G_MAXUINT64;
}

std::vector<Record> headers() {
  std::vector<Record> records = vectors::load({"sframe-official.json"}, {"header"});
  std::erase_if(records, has_no_kid_of_its_own);
  return first_of_each(records, shape_of);
}

/// An element counts from 0, so that only a small counter is reached; the core starts anywhere.
class SframeHeaderWritten : public SframeHeader {};
std::vector<Record> headers_with_small_counter() {
  std::vector<Record> records = vectors::load({"sframe-official.json"}, {"header"});
  std::erase_if(records, [](const Record &record) {
    return record.number("ctr") > 256 || has_no_kid_of_its_own(record);
  });
  return first_of_each(records, shape_of);
}

class SframeFull : public OfVector<Record> {};

std::size_t tag_size_of(guint64 suite) {
  static const std::size_t sizes[] = {10, 8, 4, 16, 16, 10, 8, 4};
  return sizes[suite - 1];
}

// Metadata that is no codec's clear bytes is a matter of the core.
std::vector<Record> without_metadata() {
  std::vector<Record> records = vectors::load({"sframe-libsframe.json"}, {"frame"});
  std::erase_if(records, [](const Record &record) { return !record.field("metadataHex").empty(); });
  return records;
}

class SframeVector : public OfVector<Record> {
 protected:
  void SetUp() override {
    OfVector::SetUp();
    kid_ = record().number("kid");
    ASSERT_NE(kid_, G_MAXUINT64);
    ASSERT_EQ(pass_once_known(*decryptor_, sealed_), record().plaintext.bytes);
  }

  /// One frame that must not pass, and next to it the one that it was made of.
  void expect_dropped(const Bytes &bad, const char *why) {
    const guint64 before = decryptor_->dropped();
    const guint64 of_reason = decryptor_->stat(why);
    EXPECT_EQ(pass(*decryptor_, bad), std::nullopt);
    EXPECT_EQ(decryptor_->dropped(), before + 1);
    EXPECT_EQ(decryptor_->stat(why), of_reason + 1) << why;
    EXPECT_EQ(pass(*decryptor_, sealed_), record().plaintext.bytes);
  }
  std::size_t tag_size() const { return tag_size_of(record().number("cipherSuite")); }
  /// KID and counter of these frames are small: one byte, or two.
  std::size_t header_size() const {
    return sealed_.size() - record().plaintext.bytes.size() - tag_size();
  }

  const Bytes sealed_ = record().ciphertext.bytes;
  guint64 kid_ = 0;
  // Any KID is a key here, so that a changed one is not just a missing one.
  const std::unique_ptr<Element> decryptor_ = [this] {
    auto keys = std::make_shared<CustomKeys>();
    keys->lookup = [base = record().hex("baseKeyHex")](const std::string &, guint64 id, GError **) {
      return raw_material(base, id);
    };
    return decryptor_of(custom_provider(keys), record().field("cipherSuite"));
  }();
};

}  // namespace

// ---- RFC 9605 -----------------------------------------------------------------------------------

TEST_P(SframeHeader, IsReadFromAFrame) {
  const Bytes base = noise(32, 7);
  const Bytes plain = noise(40, 8);
  const Bytes sealed = sframe_by_hand(base, kid_, counter_, record().hex("encoded"), plain);
  const auto decryptor = decryptor_of(provider_of_kid(kid_, base), "4");
  EXPECT_EQ(pass_once_known(*decryptor, sealed), plain);
  EXPECT_EQ(decryptor->stat("key-id"), kid_);
  EXPECT_EQ(decryptor->stat("dropped-auth") + decryptor->stat("dropped-malformed"), 0U);
}

TEST_P(SframeHeaderWritten, InFrontOfAFrame) {
  // Base key and KID go on counting in this process, so that each run has another.
  Bytes base(32);
  std::random_device random;
  for (guint8 &byte : base)
    byte = static_cast<guint8>(random());
  const auto encryptor = element_of("e2eeencrypt", provider_of_kid(kid_, base), "sframe");
  encryptor->set("sframe-kid", record().field("kid"));
  encryptor->start(kOpus);
  const Bytes plain = noise(40, 9);
  std::optional<Bytes> sealed;
  for (guint64 i = 0; i <= counter_; ++i)
    sealed = pass(*encryptor, plain);
  EXPECT_EQ(sealed, sframe_by_hand(base, kid_, counter_, record().hex("encoded"), plain));
}

// The record's frame covers metadata that no element gives. Its text, sealed here by the key and
// nonce that the record derives but without the metadata, is one that the element must open.
TEST_P(SframeFull, OpensWhatTheRecordsKeySeals) {
  const unsigned suite = static_cast<unsigned>(record().number("cipher_suite"));
  const Bytes metadata = record().hex("metadata");
  const Bytes aad = record().hex("aad");
  const Bytes key = record().hex("sframe_key");
  const Bytes plain = record().hex("pt");
  const Bytes header(aad.begin(), aad.end() - static_cast<std::ptrdiff_t>(metadata.size()));
  const auto seal_with = [&](const Bytes &clear) {
    const Parts parts{clear, plain, record().hex("nonce")};
    return join({header, tag_size_of(suite) == kTag
                             ? aes_gcm(true, key, parts).value_or(Bytes{})
                             : aes_ctr_hmac(key, parts, tag_size_of(suite))});
  };
  ASSERT_EQ(seal_with(aad), record().hex("ct")) << "the record by hand";
  const guint64 kid = record().number("kid");
  const auto decryptor =
      decryptor_of(provider_of_kid(kid, record().hex("base_key")), std::to_string(suite));
  EXPECT_EQ(pass_once_known(*decryptor, seal_with(header)), plain);
  EXPECT_EQ(pass(*decryptor, record().hex("ct")), std::nullopt) << "metadata that is not there";
  EXPECT_EQ(decryptor->stat("dropped-auth"), 1U);
}

// ---- libsframe ----------------------------------------------------------------------------------

TEST_P(SframeVector, Decrypts) {
  EXPECT_EQ(decryptor_->stat("key-id"), kid_);
  const std::optional<Peeked> peeked = peek("sframe", kOpus, sealed_);
  ASSERT_TRUE(peeked);
  EXPECT_EQ(peeked->key_id, kid_);
}

TEST_P(SframeVector, R1_EveryFlippedBitBehindTheHeaderIsDropped) {
  for (std::size_t at = header_size(); at < sealed_.size(); ++at) {
    Bytes bad = sealed_;
    bad[at] ^= static_cast<guint8>(1 << at % 8);
    expect_dropped(bad, "dropped-auth");
  }
}

TEST_P(SframeVector, R1_AnotherCounterIsDropped) {
  ASSERT_LE(header_size(), 3U);
  Bytes bad = sealed_;
  // Numbers below eight are in the first byte, others behind the KID at the end of the header.
  bad[record().number("ctr") < 8 ? 0 : header_size() - 1] ^= 1;
  expect_dropped(bad, "dropped-auth");
}

TEST_P(SframeVector, R1_AnotherKidIsDroppedThoughItsKeyIsKnown) {
  Bytes bad = sealed_;
  kid_ < 8 ? bad[0] ^= 0x10 : bad[1] ^= 1;
  EXPECT_TRUE(wait_for([&] {
    EXPECT_EQ(pass(*decryptor_, bad), std::nullopt);
    return decryptor_->stat("dropped-auth") > 0;
  })) << "the key of that KID was looked up";
  expect_dropped(bad, "dropped-auth");
}

TEST_P(SframeVector, R16_EveryTruncatedFrameIsDropped) {
  for (std::size_t size = 1; size < sealed_.size(); ++size) {
    SCOPED_TRACE(size);
    const Bytes bad(sealed_.begin(), sealed_.begin() + static_cast<std::ptrdiff_t>(size));
    expect_dropped(bad, size < header_size() + tag_size() ? "dropped-malformed" : "dropped-auth");
  }
  EXPECT_EQ(pass(*decryptor_, {}), Bytes{}) << "holds nothing to forge";
}

INSTANTIATE_TEST_SUITE_P(Official, SframeHeader, testing::ValuesIn(headers()), kIdOfRecord);
INSTANTIATE_TEST_SUITE_P(Official, SframeHeaderWritten,
                         testing::ValuesIn(headers_with_small_counter()), kIdOfRecord);
INSTANTIATE_TEST_SUITE_P(Official, SframeFull,
                         testing::ValuesIn(vectors::load({"sframe-official.json"},
                                                         {"sframe", "sframe_aes_256_ctr_hmac"})),
                         kIdOfRecord);
INSTANTIATE_TEST_SUITE_P(Libsframe, SframeVector, testing::ValuesIn(without_metadata()),
                         kIdOfRecord);

}  // namespace e2ee::test
