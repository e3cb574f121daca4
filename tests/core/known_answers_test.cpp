/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Known answers from the standards themselves, so that a fault that our two directions share is
// seen without any peer's vectors.
#include "core/kdf.h"
#include "helpers.h"

namespace e2ee::test {

namespace {

Bytes hex(const std::string &text) {
  return from_hex(text).value();
}

struct GcmCase {
  const char *name;
  const char *key;
  const char *iv;
  const char *aad;
  const char *plain;
  const char *cipher;
  const char *tag;
};

constexpr const char *kZeroIv = "000000000000000000000000";
constexpr const char *kPlain =
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
    "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39";
constexpr const char *kAad = "feedfacedeadbeeffeedfacedeadbeefabaddad2";

// McGrew and Viega, "The Galois/Counter Mode of Operation", appendix B.
const GcmCase kGcmCases[] = {
    {"1", "00000000000000000000000000000000", kZeroIv, "", "", "",
     "58e2fccefa7e3061367f1d57a4e7455a"},
    {"2", "00000000000000000000000000000000", kZeroIv, "", "00000000000000000000000000000000",
     "0388dace60b6a392f328c2b971b2fe78", "ab6e47d42cec13bdf53a67b21257bddf"},
    {"4", "feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888", kAad, kPlain,
     "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
     "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091",
     "5bc94fbc3221a5db94fae95ae7121a47"},
    {"13", "0000000000000000000000000000000000000000000000000000000000000000", kZeroIv, "", "", "",
     "530f8afbc74536b9a963b4f1c4cb738b"},
    {"14", "0000000000000000000000000000000000000000000000000000000000000000", kZeroIv, "",
     "00000000000000000000000000000000", "cea7403d4d606b6e074ec5d3baf39d18",
     "d0d1c8a799996bf0265b98b5d48ab919"},
    {"16", "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
     "cafebabefacedbaddecaf888", kAad, kPlain,
     "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
     "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662",
     "76fc6ece0f4e1768cddf8853bb2d551b"},
};

class Gcm : public testing::TestWithParam<GcmCase> {};

}  // namespace

TEST_P(Gcm, SealsAndOpens) {
  const GcmCase &c = GetParam();
  const Bytes plain = hex(c.plain);
  Bytes out(plain.size());
  Bytes tag(kTagSize);
  const std::unique_ptr<Aead> seal = make_aead(hex(c.key), Direction::seal);
  ASSERT_TRUE(seal);
  ASSERT_TRUE(seal->seal(iv_from(hex(c.iv)), hex(c.aad), plain, out.data(), tag.data()));
  EXPECT_EQ(to_hex(out), c.cipher);
  EXPECT_EQ(to_hex(tag), c.tag);
  const std::unique_ptr<Aead> open = make_aead(hex(c.key), Direction::open);
  ASSERT_TRUE(open);
  ASSERT_EQ(open->open(iv_from(hex(c.iv)), hex(c.aad), out, out.data(), tag.data()), Reason::ok);
  EXPECT_EQ(out, plain);
}

INSTANTIATE_TEST_SUITE_P(TestCase, Gcm, testing::ValuesIn(kGcmCases),
                         [](const auto &test) { return std::string(test.param.name); });

// FIPS 197 appendix C.1 and C.3: the look at the keystream that choosing an IV takes.
TEST(AesBlocks, Fips197) {
  const struct {
    const char *key;
    const char *out;
  } kCases[] = {{"000102030405060708090a0b0c0d0e0f", "69c4e0d86a7b0430d8cdb78070b4c55a"},
                {"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
                 "8ea2b7ca516745bfeafc49904b496089"}};
  for (const auto &c : kCases) {
    Bytes blocks;
    for (int i = 0; i < 8; ++i)
      append(blocks, hex("00112233445566778899aabbccddeeff"));
    const std::unique_ptr<Aead> aead = make_aead(hex(c.key), Direction::seal);
    ASSERT_TRUE(aead && aead->encrypt_blocks(blocks));
    for (std::size_t i = 0; i < blocks.size(); i += kBlockSize)
      EXPECT_EQ(to_hex(blocks.data() + i, kBlockSize), c.out) << "block at " << i;
  }
}

TEST(Hkdf, Rfc5869) {
  Bytes out(42);
  ASSERT_TRUE(hkdf_sha256(Bytes(22, 0x0b), hex("000102030405060708090a0b0c"),
                          hex("f0f1f2f3f4f5f6f7f8f9"), out));
  EXPECT_EQ(to_hex(out),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
  ASSERT_TRUE(hkdf_sha256(Bytes(22, 0x0b), {}, {}, out));
  EXPECT_EQ(to_hex(out),
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");
}

TEST(Hkdf, Rfc5869ExpandAlone) {
  Bytes out(42);
  ASSERT_TRUE(hkdf_expand(Hash::sha256,
                          hex("077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5"),
                          hex("f0f1f2f3f4f5f6f7f8f9"), out));
  EXPECT_EQ(to_hex(out),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
}

TEST(Hkdf, NoMoreThan255Blocks) {
  Bytes out(255 * 32);
  EXPECT_TRUE(hkdf_sha256(Bytes(22, 0x0b), {}, {}, out));
  out.resize(255 * 32 + 1);
  EXPECT_FALSE(hkdf_sha256(Bytes(22, 0x0b), {}, {}, out));
}

TEST(Pbkdf2, Rfc7914) {
  Bytes out(64);
  ASSERT_TRUE(pbkdf2_sha256(bytes_of("passwd"), bytes_of("salt"), 1, out));
  EXPECT_EQ(to_hex(out),
            "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc"
            "49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783");
  ASSERT_TRUE(pbkdf2_sha256(bytes_of("Password"), bytes_of("NaCl"), 80000, out));
  EXPECT_EQ(to_hex(out),
            "4ddcd8f60b98be21830cee5ef22701f9641a4418d04c0414aeff08876b34ab56"
            "a1d425a1225833549adb841b51c9b3176a272bdebba1d078478f62b397f33c8d");
}

TEST(Sha256, Fips180) {
  std::array<std::uint8_t, 32> out{};
  ASSERT_TRUE(sha256(bytes_of("abc"), out));
  EXPECT_EQ(to_hex(out.data(), out.size()),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  ASSERT_TRUE(sha256({}, out));
  EXPECT_EQ(to_hex(out.data(), out.size()),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

}  // namespace e2ee::test
