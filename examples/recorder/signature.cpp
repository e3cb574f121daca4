// SPDX-License-Identifier: LGPL-2.1-or-later
#include "signature.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/hex.h"
#include "common/program.h"

namespace recorder {

using examples::Refused;

namespace {

using BioPtr = std::unique_ptr<BIO, examples::FreeWith<&BIO_free>>;
using DigestPtr = std::unique_ptr<EVP_MD_CTX, examples::FreeWith<&EVP_MD_CTX_free>>;

constexpr std::size_t kSignatureSize = 64;
constexpr char kMake[] = "openssl genpkey -algorithm ed25519 -out audit.pem";
constexpr char kMakePublic[] = "openssl pkey -in audit.pem -pubout -out audit.pub";

// Lower case only: a signature has one way to be written, so that no byte of a log can change.
bool bytes_of_hex(const std::string &text, std::vector<unsigned char> &bytes) {
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    const int high = g_ascii_xdigit_value(text[i]);
    const int low = g_ascii_xdigit_value(text[i + 1]);
    if (high < 0 || low < 0)
      return false;
    bytes.push_back(static_cast<unsigned char>(high << 4 | low));
  }
  return examples::hex_of(bytes.data(), bytes.size()) == text;
}

BioPtr open_file(const std::string &path, const char *what) {
  BioPtr file(BIO_new_file(path.c_str(), "rb"));
  if (!file) {
    const int why = errno;
    ERR_clear_error();
    throw Refused(path + ": cannot read the " + what + ": " + strerror(why));
  }
  return file;
}

// Without this OpenSSL asks at the terminal.
int no_password(char *, int, int, void *) {
  return -1;
}

PkeyPtr read_private(const std::string &path, const char *what) {
  PkeyPtr key(PEM_read_bio_PrivateKey(open_file(path, what).get(), nullptr, no_password, nullptr));
  ERR_clear_error();
  return key;
}

bool is_ed25519(const PkeyPtr &key) {
  return key && EVP_PKEY_get_id(key.get()) == EVP_PKEY_ED25519;
}

}  // namespace

PublicKey PublicKey::from_file(const std::string &path) {
  PkeyPtr key(
      PEM_read_bio_PUBKEY(open_file(path, "public key").get(), nullptr, no_password, nullptr));
  ERR_clear_error();
  if (is_ed25519(key))
    return PublicKey(std::move(key));
  if (read_private(path, "public key"))
    throw Refused(path +
                  ": this is a private key, which only the recorder needs; take its public "
                  "half: " +
                  kMakePublic);
  throw Refused(path + ": is not an Ed25519 public key in PEM; make one from the recorder's key: " +
                kMakePublic);
}

bool PublicKey::verifies(const std::string &text, const std::string &signature_hex) const {
  std::vector<unsigned char> signature;
  if (signature_hex.size() != 2 * kSignatureSize || !bytes_of_hex(signature_hex, signature))
    return false;
  const DigestPtr context(EVP_MD_CTX_new());
  const bool good =
      context && EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key_.get()) == 1 &&
      EVP_DigestVerify(context.get(), signature.data(), signature.size(),
                       reinterpret_cast<const unsigned char *>(text.data()), text.size()) == 1;
  ERR_clear_error();
  return good;
}

std::string PublicKey::hex() const {
  unsigned char bytes[32];
  std::size_t size = sizeof bytes;
  if (EVP_PKEY_get_raw_public_key(key_.get(), bytes, &size) != 1)
    throw Failure("OpenSSL does not hand out the public key");
  return examples::hex_of(bytes, size);
}

std::string PublicKey::fingerprint() const {
  unsigned char *der = nullptr;
  const int size = i2d_PUBKEY(key_.get(), &der);
  if (size <= 0)
    throw Failure("OpenSSL does not encode the public key");
  const std::string bytes(reinterpret_cast<char *>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  return sha256_hex(bytes);
}

SigningKey SigningKey::from_file(const std::string &path, std::vector<std::string> &notices) {
  PkeyPtr key = read_private(path, "signing key");
  if (!is_ed25519(key))
    throw Refused(path +
                  ": is not an Ed25519 private key in PEM without a password; make one: " + kMake);
  struct stat info;
  if (stat(path.c_str(), &info) == 0 && (info.st_mode & (S_IROTH | S_IWOTH)) != 0)
    notices.push_back(path + ": other users can read this key; chmod 600 keeps it to you");
  return SigningKey(std::move(key));
}

std::string SigningKey::sign(const std::string &text) const {
  unsigned char signature[kSignatureSize];
  std::size_t size = sizeof signature;
  const DigestPtr context(EVP_MD_CTX_new());
  if (!context || EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key_.get()) != 1 ||
      EVP_DigestSign(context.get(), signature, &size,
                     reinterpret_cast<const unsigned char *>(text.data()), text.size()) != 1) {
    ERR_clear_error();
    throw Failure("OpenSSL could not sign a record of the audit log");
  }
  return examples::hex_of(signature, size);
}

PublicKey SigningKey::public_key() const {
  EVP_PKEY_up_ref(key_.get());
  return PublicKey(PkeyPtr(key_.get()));
}

std::string sha256_hex(const std::string &data) {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char *>(data.data()), data.size(), digest);
  return examples::hex_of(digest, sizeof digest);
}

}  // namespace recorder
