/* SPDX-License-Identifier: LGPL-2.1-or-later */
// The loader itself: a vector that is not read must not pass for one that agrees.
#include <set>

#include "helpers.h"
#include "support/files.h"

namespace e2ee::test {

namespace {

// Points the loader at a folder for one test.
class ElsewhereGuard {
 public:
  explicit ElsewhereGuard(const std::string &folder) : before_(vectors::directory()) {
    setenv("E2EE_VECTORS", folder.c_str(), 1);
  }
  ~ElsewhereGuard() { setenv("E2EE_VECTORS", before_.c_str(), 1); }
  ElsewhereGuard(const ElsewhereGuard &) = delete;
  ElsewhereGuard &operator=(const ElsewhereGuard &) = delete;

 private:
  std::string before_;
};

// What the loader says of `text` as a file.
std::string error_of(const std::string &text) {
  const Folder folder;
  write_file(folder / "x.json", text);
  const ElsewhereGuard guard(folder.path());
  const std::vector<vectors::Record> records = vectors::load({"x.json"});
  EXPECT_EQ(records.size(), 1U);
  return records.empty() ? "" : records.back().error;
}

}  // namespace

namespace {
std::vector<vectors::Record> all_of_peers() {
  return vectors::load(
      {"livekit-frames.json", "livekit-realframes.json", "livekit-keyschedule.json",
       "livekit-negative.json", "livekit-crossversion.json", "livekit-state.json",
       "realtimekit-frames.json", "realtimekit-keyschedule.json", "realtimekit-state.json",
       "jitsi-frames.json", "jitsi-keyschedule.json", "jitsi-state.json", "sframe-libsframe.json"});
}
}  // namespace

TEST(Vectors, EveryIdIsThereOnce) {
  std::set<std::string> ids;
  for (const vectors::Record &record : all_of_peers()) {
    ASSERT_EQ(record.error, "");
    EXPECT_TRUE(record.file.starts_with(record.scheme + "-")) << record.id;
    EXPECT_TRUE(ids.insert(vectors::test_name(record.id)).second) << record.id << " is there twice";
  }
  EXPECT_GE(ids.size(), 284U);
}

TEST(Vectors, EachTypeHasATestOfItsOwn) {
  const std::set<std::string> known = {"frame",         "keyschedule", "negative", "sif",
                                       "ratchetwindow", "sequence",    "sender"};
  for (const vectors::Record &record : all_of_peers())
    EXPECT_EQ(known.count(record.type), 1U) << record.id << ": " << record.type;
}

TEST(Vectors, WhatIsMissingIsAnError) {
  const std::vector<vectors::Record> none = vectors::load({"no-such-file.json"});
  ASSERT_EQ(none.size(), 1U);
  EXPECT_NE(none[0].error, "");
  const std::vector<vectors::Record> no_type = vectors::load({"livekit-frames.json"}, {"nonsense"});
  ASSERT_EQ(no_type.size(), 1U);
  EXPECT_NE(no_type[0].error, "");
  const std::vector<vectors::Capture> captures = vectors::load_captures({"no-such-file.jsonl"});
  ASSERT_EQ(captures.size(), 1U);
  EXPECT_NE(captures[0].error, "");
  EXPECT_NE(vectors::capture_key("nobody").error, "");
  const ElsewhereGuard guard("/nonexistent");
  EXPECT_NE(vectors::load({"livekit-frames.json"})[0].error, "");
  EXPECT_NE(vectors::capture_key("lk").error, "");
}

TEST(Vectors, WhatIsBrokenIsAnError) {
  EXPECT_NE(error_of(""), "");
  EXPECT_NE(error_of("[]"), "");
  EXPECT_NE(error_of("[{"), "");
  EXPECT_NE(error_of("[1]"), "");
  EXPECT_NE(error_of(R"([{"id": "a"}])"), "") << "no type";
  EXPECT_NE(error_of(R"([{"type": "frame"}])"), "") << "no id";
  EXPECT_EQ(error_of(R"([{"id": "a", "type": "frame"}])"), "");
  EXPECT_NE(error_of(R"([{"id": "a", "type": "frame", "plaintextHex": "0g"}])"), "");
  EXPECT_NE(error_of(R"([{"id": "a", "type": "frame", "plaintextHex": "000"}])"), "");
  EXPECT_NE(error_of(R"([{"id": "a", "type": "frame", "plaintextLen": 3}])"), "") << "no hash";
  EXPECT_NE(error_of(R"([{"id": "a", "type": "frame", "clearBytes": "3"}])"), "");
  EXPECT_NE(error_of(R"([{"id": "a", "type": "frame", "clearBytes": -3}])"), "");
  EXPECT_NE(error_of(R"([{"id": "a", "type": "frame", "key": {"kind": "raw"}}])"), "");
}

TEST(Vectors, RecipesAreChecked) {
  const std::string start = R"([{"id": "a", "type": "frame", "plaintextLen": 3, "plaintextGen":
      {"prefixHex": "010203", "seed": "s", "len": 3, "algo": "prefix||SHA256(seed||be32(i))*"},
      "plaintextSha256": ")";
  EXPECT_EQ(error_of(start + sha256_hex({1, 2, 3}) + "\"}]"), "");
  EXPECT_NE(error_of(start + sha256_hex({1, 2, 4}) + "\"}]"), "");
}

TEST(Vectors, Hex) {
  EXPECT_EQ(from_hex("00fFA5"), (Bytes{0x00, 0xff, 0xa5}));
  EXPECT_EQ(from_hex(""), Bytes());
  EXPECT_FALSE(from_hex("0"));
  EXPECT_FALSE(from_hex("0x"));
  EXPECT_EQ(to_hex(Bytes{0x00, 0xff, 0xa5}), "00ffa5");
  EXPECT_EQ(vectors::test_name("lk-public-seq-2.23"), "lk_public_seq_2_23");
}

}  // namespace e2ee::test
