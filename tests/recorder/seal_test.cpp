// SPDX-License-Identifier: LGPL-2.1-or-later
// What lies beside a sealed recording.
#include "recorder/seal.h"

#include <gtest/gtest.h>

namespace {

using examples::Failure;
using recorder::Seal;

constexpr char kHead[] = R"("format":"gst-e2ee sealed recording","version":1,"scheme":"livekit")";

std::string with(const std::string &more) {
  return std::string("{") + kHead + (more.empty() ? "" : ",") + more + "}";
}

// What it says of a text that it does not take; empty when it takes it.
std::string complaint(const std::string &text) {
  try {
    Seal::from_json(text);
    return {};
  } catch (const Failure &failure) {
    return failure.what();
  }
}

TEST(RecorderSeal, ComesBackAsItWas) {
  Seal seal;
  seal.scheme = "sframe";
  seal.identity = "Zoë \"the boss\" \\ 日本";
  seal.recorder = "recorder";
  seal.room = "1234";
  seal.started = "2024-05-01T12:00:00Z";
  seal.kdf = "pbkdf2";
  seal.pbkdf2_iterations = 600000;
  seal.ratchet_salt = "a salt";
  seal.key_size = 256;
  seal.keyring_size = 256;
  seal.sframe_suite = 5;
  seal.sframe_kid_map = "plain";
  seal.clear_header = "none";
  seal.server_trailer = "00112233445566";
  seal.streams = {{"video", "h264", "video/x-h264, stream-format=(string)byte-stream"},
                  {"audio", "opus", "audio/x-opus, channels=(int)2"}};
  const Seal back = Seal::from_json(seal.to_json());
  EXPECT_EQ(back.scheme, seal.scheme);
  EXPECT_EQ(back.identity, seal.identity);
  EXPECT_EQ(back.recorder, seal.recorder);
  EXPECT_EQ(back.room, seal.room);
  EXPECT_EQ(back.started, seal.started);
  EXPECT_EQ(back.kdf, seal.kdf);
  EXPECT_EQ(back.pbkdf2_iterations, seal.pbkdf2_iterations);
  EXPECT_EQ(back.ratchet_salt, seal.ratchet_salt);
  EXPECT_EQ(back.key_size, seal.key_size);
  EXPECT_EQ(back.keyring_size, seal.keyring_size);
  EXPECT_EQ(back.sframe_suite, seal.sframe_suite);
  EXPECT_EQ(back.sframe_kid_map, seal.sframe_kid_map);
  EXPECT_EQ(back.clear_header, seal.clear_header);
  EXPECT_EQ(back.server_trailer, seal.server_trailer);
  ASSERT_EQ(back.streams.size(), 2u);
  EXPECT_EQ(back.streams[0].codec, "h264");
  EXPECT_EQ(back.streams[0].caps, seal.streams[0].caps);
  EXPECT_EQ(back.streams[1].media, "audio");
  EXPECT_EQ(back.to_json(), seal.to_json());
}

TEST(RecorderSeal, LeavesOutWhatIsUsual) {
  const Seal seal = Seal::from_json(with(""));
  EXPECT_EQ(seal.key_size, 128u);
  EXPECT_EQ(seal.keyring_size, 16u);
  EXPECT_TRUE(seal.streams.empty());
}

TEST(RecorderSeal, DoesNotMindWhatItDoesNotKnow) {
  EXPECT_EQ(complaint(with(R"("weather":{"sun":[1,2,3]})")), "");
}

TEST(RecorderSeal, RefusesANewerVersionAndSaysWhatToDo) {
  const std::string said = complaint(
      R"({"format":"gst-e2ee sealed recording","version":2,"scheme":"quantum","key-size":"?"})");
  EXPECT_NE(said.find("version 2"), std::string::npos) << said;
  EXPECT_NE(said.find("newer e2ee-unseal"), std::string::npos) << said;
}

TEST(RecorderSeal, RefusesWhatIsNoneOfIts) {
  EXPECT_NE(complaint(""), "");
  EXPECT_NE(complaint("not JSON"), "");
  EXPECT_NE(complaint("[]"), "");
  EXPECT_NE(complaint("{}"), "");
  EXPECT_NE(complaint(R"({"format":"something else","version":1,"scheme":"livekit"})"), "");
  EXPECT_NE(complaint(R"({"format":"gst-e2ee sealed recording","scheme":"livekit"})"), "");
  EXPECT_NE(complaint(R"({"format":"gst-e2ee sealed recording","version":1})"), "");
  EXPECT_NE(complaint(R"({"format":"gst-e2ee sealed recording","version":"1","scheme":"jitsi"})"),
            "");
}

TEST(RecorderSeal, RefusesValuesThatCannotBe) {
  EXPECT_NE(complaint(with(R"("kdf":"rot13")")), "");
  EXPECT_NE(complaint(with(R"("kdf":7)")), "");
  EXPECT_NE(complaint(with(R"("key-size":"128")")), "");
  EXPECT_NE(complaint(with(R"("key-size":1024)")), "");
  EXPECT_NE(complaint(with(R"("key-size":-1)")), "");
  EXPECT_NE(complaint(with(R"("keyring-size":0)")), "");
  EXPECT_NE(complaint(with(R"("sframe-suite":9)")), "");
  EXPECT_NE(complaint(with(R"("server-trailer":"xyz")")), "");
  EXPECT_NE(complaint(with(R"("server-trailer":"abc")")), "");
  EXPECT_NE(complaint(with(R"("identity":null)")), "");
  EXPECT_NE(complaint(with(R"("streams":{})")), "");
  EXPECT_NE(complaint(with(R"("streams":[1])")), "");
  EXPECT_NE(complaint(with(R"("streams":[{"media":"video","codec":"av1"}])")), "");
}

TEST(RecorderSeal, IsNotOverrunByNesting) {
  const std::string deep(200000, '[');
  EXPECT_NE(complaint(deep), "");
  EXPECT_NE(complaint(with("\"x\":" + deep)), "");
  EXPECT_NE(complaint(with("\"x\":\"" + std::string(2000000, 'a') + "\"")), "");
}

TEST(RecorderSeal, SetsUpADecryptor) {
  Seal seal;
  seal.scheme = "sframe";
  seal.sframe_suite = 5;
  seal.sframe_kid_map = "plain";
  seal.clear_header = "none";
  seal.server_trailer = "00112233445566";
  const auto cryptor = seal.new_cryptor(nullptr, "alice", "known");
  GstE2EEScheme scheme;
  GstE2EESFrameKidMap map;
  GstE2EEClearHeader clear;
  GstE2EEServerFrames server_frames;
  guint suite = 0;
  gchar *trailer = nullptr;
  gchar *participant = nullptr;
  g_object_get(cryptor.get(), "scheme", &scheme, "sframe-kid-map", &map, "clear-header", &clear,
               "sframe-suite", &suite, "server-trailer", &trailer, "server-frames", &server_frames,
               "participant", &participant, nullptr);
  EXPECT_EQ(scheme, GST_E2EE_SCHEME_SFRAME);
  EXPECT_EQ(map, GST_E2EE_SFRAME_KID_MAP_PLAIN);
  EXPECT_EQ(clear, GST_E2EE_CLEAR_HEADER_NONE);
  EXPECT_EQ(suite, 5u);
  EXPECT_STREQ(trailer, "00112233445566");
  EXPECT_EQ(server_frames, GST_E2EE_SERVER_FRAMES_KNOWN);
  EXPECT_STREQ(participant, "alice");
  g_free(trailer);
  g_free(participant);
}

}  // namespace
