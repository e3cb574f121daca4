// SPDX-License-Identifier: LGPL-2.1-or-later
#include "sessionkeys.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include <array>
#include <utility>

namespace camera {
namespace {

using examples::Error;
using examples::Failure;

constexpr gsize kKeySize = 32;           // what AES-256 with HMAC-SHA-512 is worth
constexpr guint kFirst = 1, kLast = 15;  // key indices: HomeKit's first KID, 0x100, is index 1

// Overwritten at its end.
class DrawnKey {
 public:
  DrawnKey() {
    if (getrandom(bytes_.data(), bytes_.size(), 0) != static_cast<ssize_t>(bytes_.size()))
      throw Failure("the system gives no random numbers");
  }
  ~DrawnKey() { explicit_bzero(bytes_.data(), bytes_.size()); }
  DrawnKey(const DrawnKey &) = delete;
  DrawnKey &operator=(const DrawnKey &) = delete;

  const std::array<unsigned char, kKeySize> &bytes() const { return bytes_; }

 private:
  std::array<unsigned char, kKeySize> bytes_;
};

// Never over a file that is there: it may be another session's key, or a link to something else.
void write_new_file(const std::string &file, const DrawnKey &key) {
  const int to = open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  const bool written =
      to >= 0 && write(to, key.bytes().data(), kKeySize) == static_cast<ssize_t>(kKeySize);
  const int why = errno;
  if (to >= 0)
    close(to);
  if (to >= 0 && !written)
    unlink(file.c_str());  // so that the name can be used again
  if (!written)
    throw Failure("key-file " + file + ": " + g_strerror(why));
}

guint next(guint index) {
  return index < kLast ? index + 1 : kFirst;
}

}  // namespace

SessionKeys::SessionKeys(unsigned ratchet_bits)
    : ratchet_bits_(ratchet_bits),
      provider_(GST_E2EE_SHARED_KEY_PROVIDER(gst_e2ee_shared_key_provider_new())) {}

guint64 SessionKeys::draw(const std::string &file) {
  const DrawnKey key;
  write_new_file(file, key);
  forget_retired();
  const guint index = next(used_);
  GBytes *bytes = g_bytes_new_static(key.bytes().data(), kKeySize);
  Error error;
  gst_e2ee_shared_key_provider_set_key(provider_.get(), bytes, index, error.out());
  g_bytes_unref(bytes);
  error.check("the key that was drawn");
  drawn_ = index;
  return kid(index);
}

guint64 SessionKeys::use() {
  if (drawn_ == 0)
    throw Failure("no new key was drawn: ask for \"update\" first");
  Error error;
  gst_e2ee_shared_key_provider_set_current_index(provider_.get(), drawn_, error.out());
  error.check("the new key");
  retired_ = std::exchange(used_, std::exchange(drawn_, 0));
  steps_ = 0;
  return kid(used_);
}

// Not at once: a frame may be on its way with it.
void SessionKeys::forget_retired() {
  if (const guint index = std::exchange(retired_, 0); index != 0)
    gst_e2ee_shared_key_provider_remove_key(provider_.get(), index, nullptr);
}

guint64 SessionKeys::ratchet() {
  Error error;
  gst_e2ee_shared_key_provider_ratchet(provider_.get(), used_, error.out());
  error.check("the ratchet");
  ++steps_;
  return kid(used_) | (steps_ & ((guint64{1} << ratchet_bits_) - 1));
}

}  // namespace camera
