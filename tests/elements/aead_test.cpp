/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Which AEAD back end is at work is told, and GST_E2EE_AEAD chooses it.
#include <openssl/evp.h>

#include <cstdlib>
#include <mutex>

#include "support/element.h"

namespace e2ee::test {
namespace {

bool is_known(const std::string &name) {
  return name == "openssl" || name == "ipsec-mb";
}

// What elements tell with this value of the variable, and what their frames are worth to each
// other; in a process of its own, which exits with 0 when all is well.
[[noreturn]] void work_with(const char *value, bool (*expected)(const std::string &name)) {
  g_setenv("GST_E2EE_AEAD", value, TRUE);
  const Provider provider = raw_provider(1);
  Element encryptor("e2eeencrypt", provider);
  Element decryptor("e2eedecrypt", provider);
  const Bytes frame = vp8_key(500);
  const auto sealed = encryptor.start(kVp8).pass(frame);
  const bool opened = sealed && decryptor.start(kVp8).pass(*sealed) == frame;
  const std::string name = encryptor.text_stat("aead");
  std::_Exit(opened && expected(name) && decryptor.text_stat("aead") == name ? 0 : 1);
}

// Exits with 0 when the element fails to start and says why, once.
[[noreturn]] void fail_to_start_with(const std::string &value) {
  g_setenv("GST_E2EE_AEAD", value.c_str(), TRUE);
  EVP_default_properties_enable_fips(nullptr, 1);
  Element element("e2eeencrypt", raw_provider(1));
  if (gst_element_set_state(element.get(), GST_STATE_READY) != GST_STATE_CHANGE_FAILURE)
    std::_Exit(1);
  const BusLog log = element.bus();
  const bool told = log.errors.size() == 1 &&
                    log.errors[0].find("GST_E2EE_AEAD=" + value) != std::string::npos &&
                    log.errors[0].find("unset") != std::string::npos;
  std::_Exit(told ? 0 : 2);
}

class AeadVariable : public testing::Test {
 protected:
  AeadVariable() { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

}  // namespace

TEST(Aead, IsNamedInStatsAndAudit) {
  struct Told {
    std::mutex mutex;
    std::string aead;
  } told;
  const auto note = +[](GstE2EEKeyProvider *, const GstStructure *use, Told *to) {
    std::lock_guard lock(to->mutex);
    to->aead = gst_structure_get_string(use, "aead");
  };
  const Provider provider = raw_provider(1);
  const gulong handler = g_signal_connect(provider.get(), "key-used", G_CALLBACK(note), &told);
  std::string name;
  {
    Element encryptor("e2eeencrypt", provider);
    ASSERT_TRUE(encryptor.start(kVp8).pass(vp8_key(500)));
    name = encryptor.text_stat("aead");
    EXPECT_TRUE(is_known(name)) << name;
  }
  gst_e2ee_key_provider_sync(provider.get());
  g_signal_handler_disconnect(provider.get(), handler);
  std::lock_guard lock(told.mutex);
  EXPECT_EQ(told.aead, name);
}

// Suite 1 is AES-CTR with HMAC, which is OpenSSL's wherever AES-GCM comes from.
TEST(Aead, OfCtrAndHmacIsOpenssl) {
  Element encryptor("e2eeencrypt", raw_provider(1));
  encryptor.set("scheme", "sframe");
  encryptor.set("sframe-suite", "1");
  ASSERT_TRUE(encryptor.start(kVp8).pass(vp8_key(500)));
  EXPECT_EQ(encryptor.text_stat("aead"), "openssl");
}

TEST_F(AeadVariable, Chooses) {
  const auto openssl = [](const std::string &name) { return name == "openssl"; };
  EXPECT_EXIT(work_with("openssl", openssl), testing::ExitedWithCode(0), "");
}

TEST_F(AeadVariable, FailsTheStartWhereItIsUnknown) {
  EXPECT_EXIT(fail_to_start_with("OpenSSL"), testing::ExitedWithCode(0), "");
}

TEST_F(AeadVariable, FailsTheStartWhereItCannotBeHad) {
  EXPECT_EXIT(fail_to_start_with("ipsec-mb"), testing::ExitedWithCode(0), "");
}

}  // namespace e2ee::test
