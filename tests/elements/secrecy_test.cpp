/* SPDX-License-Identifier: LGPL-2.1-or-later */
// No secret in what GStreamer writes and shows: logs at any level, errors, dot files, values.
#include <openssl/evp.h>

#include <mutex>

#include "support/element.h"
#include "support/files.h"

namespace e2ee::test {
namespace {

constexpr char kPassphrase[] = "xyzzy-Plugh-9043-secret";
constexpr char kSalt[] = "LKFrameEncryptionKey";
constexpr int kRounds = 100000;

// All of GStreamer's log, formatted, while it lives. What it prints otherwise is not printed.
class Log {
 public:
  Log() {
    gst_debug_remove_log_function(gst_debug_log_default);
    gst_debug_add_log_function(collect, this, nullptr);
    gst_debug_set_active(TRUE);
    gst_debug_set_threshold_from_string("*:9", TRUE);
  }
  ~Log() {
    gst_debug_set_threshold_from_string("*:0", TRUE);
    gst_debug_remove_log_function(collect);
    gst_debug_add_log_function(gst_debug_log_default, nullptr, nullptr);
  }

  bool has(const std::string &text) {
    std::lock_guard lock(mutex_);
    return text_.find(text) != std::string::npos;
  }

 private:
  static void collect(GstDebugCategory *category, GstDebugLevel, const gchar *, const gchar *, gint,
                      GObject *, GstDebugMessage *message, gpointer data) {
    auto *self = static_cast<Log *>(data);
    const gchar *text = gst_debug_message_get(message);
    std::lock_guard lock(self->mutex_);
    self->text_ += std::string(gst_debug_category_get_name(category)) + ": " + (text ? text : "");
    self->text_ += '\n';
  }

