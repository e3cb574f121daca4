/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Loads the test vectors of tests/vectors (see the README there). For core and element tests alike;
// it depends on neither, and does its own hashing, so that it cannot share a fault with them.
//
// Nothing that is missing goes unnoticed: a file that cannot be read, or holds nothing of what was
// asked for, yields one record whose `error` says so. Tests assert that `error` is empty.
#pragma once

#include <gtest/gtest.h>

#include <initializer_list>
#include <iosfwd>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "support/bytes.h"

namespace e2ee::test::vectors {

/// Bytes that a file gives as hex, by a recipe, or (`whole` is false) by length and hash alone.
struct Blob {
  bool given = false;
  bool whole = false;
  Bytes bytes;
  std::size_t size = 0;
  std::string sha256;  // empty for hex

  /// Whether `other` is what this stands for.
  bool matches(const Bytes &other) const;
};

struct KeySpec {
  std::string kind;   // passphrase, raw, ...
  std::string value;  // of a passphrase
  Bytes bytes;        // of either kind
  std::string salt;
  unsigned key_size = 0;
  unsigned ring_size = 0;
  unsigned index = 0;
  unsigned ratchets = 0;

  bool passphrase() const { return kind == "passphrase"; }
  /// Where in the ring the key is, and what the trailer says.
  unsigned slot() const { return ring_size == 0 ? index : index % ring_size; }
};

struct Derived {
  Bytes material;
  Bytes key;
};

/// Of a key schedule (ratchets, material, key) or of a sequence (the others).
struct Step {
  unsigned ratchets = 0;
  Bytes material;
  Bytes key;
  std::string op;
  Bytes input;
  Bytes plaintext;
  std::string result;
};

struct ReceiverOptions {
  std::optional<unsigned> start_ratchets;
  std::optional<unsigned> ratchet_window;
  std::optional<int> failure_tolerance;
  std::optional<bool> enabled;  // none: never signalled
  std::optional<unsigned> current_key_index;
  std::optional<unsigned> also_index;
  Bytes also_key;
};

struct SenderOptions {
  bool enabled = true;
  bool has_key = true;
  std::string op;
};

struct Expect {
  std::string encode;  // enqueue, drop, throw:NAME, or another peer's result
  std::string decode;
  bool unchanged = false;
  std::string by_formula;
  std::optional<int> error_code;
};

struct Record {
  std::string error;  // not empty: nothing else here counts
  std::string file;
  std::string id;
  std::string scheme;
  std::string type;
  std::string codec;
  std::string frame_type;  // key, delta, or empty
  std::string base;
  KeySpec key;
  Derived derived;
  Blob plaintext;
  Blob ciphertext;
  std::optional<Bytes> decoded;
  std::optional<Bytes> iv;
  std::optional<Bytes> aad;
  std::optional<std::size_t> clear_bytes;
  Bytes trailer;
  std::optional<unsigned> ring_slot;
  std::vector<Step> steps;
  std::optional<Bytes> input;
  std::optional<Bytes> sif_trailer;
  ReceiverOptions receiver;
  SenderOptions sender;
  Expect expect;
  /// Every member that is a string, number or boolean, as text, by its name in the file. For what
  /// has no field above, such as SFrame's; of RFC 9605's own file there is nothing else.
  std::map<std::string, std::string> fields;

  const std::string &field(const std::string &name) const;  // empty when there is none
  std::uint64_t number(const std::string &name) const;
  Bytes hex(const std::string &name) const;
};

/// One frame that a media server passed on, as it came out of the RTP depayloader.
struct Capture {
  std::string error;
  std::string id;  // lk-script-vp8-17
  std::string scheme;
  std::string codec;
  unsigned n = 0;
  bool key = false;
  std::size_t size = 0;  // that the file states
  Bytes data;

  /// What capture_key() takes.
  std::string key_name() const { return id.substr(0, id.find('-')); }
};

struct CaptureKey {
  std::string error;
  std::string password;
  std::string salt;
  Bytes key;
};

/// Where the vectors are: $E2EE_VECTORS, else where this was built.
std::string directory();

/// The records of `files` whose type is among `types`; all types when there are none.
std::vector<Record> load(std::initializer_list<const char *> files,
                         std::initializer_list<const char *> types = {});

/// The frames of captures/NAME for each of `files`.
std::vector<Capture> load_captures(std::initializer_list<const char *> files);

/// The key of the captures whose names start with `prefix`, "lk" or "rtk".
CaptureKey capture_key(const std::string &prefix);

/// By OpenSSL alone; none when the tag does not verify.
std::optional<Bytes> opened_by_hand(const Capture &capture, const Bytes &key);

/// What is wrong with a `negative` record's frame: "empty", "malformed", "missing-key" or "auth".
std::string fault_of(const Record &record);

/// An id as GoogleTest takes it.
std::string test_name(std::string_view id);

/// For GoogleTest's messages, which would dump an object's memory otherwise.
std::ostream &operator<<(std::ostream &to, const Record &record);
std::ostream &operator<<(std::ostream &to, const Capture &capture);

}  // namespace e2ee::test::vectors

namespace e2ee::test {

/// A test of one record, which could be read.
template <typename Item>
class OfVector : public testing::TestWithParam<Item> {
 protected:
  const Item &record() const { return this->GetParam(); }
  void SetUp() override { ASSERT_EQ(record().error, ""); }
};

/// Names a test after the record it runs.
inline constexpr auto kIdOfRecord = [](const auto &test) {
  return vectors::test_name(test.param.id);
};

}  // namespace e2ee::test
