// SPDX-License-Identifier: LGPL-2.1-or-later
#include "ivcheck.h"

#include <openssl/evp.h>
#include <openssl/rand.h>

#include <cstring>
#include <memory>

#include "common/gst_ptr.h"

namespace recorder {

namespace {

constexpr std::size_t kFirstSize = 1 << 12;  // a power of two
constexpr std::size_t kMostTold = 20;

struct FreeContext {
  void operator()(EVP_MD_CTX *context) const { EVP_MD_CTX_free(context); }
};

}  // namespace

IvCheck::IvCheck() : table_(kFirstSize) {
  if (RAND_bytes(secret_, sizeof secret_) != 1)
    throw examples::Failure("the system gives no random numbers");
}

// Frames may be made so that plain hashes collide.
std::uint64_t IvCheck::hash(std::span<const std::uint8_t> first,
                            std::span<const std::uint8_t> second) {
  thread_local const std::unique_ptr<EVP_MD_CTX, FreeContext> context(EVP_MD_CTX_new());
  std::uint8_t digest[32];
  const std::uint64_t size = first.size();
  if (EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) != 1 ||
      EVP_DigestUpdate(context.get(), secret_, sizeof secret_) != 1 ||
      EVP_DigestUpdate(context.get(), &size, sizeof size) != 1 ||
      EVP_DigestUpdate(context.get(), first.data(), first.size()) != 1 ||
      EVP_DigestUpdate(context.get(), second.data(), second.size()) != 1 ||
      EVP_DigestFinal_ex(context.get(), digest, nullptr) != 1)
    throw examples::Failure("SHA-256 does not work");
  std::uint64_t value;
  std::memcpy(&value, digest, sizeof value);
  return value == 0 ? 1 : value;
}

// Its entry, or the empty one where it belongs.
IvCheck::Entry &IvCheck::find(std::uint64_t iv) {
  std::size_t at = iv & (table_.size() - 1);
  while (table_[at].iv != 0 && table_[at].iv != iv)
    at = (at + 1) & (table_.size() - 1);
  return table_[at];
}

void IvCheck::grow() {
  std::vector<Entry> old(table_.size() * 2);
  old.swap(table_);
  for (const Entry &entry : old) {
    if (entry.iv != 0)
      find(entry.iv) = entry;
  }
}

IvCheck::Verdict IvCheck::add(const std::string &key, std::span<const std::uint8_t> iv,
                              std::span<const std::uint8_t> frame, const Repeat &where) {
  const std::uint64_t iv_hash =
      hash({reinterpret_cast<const std::uint8_t *>(key.data()), key.size()}, iv);
  const std::uint64_t frame_hash = hash(frame, {});
  Entry &entry = find(iv_hash);
  if (entry.iv == 0) {
    entry = {iv_hash, frame_hash};
    if (++used_ * 2 > table_.size())
      grow();
    return Verdict::kNew;
  }
  const bool replay = entry.frame == frame_hash;
  ++(replay ? replays_ : reused_);
  if (first_ones_.size() < kMostTold) {
    first_ones_.push_back(where);
    first_ones_.back().replay = replay;
  }
  return replay ? Verdict::kReplay : Verdict::kReused;
}

// Where all of a frame is its IV, another frame has another one.
IvCheck::Verdict IvCheck::add_closed(std::span<const std::uint8_t> frame, const Repeat &where) {
  return add("closed", frame, frame, where);
}

}  // namespace recorder
