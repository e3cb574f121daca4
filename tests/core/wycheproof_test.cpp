/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Wycheproof's AES-GCM, HKDF and PBKDF2 cases (https://github.com/C2SP/wycheproof).
#include "core/kdf.h"
#include "helpers.h"
#include "support/json.h"

namespace e2ee::test {

namespace {

using vectors::JsonView;

// Calls `use` with each case of a file. One that cannot be read throws, which fails the test.
void each_case(const std::string &file, const std::function<void(const JsonView &test)> &use) {
  const std::string path = vectors::directory() + "/wycheproof/" + file;
  vectors::parse_json(vectors::read_or_throw(path), [&](JsonNode *root) {
    JsonView(root).each("testGroups", [&](JsonNode *group) {
      JsonView(group).each("tests", [&](JsonNode *test) { use(JsonView(test)); });
    });
  });
}

bool valid(const JsonView &test) {
  return test.text("result") == "valid";
}

std::string id_of(const JsonView &test) {
  return "tcId " + std::to_string(test.unsigned_or("tcId", 0)) + ' ' + test.text("comment");
}

void check_gcm(const AeadBackend &backend, const JsonView &test) {
  SCOPED_TRACE(backend.name + (' ' + id_of(test)));
  const Bytes key = test.bytes("key");
  const Bytes aad = test.bytes("aad");
  const Bytes plain = test.bytes("msg");
  const Bytes tag = test.bytes("tag");
  const Iv iv = iv_from(test.bytes("iv"));
  Bytes out(plain.size());
  Bytes own_tag(kTagSize);
  const std::unique_ptr<Aead> seal = backend.create(key, Direction::seal);
  ASSERT_TRUE(seal && seal->seal(iv, aad, plain, out.data(), own_tag.data()));
  EXPECT_EQ(out == test.bytes("ct") && own_tag == tag, valid(test));
  out = test.bytes("ct");
  const std::unique_ptr<Aead> open = backend.create(key, Direction::open);
  ASSERT_TRUE(open);
  const Reason expected = valid(test) ? Reason::ok : Reason::auth_failed;
  EXPECT_EQ(open->open(iv, aad, out, out.data(), tag.data()), expected);
  EXPECT_EQ(out, valid(test) ? plain : Bytes(plain.size(), 0));
}

}  // namespace

TEST(Wycheproof, AesGcm) {
  unsigned run = 0;
  unsigned invalid = 0;
  each_case("aes_gcm_test.json", [&](const JsonView &test) {
    for (const AeadBackend *backend : usable_backends())
      check_gcm(*backend, test);
    ++run;
    invalid += valid(test) ? 0 : 1;
  });
  EXPECT_EQ(run, 133U);
  EXPECT_EQ(invalid, 54U);
}

TEST(Wycheproof, Hkdf) {
  unsigned run = 0;
  each_case("hkdf_sha256_test.json", [&](const JsonView &test) {
    SCOPED_TRACE(id_of(test));
    Bytes out(test.unsigned_or("size", 0));
    const bool done = hkdf_sha256(test.bytes("ikm"), test.bytes("salt"), test.bytes("info"), out);
    EXPECT_EQ(done, valid(test));
    EXPECT_TRUE(!done || out == test.bytes("okm"));
    ++run;
  });
  EXPECT_EQ(run, 86U);
}

TEST(Wycheproof, Pbkdf2) {
  unsigned run = 0;
  each_case("pbkdf2_hmacsha256_test.json", [&](const JsonView &test) {
    SCOPED_TRACE(id_of(test));
    Bytes out(test.unsigned_or("dkLen", 0));
    ASSERT_TRUE(pbkdf2_sha256(test.bytes("password"), test.bytes("salt"),
                              test.unsigned_or("iterationCount", 0), out));
    EXPECT_EQ(out, test.bytes("dk"));
    ++run;
  });
  EXPECT_EQ(run, 60U);
}

}  // namespace e2ee::test