  std::mutex mutex_;
  std::string text_;
};

std::string hex(const Bytes &bytes) {
  std::string text;
  for (guint8 byte : bytes) {
    const gchar digits[] = "0123456789abcdef";
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

// The passphrase and what is made of it, as text and as hex of both cases.
std::vector<std::string> secrets() {
  Bytes derived(32);
  PKCS5_PBKDF2_HMAC(kPassphrase, -1, reinterpret_cast<const guint8 *>(kSalt), sizeof kSalt - 1,
                    kRounds, EVP_sha256(), static_cast<int>(derived.size()), derived.data());
  std::vector<std::string> all{kPassphrase, "xyzzy-Plugh"};
  for (const Bytes &bytes :
       {Bytes(kPassphrase, kPassphrase + 8), Bytes(derived.begin(), derived.begin() + 8),
        Bytes(derived.begin() + 16, derived.begin() + 24)}) {
    all.push_back(hex(bytes));
    all.push_back(Text(g_ascii_strup(hex(bytes).c_str(), -1)).get());
  }
  return all;
}

// Everything that can go right and wrong with a key.
void use(Element &encryptor, Element &decryptor, bool decrypts) {
  encryptor.start(kOpus);
  decryptor.start(kOpus);
  for (unsigned i = 0; i < 5; ++i) {
    const Bytes plain = noise(60, i);
    const std::optional<Bytes> sealed = encryptor.pass(plain);
    ASSERT_TRUE(sealed.has_value());
    EXPECT_EQ(decryptor.pass(*sealed).has_value(), decrypts);
    Bytes bad = *sealed;
    bad[10] ^= 1;
    decryptor.pass(bad);
    bad.back() = 7;
    decryptor.pass(bad);
  }
}

void expect_no_secret(Log &log) {
  EXPECT_TRUE(log.has("e2eeencrypt")) << "this log shows nothing";
  for (const std::string &secret : secrets())
    EXPECT_FALSE(log.has(secret)) << secret;
}

TEST(Secrecy, TheTestKnowsTheKey) {
  // Otherwise it would look for the wrong bytes.
  const Provider raw = empty_provider();
  g_object_set(raw.get(), "kdf", GST_E2EE_KDF_PBKDF2, nullptr);
  ASSERT_TRUE(gst_e2ee_shared_key_provider_set_key(
      shared(raw), bytes_ref(std::string_view(kPassphrase)).get(), 0, nullptr));
  EXPECT_TRUE(same_key(raw, passphrase_provider(kPassphrase)));
}

TEST(Secrecy, LogsOfAFile) {
  const KeyFile file("passphrase", std::string(kPassphrase) + "\n", 0644);
  Log log;
  const std::string text = "shared,passphrase-file=" + file.path();
  {
    Element encryptor("e2eeencrypt", text);
    Element decryptor("e2eedecrypt", text);
    use(encryptor, decryptor, true);
  }
  EXPECT_TRUE(log.has(file.path()) || log.has("passphrase-file"));
  expect_no_secret(log);
}

TEST(Secrecy, LogsOfTheEnvironmentAndOfSetters) {
  g_setenv("E2EE_TEST_SECRET", kPassphrase, TRUE);
  Log log;
  {
    Element encryptor("e2eeencrypt", std::string("shared,passphrase-env=E2EE_TEST_SECRET"));
    const Provider set = passphrase_provider(kPassphrase);
    Element decryptor("e2eedecrypt", set);
    use(encryptor, decryptor, true);
    gst_e2ee_shared_key_provider_set_passphrase(shared(set), kPassphrase, 99, nullptr);
    gst_e2ee_shared_key_provider_remove_key(shared(set), 0, nullptr);
  }
  g_unsetenv("E2EE_TEST_SECRET");
  expect_no_secret(log);
}

// Only GStreamer's own parser may write a passphrase that was given on a launch line, never we:
// here it comes as a value, without the parser.
TEST(Secrecy, LogsAndErrorsOfMistakes) {
  Log log;
  for (const char *text :
       {"shared,passphrase=%s,key-index=99", "shared,passphrase=%s,passphrase=%s",
        "shared,passphrase=\"%s", "shared,passphrase=%s,nonsense=1", "shared,key-index=%s",
        "shared,kdf=%s,passphrase=x", "shared,passphrase=%s,%s", "other,passphrase=%s",
        "shared,passphrase-file=%s", "shared,passphrase-env=%s", "shared,passphrase=\"%s\"%s"}) {
    std::string filled = text;
    for (gsize at; (at = filled.find("%s")) != std::string::npos;)
      filled.replace(at, 2, kPassphrase);
    Element element("e2eeencrypt", filled);
    EXPECT_EQ(gst_element_set_state(element.get(), GST_STATE_READY), GST_STATE_CHANGE_FAILURE);
    const BusLog bus = element.bus();
    ASSERT_EQ(bus.errors.size(), 1U) << text;
    EXPECT_EQ(bus.errors[0].find("xyzzy"), std::string::npos) << bus.errors[0];
    for (const std::string &warning : bus.warnings)
      EXPECT_EQ(warning.find("xyzzy"), std::string::npos) << warning;
  }
  expect_no_secret(log);
}

TEST(Secrecy, WrongKeys) {
  Log log;
  {
    Element encryptor("e2eeencrypt", passphrase_provider(kPassphrase));
    Element decryptor("e2eedecrypt", passphrase_provider("another one"));
    use(encryptor, decryptor, false);
  }
  expect_no_secret(log);
}

// ---- values -------------------------------------------------------------------------------------

void expect_clean(const gchar *text, const char *what) {
  ASSERT_NE(text, nullptr) << what;
  for (const std::string &secret : secrets())
    EXPECT_EQ(std::string(text).find(secret), std::string::npos) << what;
}

TEST(Secrecy, SerializedProviders) {
  for (const std::string &text : {std::string("shared,passphrase=") + kPassphrase,
                                  std::string("shared,passphrase=x,nonsense=") + kPassphrase}) {
    Element element("e2eeencrypt", text);
    GValue value = G_VALUE_INIT;
    g_object_get_property(G_OBJECT(element.get()), "key-provider", &value);
    ASSERT_NE(g_value_get_object(&value), nullptr);
    expect_clean(Text(gst_value_serialize(&value)).get(), "gst_value_serialize");
    expect_clean(Text(g_strdup_value_contents(&value)).get(), "g_strdup_value_contents");
    g_value_unset(&value);
  }
}

TEST(Secrecy, PropertiesOfTheProviderCannotBeReadBack) {
  const Provider provider = passphrase_provider(kPassphrase);
  guint count = 0;
  GParamSpec **all = g_object_class_list_properties(G_OBJECT_GET_CLASS(provider.get()), &count);
  ASSERT_GT(count, 0U);
  for (guint i = 0; i < count; ++i) {
    if ((all[i]->flags & G_PARAM_READABLE) == 0)
      continue;
    GValue value = G_VALUE_INIT;
    g_object_get_property(G_OBJECT(provider.get()), all[i]->name, &value);
    expect_clean(Text(g_strdup_value_contents(&value)).get(), all[i]->name);
    g_value_unset(&value);
  }
  g_free(all);
}

TEST(Secrecy, StatsAndMessages) {
  Element encryptor("e2eeencrypt", passphrase_provider(kPassphrase));
  encryptor.start(kOpus).pass(noise(40, 1));
  GstStructure *stats = nullptr;
  g_object_get(encryptor.get(), "stats", &stats, nullptr);
  expect_clean(Text(gst_structure_to_string(stats)).get(), "stats");
  gst_structure_free(stats);
}

TEST(Secrecy, DotFiles) {
  const KeyFile file("passphrase", kPassphrase);
  GstElement *pipeline = gst_pipeline_new("dot");
  for (const std::string &text :
       {"shared,passphrase-file=" + file.path(), std::string("shared,passphrase=") + kPassphrase}) {
    GstElement *element = gst_element_factory_make("e2eeencrypt", nullptr);
    gst_util_set_object_arg(G_OBJECT(element), "key-provider", text.c_str());
    gst_bin_add(GST_BIN(pipeline), element);
    EXPECT_EQ(gst_element_set_state(element, GST_STATE_READY), GST_STATE_CHANGE_SUCCESS);
  }
  for (int details : {GST_DEBUG_GRAPH_SHOW_ALL, GST_DEBUG_GRAPH_SHOW_VERBOSE}) {
    const Text dot(
        gst_debug_bin_to_dot_data(GST_BIN(pipeline), static_cast<GstDebugGraphDetails>(details)));
    EXPECT_NE(std::string(dot.get()).find("key-provider"), std::string::npos);
    expect_clean(dot.get(), "dot file");
  }
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_object_unref(pipeline);
}

// ---- a whole program ----------------------------------------------------------------------------

TEST(Secrecy, GstLaunch) {
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
  GTEST_SKIP() << "gst-launch-1.0 is not instrumented and cannot load the plugin";
#endif
#endif
  const Text launch(g_find_program_in_path("gst-launch-1.0"));
  if (!launch)
    GTEST_SKIP() << "gst-launch-1.0 is not installed";
  const KeyFile file("passphrase", kPassphrase);
  const KeyFile debug("debug.log", "");
  const std::string provider = "key-provider=shared,passphrase-file=" + file.path();
  const std::string line = std::string("timeout 60 ") + launch.get() +
                           " -v -m audiotestsrc num-buffers=20 ! opusenc ! e2eeencrypt " +
                           provider + " ! e2eedecrypt " + provider + " ! fakesink silent=false";
  gchar *out = nullptr;
  gchar *err = nullptr;
  gint status = -1;
  Error error;
  gchar **argv = nullptr;
  ASSERT_TRUE(g_shell_parse_argv(line.c_str(), nullptr, &argv, error.at())) << error.text();
  gchar **env = g_get_environ();
  env = g_environ_setenv(env, "GST_DEBUG", "*:9", TRUE);
  env = g_environ_setenv(env, "GST_DEBUG_FILE", debug.path().c_str(), TRUE);
  env = g_environ_setenv(env, "GST_TRACERS", "log;stats", TRUE);
  EXPECT_TRUE(g_spawn_sync(nullptr, argv, env, G_SPAWN_SEARCH_PATH, nullptr, nullptr, &out, &err,
                           &status, error.at()))
      << error.text();
  g_strfreev(argv);
  g_strfreev(env);
  EXPECT_EQ(status, 0) << err;
  gchar *log = nullptr;
  ASSERT_TRUE(g_file_get_contents(debug.path().c_str(), &log, nullptr, nullptr));
  EXPECT_NE(std::string(log).find("GST_TRACER"), std::string::npos) << "this log shows nothing";
  EXPECT_NE(std::string(out).find("GstE2EEState"), std::string::npos) << "no messages shown";
  expect_clean(log, "log");
  expect_clean(out, "output of -v -m");
  expect_clean(err, "errors");
  g_free(log);
  g_free(out);
  g_free(err);
}

}  // namespace
}  // namespace e2ee::test
