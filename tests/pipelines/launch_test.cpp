/* SPDX-License-Identifier: LGPL-2.1-or-later */
// What gst-launch-1.0 shows of mistakes: it prints the warnings and errors of the bus.
#include "support/files.h"
#include "support/pipeline.h"
#include "support/sanitizer.h"

namespace e2ee::test {
namespace {

struct Output {
  std::string text;  // of both streams
  int status = -1;

  bool has(const std::string &part) const { return text.find(part) != std::string::npos; }
  std::size_t count(const std::string &part) const {
    std::size_t found = 0;
    for (std::size_t at = 0; (at = text.find(part, at)) != std::string::npos; at += part.size())
      ++found;
    return found;
  }
};

constexpr char kPicture[] = "videotestsrc num-buffers=20 ! vp8enc deadline=1 ! ";

class Launch : public testing::Test {
 protected:
  void SetUp() override {
    if (has_address_sanitizer())
      GTEST_SKIP() << "gst-launch-1.0 is not instrumented and cannot load the plugin";
    if (!Text(g_find_program_in_path("gst-launch-1.0")))
      GTEST_SKIP() << "gst-launch-1.0 is not installed";
  }

  static Output launch(const std::string &line, const char *home = nullptr) {
    Output output;
    Error error;
    gchar **argv = nullptr;
    EXPECT_TRUE(g_shell_parse_argv(("timeout 60 gst-launch-1.0 " + line).c_str(), nullptr, &argv,
                                   error.at()))
        << error.text();
    gchar **env = g_get_environ();
    if (home != nullptr)
      env = g_environ_setenv(env, "HOME", home, TRUE);
    gchar *out = nullptr;
    gchar *err = nullptr;
    gint status = -1;
    EXPECT_TRUE(g_spawn_sync(nullptr, argv, env, G_SPAWN_SEARCH_PATH, nullptr, nullptr, &out, &err,
                             &status, error.at()))
        << error.text();
    g_strfreev(argv);
    g_strfreev(env);
    output.text = std::string(out ? out : "") + (err ? err : "");
    output.status = status;
    g_free(out);
    g_free(err);
    return output;
  }

  // Every frame is lost, and the user reads why and that all are.
  static void expect_told(const Output &output, const char *why) {
    EXPECT_TRUE(output.has(why)) << output.text;
    EXPECT_TRUE(output.has("No frame of this stream")) << output.text;
    EXPECT_TRUE(output.has("WARNING: from element")) << output.text;
    EXPECT_EQ(output.status, 0) << "the pipeline goes on: keys may come";
  }

  static std::string file_of(const KeyFile &file) {
    return " key-provider=shared,passphrase-file=" + file.path() + " ! ";
  }

  const KeyFile right{"right", "the right one\n"};
  const KeyFile wrong{"wrong", "another one\n"};
};

}  // namespace

TEST_F(Launch, AWrongPassphraseIsNotSilent) {
  expect_told(launch(kPicture + ("e2eeencrypt" + file_of(right)) + "e2eedecrypt" + file_of(wrong) +
                     "fakesink"),
              "do not verify");
}

TEST_F(Launch, FramesInTheClearAreNotSilent) {
  expect_told(launch(kPicture + ("e2eedecrypt" + file_of(right)) + "fakesink"), "not encrypted");
}

TEST_F(Launch, AParticipantWithoutAKeyIsNotSilent) {
  const KeyFile keys("keys.ini", "[alice]\npassphrase=of alice\n");
  expect_told(launch(kPicture + ("e2eeencrypt" + file_of(right)) +
                     "e2eedecrypt participant=bob key-provider=participant,keys-file=" +
                     keys.path() + " ! fakesink"),
              "no key");
}

TEST_F(Launch, ARightPassphraseIsSilent) {
  const Output output = launch(kPicture + ("e2eeencrypt" + file_of(right)) + "e2eedecrypt" +
                               file_of(right) + "fakesink");
  EXPECT_FALSE(output.has("WARNING")) << output.text;
  EXPECT_EQ(output.status, 0);
}

TEST_F(Launch, ARefusedCodecIsOneError) {
  const Output output = launch(
      "videotestsrc num-buffers=20 ! x264enc tune=zerolatency ! e2eeencrypt "
      "scheme=realtimekit" +
      file_of(right) + "fakesink");
  EXPECT_EQ(output.count("does not carry"), 1U) << output.text;
  EXPECT_NE(output.status, 0);
}

TEST_F(Launch, AStockPayloaderThatFailsIsExplained) {
  for (const std::string &part :
       {std::string("vp9enc deadline=1 ! e2eeencrypt") + file_of(right) + "queue ! rtpvp9pay",
        std::string("vp8enc deadline=1 ! e2eeencrypt scheme=sframe") + file_of(right) +
            "rtpvp8pay"}) {
    const Output output = launch("videotestsrc num-buffers=20 ! " + part + " ! fakesink");
    EXPECT_TRUE(output.has("rtpe2eepay in its place")) << output.text;
    EXPECT_TRUE(output.has("Failed to parse")) << output.text;
  }
}

// Shells leave ~ alone behind a comma and inside quotes.
TEST_F(Launch, TheHomeDirectoryHasAShortName) {
  const Text folder(g_path_get_dirname(right.path().c_str()));
  const std::string name = Text(g_path_get_basename(right.path().c_str())).get();
  Output output =
      launch(kPicture + ("e2eeencrypt" + file_of(right)) +
                 "e2eedecrypt key-provider=\"shared,passphrase-file=~/" + name + "\" ! fakesink",
             folder.get());
  EXPECT_FALSE(output.has("WARNING")) << output.text;
  EXPECT_EQ(output.status, 0) << output.text;
  output =
      launch(kPicture + std::string("e2eedecrypt participant=alice "
                                    "key-provider=\"participant,keys-file=~/none.ini\" ! fakesink"),
             folder.get());
  EXPECT_TRUE(output.has(std::string(folder.get()) + "/none.ini: cannot be read")) << output.text;
}

}  // namespace e2ee::test
