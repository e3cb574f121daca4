// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <openssl/evp.h>

#include <memory>
#include <string>
#include <vector>

#include "common/gst_ptr.h"

namespace recorder {

using examples::Failure;
using PkeyPtr = std::unique_ptr<EVP_PKEY, examples::FreeWith<&EVP_PKEY_free>>;

// Ed25519. Both throw Refused, with the command that makes such a key.
class PublicKey {
 public:
  explicit PublicKey(PkeyPtr key) : key_(std::move(key)) {}
  // PEM, as `openssl pkey -pubout` writes it.
  static PublicKey from_file(const std::string &path);

  bool verifies(const std::string &text, const std::string &signature_hex) const;
  std::string hex() const;          // the 32 bytes
  std::string fingerprint() const;  // SHA-256 of the key in DER, as hex

 private:
  PkeyPtr key_;
};

class SigningKey {
 public:
  // PEM, as `openssl genpkey` writes it. `notices` gets a line when others can read the file.
  static SigningKey from_file(const std::string &path, std::vector<std::string> &notices);

  std::string sign(const std::string &text) const;  // hex
  PublicKey public_key() const;

 private:
  explicit SigningKey(PkeyPtr key) : key_(std::move(key)) {}

  PkeyPtr key_;
};

std::string sha256_hex(const std::string &data);

}  // namespace recorder
