/* SPDX-License-Identifier: LGPL-2.1-or-later */
// The string form of providers: what it takes, what it says of mistakes.
#include "support/element.h"
#include "support/files.h"
#include "support/waiting.h"

namespace e2ee::test {
namespace {

constexpr char kValue[] = "sEcReT-vAlUe-7319";  // never in a message

struct Mistake {
  const char *name;
  std::string text;
  GstE2EEError code;
  const char *names;        // what the message must name
  const char *advice = "";  // what it must say besides
};

void PrintTo(const Mistake &mistake, std::ostream *to) {
  *to << mistake.name;
}

std::string with_value(const std::string &text) {
  return text + kValue;
}

class Mistakes : public testing::TestWithParam<Mistake> {};

INSTANTIATE_TEST_SUITE_P(
    Strings, Mistakes,
    testing::Values(
        Mistake{"Empty", "", GST_E2EE_ERROR_PARSE, "kind", "shared,passphrase-file="},
        Mistake{"Blank", "   ", GST_E2EE_ERROR_PARSE, "kind"},
        Mistake{"NoKind", with_value(",passphrase="), GST_E2EE_ERROR_PARSE, "kind"},
        Mistake{"FieldFirst", with_value("=passphrase="), GST_E2EE_ERROR_PARSE, "kind"},
        Mistake{"UnknownKind", with_value("nosuch,passphrase="), GST_E2EE_ERROR_NOT_FOUND, "kind",
                "shared,passphrase-file="},
        Mistake{"KindForgotten", with_value("passphrase-file="), GST_E2EE_ERROR_PARSE, "kind",
                "write shared,passphrase-file="},
        Mistake{"KindOfAKeysFileForgotten", with_value("keys-file="), GST_E2EE_ERROR_PARSE, "kind",
                "write participant,keys-file="},
        Mistake{"KindForgottenBeforeAnOption", with_value("kdf=hkdf,passphrase="),
                GST_E2EE_ERROR_PARSE, "kind", "write participant,kdf=... or shared,kdf=..."},
        Mistake{"NeitherKindNorField", with_value("a=b,") + "=", GST_E2EE_ERROR_PARSE, "kind",
                "shared,passphrase-file="},
        Mistake{"PassphraseInsteadOfAKind", kValue, GST_E2EE_ERROR_NOT_FOUND, "kind",
                "shared,passphrase-file="},
        Mistake{"NoSource", "shared", GST_E2EE_ERROR_NOT_FOUND, "passphrase-file"},
        Mistake{"NoSourceButOptions", "shared,key-index=3", GST_E2EE_ERROR_NOT_FOUND,
                "passphrase-file"},
        Mistake{"UnknownField", with_value("shared,passfrase="), GST_E2EE_ERROR_INVALID_OPTION,
                "passfrase", "passphrase-file"},
        Mistake{"FieldOfAnotherKind", with_value("shared,keys-file="),
                GST_E2EE_ERROR_INVALID_OPTION, "keys-file", "kind participant"},
        Mistake{"KeyInsteadOfAField", "shared,sEcReT-vAlUe-7319-sEcReT-vAlUe-7319==",
                GST_E2EE_ERROR_INVALID_OPTION, "no field", "key-file"},
        Mistake{"CommaInAPassphrase", "shared,passphrase=x," + std::string(kValue) + "=y",
                GST_E2EE_ERROR_INVALID_OPTION, "quotes"},
        Mistake{"UnknownFieldBehindAPassphrase", with_value("shared,passphrase=x,keyindex="),
                GST_E2EE_ERROR_INVALID_OPTION, "keyindex", "quotes"},
        Mistake{"FieldOfAnotherKindBehindAPassphrase", with_value("shared,passphrase=x,keys-file="),
                GST_E2EE_ERROR_INVALID_OPTION, "keys-file", "kind participant"},
        Mistake{"NoEqualsSign", "shared,passphrase", GST_E2EE_ERROR_PARSE, "field=value",
                "as in passphrase-file="},
        Mistake{"NoComma", with_value("shared passphrase="), GST_E2EE_ERROR_PARSE, "comma",
                "character 8"},
        Mistake{"TrailingComma", with_value("shared,passphrase=") + ",", GST_E2EE_ERROR_PARSE,
                "field=value"},
        Mistake{"TwoCommas", with_value("shared,,passphrase="), GST_E2EE_ERROR_PARSE,
                "field=value"},
        Mistake{"GivenTwice", with_value("shared,passphrase=x,passphrase="), GST_E2EE_ERROR_PARSE,
                "passphrase"},
        Mistake{"TwoSources", with_value("shared,passphrase=x,key-file="),
                GST_E2EE_ERROR_INVALID_OPTION, "key-file"},
        Mistake{"OpenQuote", with_value("shared,passphrase=\""), GST_E2EE_ERROR_PARSE,
                "passphrase"},
        Mistake{"TextBehindQuote", with_value("shared,passphrase=\"x\""), GST_E2EE_ERROR_PARSE,
                "comma"},
        Mistake{"EmptyPassphrase", "shared,passphrase=", GST_E2EE_ERROR_INVALID_KEY, "passphrase"},
        Mistake{"EmptyQuotedPassphrase", "shared,passphrase=\"\"", GST_E2EE_ERROR_INVALID_KEY,
                "passphrase"},
        Mistake{"NotUtf8", with_value("shared,passphrase=\xff\xfe"), GST_E2EE_ERROR_INVALID_KEY,
                "passphrase"},
        Mistake{"IndexNotANumber", with_value("shared,passphrase=x,key-index="),
                GST_E2EE_ERROR_PARSE, "key-index"},
        Mistake{"IndexNegative", "shared,passphrase=x,key-index=-1", GST_E2EE_ERROR_PARSE,
                "key-index"},
        Mistake{"IndexWithText", "shared,passphrase=x,key-index=1x", GST_E2EE_ERROR_PARSE,
                "key-index"},
        Mistake{"IndexOverAll", "shared,passphrase=x,key-index=256", GST_E2EE_ERROR_PARSE,
                "key-index"},
        Mistake{"IndexOverNumbers", "shared,passphrase=x,key-index=18446744073709551616",
                GST_E2EE_ERROR_PARSE, "key-index"},
        Mistake{"IndexOutsideRing", "shared,passphrase=x,key-index=16",
                GST_E2EE_ERROR_INVALID_INDEX, "16"},
        Mistake{"IndexOutsideSmallRing", "shared,passphrase=x,key-index=4,keyring-size=4",
                GST_E2EE_ERROR_INVALID_INDEX, "4"},
        Mistake{"RingOfNothing", "shared,passphrase=x,keyring-size=0",
                GST_E2EE_ERROR_INVALID_OPTION, "keyring-size", "from 1 to 256"},
        Mistake{"RingTooLarge", "shared,passphrase=x,keyring-size=257",
                GST_E2EE_ERROR_INVALID_OPTION, "keyring-size"},
        Mistake{"KeySizeOutOfRange", "shared,passphrase=x,key-size=512",
                GST_E2EE_ERROR_INVALID_OPTION, "key-size", "128 or 256"},
        Mistake{"KeySizeInBetween", "shared,passphrase=x,key-size=192",
                GST_E2EE_ERROR_INVALID_OPTION, "key-size", "128 or 256"},
        Mistake{"UnknownKdf", with_value("shared,passphrase=x,kdf="), GST_E2EE_ERROR_INVALID_OPTION,
                "kdf", "auto, pbkdf2 or hkdf"},
        Mistake{"NeitherTrueNorFalse", with_value("shared,passphrase=x,exportable="),
                GST_E2EE_ERROR_INVALID_OPTION, "exportable", "true or false"},
        Mistake{"MissingFile", "shared,passphrase-file=/nonexistent/meeting", GST_E2EE_ERROR_IO,
                "passphrase-file", "/nonexistent/meeting"},
        Mistake{"MissingKeyFile", "shared,key-file=/nonexistent/key.bin", GST_E2EE_ERROR_IO,
                "key-file", "/nonexistent/key.bin"},
        Mistake{"MissingKeysFile", "participant,keys-file=/nonexistent/keys.ini", GST_E2EE_ERROR_IO,
                "keys-file", "/nonexistent/keys.ini"},
        Mistake{"PassphraseInsteadOfAFile", with_value("shared,passphrase-file="),
                GST_E2EE_ERROR_IO, "passphrase-file", "no file of this name"},
        Mistake{"KeyInsteadOfAFile", with_value("shared,key-file=") + "/+==", GST_E2EE_ERROR_IO,
                "key-file", "no file of this name"},
        Mistake{"PassphraseInsteadOfAKeysFile", with_value("participant,keys-file="),
                GST_E2EE_ERROR_IO, "keys-file", "no file of this name"},
        Mistake{"KeyThatBeginsLikeAPath", "shared,key-file=/" + std::string(kValue) + "/+x==",
                GST_E2EE_ERROR_IO, "key-file", "no file of this name"},
        Mistake{"KeyThatIsInTheRoot", "shared,key-file=/" + std::string(kValue), GST_E2EE_ERROR_IO,
                "key-file", "no file of this name"},
        Mistake{"ShortPassphraseInsteadOfAField", "shared,sEcReT-vAlUe-7319=x",
                GST_E2EE_ERROR_INVALID_OPTION, "no field", "key-file"},
        Mistake{"RelativeFile", "shared,passphrase-file=secrets/meeting", GST_E2EE_ERROR_IO,
                "passphrase-file: secrets/meeting:"},
        Mistake{"RelativeKeysFile", "participant,keys-file=secrets/rooms", GST_E2EE_ERROR_IO,
                "keys-file: secrets/rooms:"},
        Mistake{"FileWithASuffix", "shared,key-file=meeting-3.hex", GST_E2EE_ERROR_IO,
                "key-file: meeting-3.hex:"},
        Mistake{"FileInAFolderThatIsThere", "shared,key-file=/tmp/No Such File", GST_E2EE_ERROR_IO,
                "key-file: /tmp/No Such File:"},
        Mistake{"FileAtHome", "shared,key-file=~/No/Such File", GST_E2EE_ERROR_IO,
                "/No/Such File:"},
        Mistake{"EmptyFileName", "shared,passphrase-file=", GST_E2EE_ERROR_IO, "passphrase-file",
                "name of a file"},
        Mistake{"Directory", "shared,passphrase-file=/", GST_E2EE_ERROR_IO, "passphrase-file: /:"},
        Mistake{"KeyDirectory", "shared,key-file=/", GST_E2EE_ERROR_IO, "key-file: /:"},
        Mistake{"Unreadable", "shared,key-file=/proc/self/mem", GST_E2EE_ERROR_IO, "key-file",
                "/proc/self/mem"},
        Mistake{"EmptyFile", "shared,passphrase-file=/dev/null", GST_E2EE_ERROR_INVALID_KEY,
                "passphrase-file", "/dev/null"},
        Mistake{"EndlessFile", "shared,key-file=/dev/zero", GST_E2EE_ERROR_LIMIT, "key-file",
                "/dev/zero"},
        Mistake{"NoVariable", with_value("shared,passphrase-env="), GST_E2EE_ERROR_NOT_FOUND,
                "passphrase-env", "without $"},
        Mistake{"FdNotANumber", with_value("shared,passphrase-fd="), GST_E2EE_ERROR_PARSE,
                "passphrase-fd"},
        Mistake{"FdNegative", "shared,passphrase-fd=-1", GST_E2EE_ERROR_PARSE, "passphrase-fd"},
        Mistake{"FdNotOpen", "shared,passphrase-fd=987", GST_E2EE_ERROR_IO, "passphrase-fd",
                "987"}),
    [](const auto &test) { return std::string(test.param.name); });

TEST_P(Mistakes, GiveAnErrorThatNamesTheField) {
  Error error;
  const Provider provider =
      own(gst_e2ee_key_provider_new_from_string(GetParam().text.c_str(), error.at()));
  EXPECT_EQ(provider.get(), nullptr);
  EXPECT_TRUE(error.is(GetParam().code)) << error.text();
  EXPECT_NE(error.text().find(GetParam().names), std::string::npos) << error.text();
  EXPECT_NE(error.text().find(GetParam().advice), std::string::npos) << error.text();
  EXPECT_EQ(error.text().find(kValue), std::string::npos) << error.text();
}

TEST_P(Mistakes, ArePostedWhenTheElementStarts) {
  for (const char *factory : {"e2eeencrypt", "e2eedecrypt"}) {
    Element element(factory, GetParam().text);
    EXPECT_TRUE(element.bus().errors.empty()) << "before it starts";
    EXPECT_EQ(gst_element_set_state(element.get(), GST_STATE_READY), GST_STATE_CHANGE_FAILURE);
    const BusLog log = element.bus();
    ASSERT_EQ(log.errors.size(), 1U);
    EXPECT_EQ(log.errors[0].rfind("key-provider: ", 0), 0U) << log.errors[0];
    EXPECT_NE(log.errors[0].find(GetParam().names), std::string::npos) << log.errors[0];
    EXPECT_EQ(log.errors[0].find(kValue), std::string::npos) << log.errors[0];
  }
}

TEST_P(Mistakes, LeaveAProviderThatSaysSo) {
  Element element("e2eedecrypt", GetParam().text);
  gpointer object = nullptr;
  g_object_get(element.get(), "key-provider", &object, nullptr);
  ASSERT_NE(object, nullptr);
  const Provider provider = own(static_cast<GObject *>(object));
  Error error;
  EXPECT_FALSE(gst_e2ee_key_provider_check(provider.get(), error.at()));
  EXPECT_TRUE(error.is(GetParam().code));
  EXPECT_EQ(gst_e2ee_key_provider_lookup(provider.get(), nullptr, 0, nullptr), nullptr);
  EXPECT_EQ(gst_e2ee_key_provider_lookup_current(provider.get(), nullptr, nullptr), nullptr);
}

// ---- what is right ------------------------------------------------------------------------------

struct Spelling {
  const char *text;
  const char *passphrase;
};

TEST(Strings, Passphrases) {
  for (const Spelling &each :
       {Spelling{"shared,passphrase=simple", "simple"},
        {"shared,passphrase=0012", "0012"},
        {"shared,passphrase=1e3", "1e3"},
        {"shared,passphrase=true", "true"},
        {"shared,passphrase=(int)5", "(int)5"},
        {"shared,passphrase=a=b=c", "a=b=c"},
        {"shared,passphrase=\"a, b\"", "a, b"},
        {"shared,passphrase=\\\"a, b\\\"", "a, b"},
        {"shared,passphrase=\"say \\\"hi\\\"\"", "say \"hi\""},
        {"shared,passphrase=\"back\\\\slash\"", "back\\slash"},
        {"shared,passphrase=\" blanks kept \"", " blanks kept "},
        {"  shared , passphrase=two words  ", "two words"},
        {"shared,passphrase=p\u00e4ssw\u00f6rd-\U0001f510", "p\u00e4ssw\u00f6rd-\U0001f510"}}) {
    const Provider provider = parsed(each.text);
    ASSERT_TRUE(provider);
    EXPECT_TRUE(same_key(provider, passphrase_provider(each.passphrase))) << each.text;
  }
}

TEST(Strings, BlanksAroundAValueAreNoPartOfIt) {
  for (const Spelling &each : {Spelling{"shared,passphrase= word ,key-index=0", "word"},
                               {"shared,passphrase= \"a, b\" ", "a, b"}}) {
    const Provider provider = parsed(each.text);
    EXPECT_TRUE(provider && same_key(provider, passphrase_provider(each.passphrase))) << each.text;
  }
}

TEST(Strings, PassphrasesAreNoNumbers) {
  EXPECT_FALSE(same_key(parsed("shared,passphrase=0012"), passphrase_provider("12")));
  EXPECT_FALSE(same_key(parsed("shared,passphrase=a"), passphrase_provider("a ")));
}

TEST(Strings, AreReadFromALaunchLine) {
  Error error;
  GstElement *bin = gst_parse_launch(
      "e2eeencrypt name=a key-provider=\"shared,passphrase=\\\"one, two\\\"\" ! fakesink "
      "e2eeencrypt name=b key-provider=shared,passphrase=0012,key-index=3 ! fakesink",
      error.at());
  ASSERT_NE(bin, nullptr) << error.text();
  const auto provider_in = [bin](const char *name) {
    GstElement *element = gst_bin_get_by_name(GST_BIN(bin), name);
    gpointer object = nullptr;
    g_object_get(element, "key-provider", &object, nullptr);
    gst_object_unref(element);
    return own(static_cast<GObject *>(object));
  };
  EXPECT_TRUE(same_key(provider_in("a"), passphrase_provider("one, two")));
  EXPECT_TRUE(same_key(provider_in("b"), passphrase_provider("0012", 3)));
  gst_object_unref(bin);
}

TEST(Strings, AllOptionsArrive) {
  const Provider provider = parsed(
      "shared,passphrase=x,key-index=200,keyring-size=256,key-size=256,kdf=pbkdf2,"
      "ratchet-salt=\"our, salt\"");
  ASSERT_TRUE(provider);
  guint ring = 0;
  guint bits = 0;
  GstE2EEKdf kdf = GST_E2EE_KDF_AUTO;
  gchar *salt = nullptr;
  g_object_get(provider.get(), "keyring-size", &ring, "key-size", &bits, "kdf", &kdf,
               "ratchet-salt", &salt, nullptr);
  EXPECT_EQ(ring, 256U);
  EXPECT_EQ(bits, 256U);
  EXPECT_EQ(kdf, GST_E2EE_KDF_PBKDF2);
  EXPECT_STREQ(salt, "our, salt");
  g_free(salt);
  const Bytes sealed = seal(provider, kOpus, noise(30, 1));
  EXPECT_EQ(sealed.back(), 200);

  const Provider same = empty_provider();
  g_object_set(same.get(), "keyring-size", 256, "key-size", 256, "ratchet-salt", "our, salt",
               nullptr);
  gst_e2ee_shared_key_provider_set_passphrase(shared(same), "x", 200, nullptr);
  EXPECT_EQ(open(same, kOpus, sealed), noise(30, 1));
}

// LiveKit's native clients.
TEST(Strings, Pbkdf2OverRawBytes) {
  const KeyFile file("key.bin", std::string(32, 'k'));
  const Provider hkdf = parsed("shared,key-file=" + file.path());
  const Provider pbkdf2 = parsed("shared,kdf=pbkdf2,key-file=" + file.path());
  EXPECT_FALSE(same_key(hkdf, pbkdf2));
  EXPECT_TRUE(same_key(pbkdf2, passphrase_provider(std::string(32, 'k').c_str())));
}

TEST(Strings, TheSameTextIsTheSameProviderWhileItLives) {
  const Provider one = parsed("shared,passphrase=same");
  const Provider two = parsed("shared,passphrase=same");
  const Provider other = parsed("shared,passphrase=other");
  EXPECT_EQ(one, two);
  EXPECT_NE(one, other);
  Element element("e2eeencrypt", std::string("shared,passphrase=same"));
  gpointer object = nullptr;
  g_object_get(element.get(), "key-provider", &object, nullptr);
  EXPECT_EQ(object, one.get());
  g_object_unref(object);
}

TEST(Strings, AProviderGoesWhenNobodyHasIt) {
  Provider provider = parsed("shared,passphrase=short-lived");
  gpointer weak = provider.get();
  g_object_add_weak_pointer(G_OBJECT(provider.get()), &weak);
  provider.reset();
  EXPECT_EQ(weak, nullptr);
  EXPECT_TRUE(parsed("shared,passphrase=short-lived"));
}

TEST(Strings, AProviderGoesSoonAfterItsElements) {
  const std::string text = "shared,passphrase=used";
  gpointer weak = nullptr;
  {
    Element encryptor("e2eeencrypt", text);
    g_object_get(encryptor.get(), "key-provider", &weak, nullptr);
    ASSERT_NE(weak, nullptr);
    g_object_add_weak_pointer(G_OBJECT(weak), &weak);
    g_object_unref(weak);
    EXPECT_TRUE(encryptor.start(kOpus).pass(noise(40, 1)).has_value());
  }
  EXPECT_TRUE(wait_for([&] { return g_atomic_pointer_get(&weak) == nullptr; }));
}

// ---- other kinds --------------------------------------------------------------------------------

TEST(Strings, APluginAddsAKind) {
  static const gchar *const fields[] = {"token", "slot", nullptr};
  static std::string seen;
  const auto make =
      +[](const gchar *kind, GHashTable *given, gpointer data, GError **) -> GstE2EEKeyProvider * {
    seen = std::string(kind) + ":" +
           static_cast<const char *>(g_hash_table_lookup(given, "token")) + ":" +
           static_cast<const char *>(data);
    return GST_E2EE_KEY_PROVIDER(gst_e2ee_shared_key_provider_new());
  };
  static char data[] = "data";
  ASSERT_TRUE(gst_e2ee_key_provider_register_kind("vault", fields, make, data, nullptr));
  EXPECT_TRUE(parsed("vault,token=\"a,b\",slot=1"));
  EXPECT_EQ(seen, "vault:a,b:data");

  Error error;
  EXPECT_EQ(gst_e2ee_key_provider_new_from_string("vault,passphrase=x", error.at()), nullptr);
  EXPECT_TRUE(error.is(GST_E2EE_ERROR_INVALID_OPTION)) << error.text();

  static int freed = 0;
  EXPECT_FALSE(
      gst_e2ee_key_provider_register_kind("vault", fields, make, data, [](gpointer) { ++freed; }));
  EXPECT_EQ(freed, 1);
  EXPECT_FALSE(gst_e2ee_key_provider_register_kind("shared", fields, make, data, nullptr));
}

TEST(Strings, AKindMayFail) {
  static const gchar *const fields[] = {"token", nullptr};
  const auto make =
      +[](const gchar *, GHashTable *, gpointer, GError **error) -> GstE2EEKeyProvider * {
    g_set_error_literal(error, GST_E2EE_ERROR, GST_E2EE_ERROR_IO, "token: the vault is closed");
    return nullptr;
  };
  ASSERT_TRUE(gst_e2ee_key_provider_register_kind("closed-vault", fields, make, nullptr, nullptr));
  Element element("e2eeencrypt", std::string("closed-vault,token=x"));
  EXPECT_EQ(gst_element_set_state(element.get(), GST_STATE_READY), GST_STATE_CHANGE_FAILURE);
  const BusLog log = element.bus();
  ASSERT_EQ(log.errors.size(), 1U);
  EXPECT_NE(log.errors[0].find("the vault is closed"), std::string::npos);
}

}  // namespace
}  // namespace e2ee::test
