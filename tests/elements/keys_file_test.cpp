/* SPDX-License-Identifier: LGPL-2.1-or-later */
// keys.ini: what it gives, what is wrong with it, what loading it again changes.
#include "support/element.h"
#include "support/files.h"

namespace e2ee::test {
namespace {

constexpr char kHexA[] = "000102030405060708090a0b0c0d0e0f";

bool opens(const char *who, const Provider &provider, const Bytes &frame) {
  return End("e2eedecrypt", provider, who).pass(frame) == kPlain;
}

struct Mistake {
  const char *name;
  const char *text;
  const char *place;  // as the error names it
};

void PrintTo(const Mistake &mistake, std::ostream *to) {
  *to << mistake.name;
}

class KeysFileMistake : public testing::TestWithParam<Mistake> {};

#define KEY "key=5ec4e75ec4e75ec4e75ec4e75ec4e75e\n"
const Mistake kMistakes[] = {
    {"NoKey", "[m]\nidentity=x\n", "[m] passphrase:"},
    {"UnknownField", "[m]\npassfrase=5ec4e7\n", "[m] passfrase:"},
    {"KeyWithoutAName", "[m]\n5ec4e75ec4e75ec4e75ec4==\n", "[m] a line:"},
    {"ShortSecretWithoutAName", "[m]\n5ec4e7=x\n", "[m] a line:"},
    {"OddHex", "[m]\nkey=5ec4e75ec4e75ec4e75ec4e75ec4e75ec\n", "[m] key:"},
    {"NotHex", "[m]\nkey=5ec4e7-not-hex-digits-at-all-5ec4\n", "[m] key:"},
    {"ShortKey", "[m]\nkey.2=5ec4e7\n", "[m] key.2:"},
    {"EmptyKey", "[m]\nkey=\n", "[m] key:"},
    {"EmptyPassphrase", "[m]\npassphrase.3=\n", "[m] passphrase.3:"},
    {"NotUtf8", "[m]\npassphrase=5ec4e7\xff\xfe\n", "[m] passphrase:"},
    {"EmptyIdentity", "[m]\nidentity=\n" KEY, "[m] identity:"},
    {"IndexIsNoNumber", "[m]\nindex=one\n" KEY, "[m] index:"},
    {"IndexOutsideTheRing", "[m]\nindex=16\n" KEY, "[m] index:"},
    {"IndexNegative", "[m]\nindex=-1\n" KEY, "[m] index:"},
    {"SuffixIsNoNumber", "[m]\npassphrase.5ec4e7=x\n", "[m] passphrase.N:"},
    {"SuffixOutsideTheRing", "[m]\npassphrase.16=5ec4e7\n", "[m] passphrase.16:"},
    {"OneIndexTwice", "[m]\npassphrase=5ec4e7\nkey.0=5ec4e7\n", "[m] key.0:"},
    {"CurrentIsNoNumber", "[m]\ncurrent=x\n" KEY, "[m] current:"},
    {"CurrentHasNoKey", "[m]\ncurrent=4\n" KEY, "[m] current:"},
    {"OneIdentityTwice", "[a]\nidentity=x\n" KEY "[m]\nidentity=x\n" KEY, "[m] identity:"},
    {"BehindAGoodOne", "[a]\n" KEY "[m]\nkey=5ec4e7\n", "[m] key:"},
    {"NoGroup", "passphrase=5ec4e7\n", "groups"},
    {"NoKeyFile", "[m]\n5ec4e7 and nothing else\n", "groups"},
    {"NoParticipant", "# 5ec4e7\n", "participant"},
    {"Empty", "", "empty"},
};
#undef KEY

}  // namespace

// The error names file, group and key and never a value; the keys that were there stay.
TEST_P(KeysFileMistake, R18_IsNamedAndChangesNothing) {
  const Provider provider = new_ring();
  set_key(provider, "alice", 0xa1);
  End decryptor("e2eedecrypt", provider, "alice");
  const KeyFile file("keys.ini", GetParam().text);
  Error error;
  EXPECT_FALSE(gst_e2ee_participant_key_provider_load_keys_file(ring_of(provider),
                                                                file.path().c_str(), error.at()));
  EXPECT_TRUE(error.is(GST_E2EE_ERROR_PARSE)) << error.text();
  for (const std::string &named : {file.path(), std::string(GetParam().place)})
    EXPECT_NE(error.text().find(named), std::string::npos) << named << " in " << error.text();
  EXPECT_EQ(error.text().find("5ec4e7"), std::string::npos) << error.text();
  EXPECT_EQ(decryptor.pass(sealed_by("alice", provider, kPlain)), kPlain);
  for (const char *who : {"a", "m", "x"}) {
    g_autoptr(GstE2EEKeyMaterial) found =
        gst_e2ee_key_provider_lookup_current(provider.get(), who, nullptr);
    EXPECT_EQ(found, nullptr) << who;
  }
}

INSTANTIATE_TEST_SUITE_P(Keys, KeysFileMistake, testing::ValuesIn(kMistakes),
                         [](const auto &test) { return std::string(test.param.name); });

TEST(KeysFile, ThatIsNotThereIsNamed) {
  Error error;
  EXPECT_FALSE(gst_e2ee_participant_key_provider_load_keys_file(ring_of(new_ring()),
                                                                "/nonexistent/k.ini", error.at()));
  EXPECT_TRUE(error.is(GST_E2EE_ERROR_IO)) << error.text();
  EXPECT_NE(error.text().find("/nonexistent/k.ini"), std::string::npos) << error.text();
}

TEST(KeysFile, ErrorsOfTheStringFormNameFieldAndFile) {
  const KeyFile file("keys.ini", "[m]\npassfrase=x\n");
  Element element("e2eedecrypt", "participant,keys-file=" + file.path());
  EXPECT_EQ(gst_element_set_state(element.get(), GST_STATE_READY), GST_STATE_CHANGE_FAILURE);
  const BusLog log = element.bus();
  ASSERT_EQ(log.errors.size(), 1U);
  EXPECT_EQ(log.errors[0].rfind("key-provider: keys-file: " + file.path() + ": [m] passfrase: ", 0),
            0U)
      << log.errors[0];
}

TEST(KeysFile, MayBeginWithAByteOrderMark) {
  const Provider provider = new_ring();
  ASSERT_TRUE(load(provider, std::string("\xef\xbb\xbf[alice]\r\nkey=") + kHexA + "\r\n"));
  EXPECT_TRUE(has_key(provider, "alice"));
}

TEST(KeysFile, APassphraseThatEndsInABlankDrawsAWarning) {
  const KeyFile file("keys.ini", "[alice]\npassphrase.3=word \n[bob]\npassphrase=two words\n");
  Element element("e2eedecrypt", "participant,keys-file=" + file.path());
  g_object_set(element.get(), "participant", "alice", nullptr);
  EXPECT_EQ(gst_element_set_state(element.get(), GST_STATE_READY), GST_STATE_CHANGE_SUCCESS);
  const BusLog log = element.bus();
  ASSERT_EQ(log.warnings.size(), 1U);
  EXPECT_EQ(log.warnings[0].rfind(file.path() + ": [alice] passphrase.3: ", 0), 0U)
      << log.warnings[0];
}

TEST(KeysFile, R18_GivesEachParticipantItsKeys) {
  const Provider from_calls = new_ring();
  set_passphrase(from_calls, "alice", "correct horse");
  set_key(from_calls, "bob@example.org", Bytes(16, 0x0b), 3);
  set_passphrase(from_calls, "bob@example.org", "the next one", 4);
  const KeyFile file("keys.ini",
                     "# for a test\n[alice]\npassphrase=correct horse\n\n[bob]\n"
                     "identity=bob@example.org\nkey=0B0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b\nindex=3\n"
                     "passphrase.4=the next one\ncurrent=4\n");
  const std::string text = "participant,keys-file=" + file.path();
  const Provider provider = own(gst_e2ee_key_provider_new_from_string(text.c_str(), nullptr));
  ASSERT_TRUE(provider);
  EXPECT_EQ(sealed_by("bob@example.org", provider, kPlain).back(), 4) << "current";
  for (guint index : {3U, 4U}) {
    set_current(from_calls, "bob@example.org", index);
    EXPECT_TRUE(
        opens("bob@example.org", provider, sealed_by("bob@example.org", from_calls, kPlain)))
        << index;
  }
  // As on a launch line, with the identity on the element.
  Element element("e2eedecrypt", text);
  g_object_set(element.get(), "participant", "alice", nullptr);
  EXPECT_EQ(element.start(kOpus).pass(sealed_by("alice", from_calls, kPlain)), kPlain);
}

TEST(KeysFile, R18_LoadedAgainAddsAndRemovesAndKeepsWhatIsTheSame) {
  const Provider provider = new_ring();
  const std::string alice = std::string("[alice]\nkey=") + kHexA + "\n";
  ASSERT_TRUE(load(provider, alice + "key.1=" + kHexA + "\n[bob]\nkey=" + kHexA + "\n"));
  set_key(provider, "carol", 0xca);
  End decryptor("e2eedecrypt", provider, "alice");
  const Bytes of_bob = sealed_by("bob", provider, kPlain);
  ratchet(provider, "alice");
  const std::string ratcheted = fingerprint(provider, "alice");
  ASSERT_TRUE(load(provider, alice + "[dave]\npassphrase=new here\n"));
  EXPECT_EQ(fingerprint(provider, "alice"), ratcheted) << "not rewound";
  EXPECT_EQ(fingerprint(provider, "alice", 1), "") << "her second key is gone";
  EXPECT_FALSE(opens("bob", provider, of_bob)) << "so is Bob";
  for (const char *who : {"alice", "carol", "dave"})
    EXPECT_TRUE(opens(who, provider, sealed_by(who, provider, kPlain))) << who;
  ASSERT_TRUE(load(provider, "[alice]\npassphrase=another\n"));
  EXPECT_NE(fingerprint(provider, "alice"), ratcheted) << "changed in the file";
}

// Keys that were set by call stay, also those of a participant that the file had.
TEST(KeysFile, R18_LoadedAgainLeavesKeysThatWereSetByCall) {
  const Provider provider = new_ring();
  const std::string alice = std::string("[alice]\nkey=") + kHexA + "\n";
  ASSERT_TRUE(load(provider, alice + "[bob]\nkey=" + kHexA + "\n"));
  set_key(provider, "bob", 0xb5, 5);
  set_current(provider, "bob", 5);
  const Bytes frame = sealed_by("bob", provider, kPlain);
  ASSERT_TRUE(load(provider, alice));
  EXPECT_TRUE(opens("bob", provider, frame));
}

}  // namespace e2ee::test
