/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Wycheproof's AES-GCM, HKDF and PBKDF2 cases (https://github.com/C2SP/wycheproof). The files are
// not part of this tree: E2EE_WYCHEPROOF names the folder testvectors_v1 of a checkout.
#include <cstdlib>
#include <map>

#include "core/kdf.h"
#include "helpers.h"
#include "support/json.h"

namespace e2ee::test {

namespace {

using vectors::JsonView;

class Wycheproof : public testing::Test {
 protected:
  void SetUp() override {
    const char *folder = std::getenv("E2EE_WYCHEPROOF");
    if (folder == nullptr)
      GTEST_SKIP() << "E2EE_WYCHEPROOF is not set";
    folder_ = folder;
  }

  // Calls `use` with each group and each of its cases. A file that cannot be read throws, which
  // fails the test.
  void each(const std::string &file,
            const std::function<void(const JsonView &group, const JsonView &test)> &use) const {
    vectors::parse_json(vectors::read_file(folder_ + "/" + file), [&](JsonNode *root) {
      JsonView(root).each("testGroups", [&](JsonNode *group) {
        const JsonView view(group);
        view.each("tests", [&](JsonNode *test) { use(view, JsonView(test)); });
      });
    });
  }

  std::string folder_;
};

bool valid(const JsonView &test) {
  return test.text("result") == "valid";
}

std::string id_of(const JsonView &test) {
  return "tcId " + std::to_string(test.unsigned_or("tcId", 0)) + ' ' + test.text("comment");
}

void check_gcm(const JsonView &test) {
  SCOPED_TRACE(id_of(test));
  const Bytes key = test.bytes("key");
  const Bytes aad = test.bytes("aad");
  const Bytes plain = test.bytes("msg");
  const Bytes tag = test.bytes("tag");
  const Iv iv = iv_from(test.bytes("iv"));
  Bytes out(plain.size());
  Bytes own_tag(kTagSize);
  const std::unique_ptr<Aead> seal = make_aead(key, Direction::seal);
  ASSERT_TRUE(seal && seal->seal(iv, aad, plain, out.data(), own_tag.data()));
  EXPECT_EQ(out == test.bytes("ct") && own_tag == tag, valid(test));
  out = test.bytes("ct");
  const std::unique_ptr<Aead> open = make_aead(key, Direction::open);
  ASSERT_TRUE(open);
  EXPECT_EQ(open->open(iv, aad, out, out.data(), tag.data()), valid(test));
  EXPECT_TRUE(!valid(test) || out == plain);
}

}  // namespace

TEST_F(Wycheproof, AesGcm) {
  std::map<std::string, unsigned> left_out;
  unsigned run = 0;
  unsigned invalid = 0;
  each("aes_gcm_test.json", [&](const JsonView &group, const JsonView &test) {
    const unsigned key = group.unsigned_or("keySize", 0);
    const unsigned iv = group.unsigned_or("ivSize", 0);
    const unsigned tag = group.unsigned_or("tagSize", 0);
    if ((key == 128 || key == 256) && iv == 96 && tag == 128) {
      check_gcm(test);
      ++run;
      invalid += valid(test) ? 0 : 1;
    } else {
      ++left_out["key " + std::to_string(key) + ", IV " + std::to_string(iv) + ", tag " +
                 std::to_string(tag)];
    }
  });
  EXPECT_GE(run, 133U);
  EXPECT_GE(invalid, 54U);
  for (const auto &[group, count] : left_out)
    std::cout << "not for us: " << count << " cases with " << group << '\n';
}

TEST_F(Wycheproof, Hkdf) {
  unsigned run = 0;
  each("hkdf_sha256_test.json", [&](const JsonView &, const JsonView &test) {
    SCOPED_TRACE(id_of(test));
    Bytes out(test.unsigned_or("size", 0));
    const bool done = hkdf_sha256(test.bytes("ikm"), test.bytes("salt"), test.bytes("info"), out);
    EXPECT_EQ(done, valid(test));
    EXPECT_TRUE(!done || out == test.bytes("okm"));
    ++run;
  });
  EXPECT_GE(run, 80U);
}

TEST_F(Wycheproof, Pbkdf2) {
  unsigned run = 0;
  each("pbkdf2_hmacsha256_test.json", [&](const JsonView &, const JsonView &test) {
    SCOPED_TRACE(id_of(test));
    Bytes out(test.unsigned_or("dkLen", 0));
    ASSERT_TRUE(pbkdf2_sha256(test.bytes("password"), test.bytes("salt"),
                              test.unsigned_or("iterationCount", 0), out));
    EXPECT_EQ(out, test.bytes("dk"));
    ++run;
  });
  EXPECT_GE(run, 50U);
}

}  // namespace e2ee::test
