// SPDX-License-Identifier: LGPL-2.1-or-later
#include "certificate.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <memory>

namespace fake {
namespace {

constexpr long kDay = 24 * 60 * 60;

template <auto Free>
using FreeWith = examples::FreeWith<Free>;

std::string text_of(BIO *memory) {
  char *text = nullptr;
  const long size = BIO_get_mem_data(memory, &text);
  return {text, static_cast<std::size_t>(size)};
}

void name_host(X509 *certificate, const std::string &address) {
  const std::unique_ptr<X509_EXTENSION, FreeWith<&X509_EXTENSION_free>> extension(
      X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, address.c_str()));
  X509_add_ext(certificate, extension.get(), -1);
}

}  // namespace

std::string Certificate::pem() const {
  const std::unique_ptr<EVP_PKEY, FreeWith<&EVP_PKEY_free>> key(EVP_EC_gen("P-256"));
  const std::unique_ptr<X509, FreeWith<&X509_free>> certificate(X509_new());
  X509 *x509 = certificate.get();
  X509_set_version(x509, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(x509), 1);
  X509_gmtime_adj(X509_getm_notBefore(x509), -30 * kDay);
  X509_gmtime_adj(X509_getm_notAfter(x509), days * kDay);
  X509_set_pubkey(x509, key.get());
  const std::string name = "test " + std::to_string(g_random_int());
  X509_NAME_add_entry_by_txt(X509_get_subject_name(x509), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char *>(name.c_str()), -1, -1, 0);
  X509_set_issuer_name(x509, X509_get_subject_name(x509));
  name_host(x509, address);
  X509_sign(x509, key.get(), EVP_sha256());

  const std::unique_ptr<BIO, FreeWith<&BIO_free>> memory(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(memory.get(), x509);
  PEM_write_bio_PrivateKey(memory.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  return text_of(memory.get());
}

examples::ObjectPtr<GTlsCertificate> tls_certificate(const std::string &pem) {
  GError *error = nullptr;
  examples::ObjectPtr<GTlsCertificate> certificate(
      g_tls_certificate_new_from_pem(pem.c_str(), static_cast<gssize>(pem.size()), &error));
  if (!certificate)
    g_error("no certificate: %s", error->message);
  return certificate;
}

}  // namespace fake
