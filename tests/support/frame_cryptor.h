/* SPDX-License-Identifier: LGPL-2.1-or-later */
// A GstE2EEFrameCryptor as tests use it: bytes in, bytes out.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "support/bus.h"
#include "support/frames.h"
#include "support/providers.h"

namespace e2ee::test {

class FrameCryptor {
 public:
  /// `properties`: names and values beside the provider, as text.
  using Properties = std::vector<std::pair<const char *, std::string>>;
  explicit FrameCryptor(const Provider &provider, const Properties &properties = {});
  ~FrameCryptor() { g_object_unref(cryptor_); }
  FrameCryptor(const FrameCryptor &) = delete;
  FrameCryptor &operator=(const FrameCryptor &) = delete;

  GstE2EEFrameCryptor *get() const { return cryptor_; }

  bool set_caps(const char *text) { return set_caps(Caps(gst_caps_from_string(text))); }
  bool set_caps(const Caps &caps);
  const Caps &encrypted_caps() const { return encrypted_; }
  const Caps &decrypted_caps() const { return decrypted_; }

  bool prepare(GstClockTime timeout = 10 * GST_SECOND) {
    return gst_e2ee_frame_cryptor_prepare(cryptor_, timeout, error.at());
  }
  /// Both, which has to work.
  FrameCryptor &start(const char *caps);

  Buffer encrypt(Buffer frame) {
    return Buffer(gst_e2ee_frame_cryptor_encrypt(cryptor_, frame.release(), error.at()));
  }
  Buffer decrypt(Buffer frame) {
    return Buffer(gst_e2ee_frame_cryptor_decrypt(cryptor_, frame.release(), error.at()));
  }
  std::optional<Bytes> encrypt(const Bytes &frame) { return contents(encrypt(buffer_of(frame))); }
  std::optional<Bytes> decrypt(const Bytes &frame) { return contents(decrypt(buffer_of(frame))); }

  guint64 stat(const char *name) const { return stat_of(cryptor_, name); }

  Error error;  // of the last call

 private:
  static std::optional<Bytes> contents(const Buffer &buffer) {
    return buffer ? std::optional(bytes_of(buffer.get())) : std::nullopt;
  }

  GstE2EEFrameCryptor *cryptor_;
  Caps encrypted_;
  Caps decrypted_;
};

}  // namespace e2ee::test
