/* SPDX-License-Identifier: LGPL-2.1-or-later */
// RFC 9605's own vectors and libsframe's frames through the elements, which give a frame no other
// metadata than a codec's clear bytes.
#include <openssl/evp.h>
#include <openssl/kdf.h>

#include <random>

#include "cipher.h"
#include "custom_provider.h"
#include "records.h"

namespace elements {
namespace {

using vectors::Record;

guint64 number(const Record &record, const char *name) {
  return std::strtoull(record.field(name).c_str(), nullptr, 10);
}

Bytes hex(const Record &record, const char *name) {
  const std::optional<Bytes> bytes = vectors::from_hex(record.field(name));
  EXPECT_TRUE(bytes) << name;
  return bytes.value_or(Bytes{});
}

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
  Bytes info(label.begin(), label.end());
  for (int shift = 56; shift >= 0; shift -= 8)
    info.push_back(static_cast<guint8>(kid >> shift));
  info.insert(info.end(), {0, kSuite});
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

class OfVector : public testing::TestWithParam<Record> {
 protected:
  const Record &record() const { return GetParam(); }
  void SetUp() override { ASSERT_EQ(record().error, ""); }
};

class SframeHeader : public OfVector {
 protected:
  void SetUp() override {
    OfVector::SetUp();
    kid_ = number(record(), "kid");
    counter_ = number(record(), "ctr");
    if (kid_ == G_MAXUINT64)
      GTEST_SKIP() << record().id << ": that KID means all keys, or a drawn one, to the interface";
  }
  guint64 kid_ = 0;
  guint64 counter_ = 0;
};

/// An element counts from 0, so that only a small counter is reached; the core starts anywhere.
class SframeHeaderWritten : public SframeHeader {};
std::vector<Record> with_small_counter() {
  std::vector<Record> records = vectors::load({"sframe-official.json"}, {"header"});
  std::erase_if(records, [](const Record &record) { return number(record, "ctr") > 256; });
  return records;
}

class SframeFull : public OfVector {
 protected:
  void SetUp() override {
    OfVector::SetUp();
    if (number(record(), "cipher_suite") > 5)
      GTEST_SKIP() << record().id << ": suite " << record().field("cipher_suite")
                   << " is not in RFC 9605";
  }
};

/// Of those there is a test of the core alone, each for the reason that it says.
class SframeCoreOnly : public OfVector {};

class SframeVector : public OfVector {
 protected:
  void SetUp() override {
    OfVector::SetUp();
    if (!record().field("metadataHex").empty())
      GTEST_SKIP() << record().id
                   << ": has metadata that is no codec's clear bytes; the core has it";
    kid_ = number(record(), "kid");
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
  std::size_t tag_size() const {
    static const std::size_t sizes[] = {10, 8, 4, 16, 16};
    return sizes[number(record(), "cipherSuite") - 1];
  }
  /// KID and counter of these frames are small: one byte, or two.
  std::size_t header_size() const {
    return sealed_.size() - record().plaintext.bytes.size() - tag_size();
  }

  const Bytes sealed_ = record().ciphertext.bytes;
  guint64 kid_ = 0;
  // Any KID is a key here, so that a changed one is not just a missing one.
  const std::unique_ptr<Element> decryptor_ = [this] {
    auto keys = std::make_shared<CustomKeys>();
    keys->lookup = [base = hex(record(), "baseKeyHex")](const std::string &, guint64 id,
                                                        GError **) {
      const std::unique_ptr<GBytes, Unref> bytes(g_bytes_new(base.data(), base.size()));
      return gst_e2ee_key_material_new_raw(bytes.get(), id, nullptr);
    };
    return decryptor_of(custom_provider(keys), record().field("cipherSuite"));
  }();
};

}  // namespace

// ---- RFC 9605 -----------------------------------------------------------------------------------

TEST_P(SframeHeader, IsReadFromAFrame) {
  const Bytes base = noise(32, 7);
  const Bytes plain = noise(40, 8);
  const Bytes sealed = sframe_by_hand(base, kid_, counter_, hex(record(), "encoded"), plain);
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
  EXPECT_EQ(sealed, sframe_by_hand(base, kid_, counter_, hex(record(), "encoded"), plain));
}

// The record's frame covers metadata that no element gives. Its text, sealed here by the key and
// nonce that the record derives but without the metadata, is one that the element must open.
TEST_P(SframeFull, OpensWhatTheRecordsKeySeals) {
  const unsigned suite = static_cast<unsigned>(number(record(), "cipher_suite"));
  const Bytes metadata = hex(record(), "metadata");
  const Bytes aad = hex(record(), "aad");
  const Bytes key = hex(record(), "sframe_key");
  const Bytes plain = hex(record(), "pt");
  const Bytes header(aad.begin(), aad.end() - static_cast<std::ptrdiff_t>(metadata.size()));
  const auto seal_with = [&](const Bytes &clear) {
    const Parts parts{clear, plain, hex(record(), "nonce")};
    const std::size_t tags[] = {10, 8, 4};
    return join({header, suite > 3 ? aes_gcm(true, key, parts).value_or(Bytes{})
                                   : aes_ctr_hmac(key, parts, tags[suite - 1])});
  };
  ASSERT_EQ(seal_with(aad), hex(record(), "ct")) << "the record by hand";
  const guint64 kid = number(record(), "kid");
  const auto decryptor =
      decryptor_of(provider_of_kid(kid, hex(record(), "base_key")), std::to_string(suite));
  EXPECT_EQ(pass_once_known(*decryptor, seal_with(header)), plain);
  EXPECT_EQ(pass(*decryptor, hex(record(), "ct")), std::nullopt) << "metadata that is not there";
  EXPECT_EQ(decryptor->stat("dropped-auth"), 1U);
}

TEST_P(SframeCoreOnly, IsNamed) {
  const bool cipher = record().type.ends_with("ctr_hmac");
  GTEST_SKIP() << record().id
               << (cipher ? ": a key of the cipher itself, which no element takes"
                          : ": its frame covers metadata, which no element gives it; without that "
                            "the frame that it was made of would be dropped as well");
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
  bad[number(record(), "ctr") < 8 ? 0 : header_size() - 1] ^= 1;
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

INSTANTIATE_TEST_SUITE_P(Official, SframeHeader,
                         testing::ValuesIn(vectors::load({"sframe-official.json"}, {"header"})),
                         kIdOfRecord);
INSTANTIATE_TEST_SUITE_P(Official, SframeHeaderWritten, testing::ValuesIn(with_small_counter()),
                         kIdOfRecord);
INSTANTIATE_TEST_SUITE_P(Official, SframeFull,
                         testing::ValuesIn(vectors::load({"sframe-official.json"},
                                                         {"sframe", "sframe_aes_256_ctr_hmac"})),
                         kIdOfRecord);
INSTANTIATE_TEST_SUITE_P(Official, SframeCoreOnly,
                         testing::ValuesIn(vectors::load({"sframe-official.json"},
                                                         {"aes_ctr_hmac", "aes_256_ctr_hmac"})),
                         kIdOfRecord);
INSTANTIATE_TEST_SUITE_P(Libsframe, SframeVector,
                         testing::ValuesIn(vectors::load({"sframe-libsframe.json"}, {"frame"})),
                         kIdOfRecord);
INSTANTIATE_TEST_SUITE_P(LibsframeNegative, SframeCoreOnly,
                         testing::ValuesIn(vectors::load({"sframe-libsframe.json"}, {"negative"})),
                         kIdOfRecord);

// A record of a type that nobody reads would be lost without a trace.
TEST(SframeVectors, EveryRecordHasATestOrItsName) {
  const auto count = [](const char *file, std::initializer_list<const char *> types) {
    return vectors::load({file}, types).size();
  };
  EXPECT_EQ(count("sframe-official.json", {"header", "aes_ctr_hmac", "aes_256_ctr_hmac", "sframe",
                                           "sframe_aes_256_ctr_hmac"}),
            count("sframe-official.json", {}));
  EXPECT_EQ(count("sframe-libsframe.json", {"frame", "negative"}),
            count("sframe-libsframe.json", {}));
}

}  // namespace elements
