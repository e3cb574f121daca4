// SPDX-License-Identifier: LGPL-2.1-or-later
// How e2ee-recorder ends when a LiveKit server refuses it, ends the room or is not there.
#include <glib/gstdio.h>
#include <gtest/gtest.h>

#include "fake_server.h"
#include "livekit/access.h"
#include "recorder/plain_server.h"

namespace {

using namespace fake;

class RecorderProgram : public testing::Test {
 protected:
  void SetUp() override {
    const examples::CharPtr folder(g_dir_make_tmp("e2ee-recorder-XXXXXX", nullptr));
    folder_ = folder.get();
    g_file_set_contents(token_file().c_str(), token_.c_str(), -1, nullptr);
  }
  void TearDown() override {
    g_unlink(token_file().c_str());
    g_rmdir(folder_.c_str());
  }
  std::string token_file() const { return folder_ + "/token"; }

  /// Its exit status; what it printed is in output_.
  int run(const std::string &url, const std::vector<std::string> &more = {},
          const std::string &entry = "--token-file") {
    std::vector<std::string> words{
        RECORDER, "--livekit",  url,        entry,   token_file(),     "--mode",
        "sealed", "--no-audit", "--output", folder_, "--loopback-only"};
    words.insert(words.end(), more.begin(), more.end());
    std::vector<const char *> argv;
    for (const std::string &word : words)
      argv.push_back(word.c_str());
    argv.push_back(nullptr);
    GError *error = nullptr;
    const ObjectPtr<GSubprocess> program(g_subprocess_newv(
        argv.data(),
        GSubprocessFlags(G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_MERGE),
        &error));
    if (!program)
      g_error("%s", error->message);
    bool ended = false;
    struct Waiting {
      bool *ended;
      std::string *output;
    } waiting{&ended, &output_};
    g_subprocess_communicate_utf8_async(
        program.get(), nullptr, nullptr,
        [](GObject *source, GAsyncResult *result, gpointer data) {
          char *text = nullptr;
          g_subprocess_communicate_utf8_finish(G_SUBPROCESS(source), result, &text, nullptr,
                                               nullptr);
          const examples::CharPtr owned(text);
          const auto *to = static_cast<Waiting *>(data);
          *to->output = text ? text : "";
          *to->ended = true;
        },
        &waiting);
    if (!run_until([&ended] { return ended; })) {
      g_subprocess_force_exit(program.get());
      run_until([&ended] { return ended; });
      ADD_FAILURE() << "it does not end: " << output_;
    }
    EXPECT_EQ(output_.find(token_), std::string::npos) << output_;
    return g_subprocess_get_if_exited(program.get()) ? g_subprocess_get_exit_status(program.get())
                                                     : -1;
  }
  bool said(const char *words) const { return output_.find(words) != std::string::npos; }

  const std::string token_ = livekit::make_token({"key", "secret"}, "blue", "me", "Me",
                                                 {.subscribe = true, .recorder = true});
  FakeServer server_;
  std::string folder_, output_;
};

TEST_F(RecorderProgram, ATokenThatIsRefused) {
  server_.refuse = 401;
  server_.words = "invalid token: " + token_ + ", error: token is expired";
  EXPECT_EQ(run(server_.url()), 2);
  EXPECT_TRUE(
      said("the server answers 401: invalid token: (hidden), error: token is expired; get "
           "a new token"))
      << output_;
  EXPECT_LT(output_.find("the server answers"), output_.find("stopping")) << output_;
}

TEST_F(RecorderProgram, AnApiKeyThatIsRefused) {
  g_file_set_contents(token_file().c_str(), "key\nother-secret\n", -1, nullptr);
  server_.refuse = 401;
  server_.words = "invalid token";
  EXPECT_EQ(run(server_.url(), {"--room", "blue"}, "--api-key-file"), 2);
  EXPECT_TRUE(said("are API key and secret (--api-key-file")) << output_;
  EXPECT_FALSE(said("other-secret")) << output_;
}

TEST_F(RecorderProgram, ATokenFileThatIsEmpty) {
  for (const char *nothing : {"", "\n", "  \n"}) {
    g_file_set_contents(token_file().c_str(), nothing, -1, nullptr);
    EXPECT_EQ(run(server_.url()), 2);
    EXPECT_TRUE(said((token_file() + ": its first line is empty").c_str())) << output_;
  }
}

TEST_F(RecorderProgram, AServerWithoutTls) {
  const PlainServer server;
  EXPECT_EQ(run("wss://" + server.address()), 2);
  EXPECT_TRUE(said("does the server speak TLS at this port?")) << output_;
  EXPECT_EQ(server.clients(), 1U) << "it is tried again";
}

TEST_F(RecorderProgram, ATokenThatDoesNotAnnounceTheRecording) {
  g_file_set_contents(
      token_file().c_str(),
      livekit::make_token({"key", "secret"}, "blue", "me", "Me", {.subscribe = true}).c_str(), -1,
      nullptr);
  EXPECT_EQ(run(server_.url()), 2);
  EXPECT_TRUE(said("give --unannounced")) << output_;
  EXPECT_TRUE(server_.tokens.empty());
  server_.on_open = [this] {
    server_.send_join();
    server_.leave(wire::ROOM_DELETED);
  };
  EXPECT_EQ(run(server_.url(), {"--unannounced"}), 0) << output_;
}

TEST_F(RecorderProgram, AHostThatIsUnknown) {
  EXPECT_EQ(run("ws://no-such-host.invalid", {"--seconds", "1"}), 1);
  EXPECT_TRUE(said("the room was never reached")) << output_;
}

TEST_F(RecorderProgram, ARoomThatEnds) {
  for (const auto &[reason, status] : {std::pair{wire::PARTICIPANT_REMOVED, 2},
                                       {wire::DUPLICATE_IDENTITY, 2},
                                       {wire::ROOM_DELETED, 0},
                                       {wire::ROOM_CLOSED, 0}}) {
    server_.on_open = [this, why = reason] {
      server_.send_join();
      server_.leave(why);
    };
    EXPECT_EQ(run(server_.url()), status) << output_;
  }
}

}  // namespace
