// SPDX-License-Identifier: LGPL-2.1-or-later
// Tokens, and what command line, environment and files say about a room.
#include "livekit/access.h"

#include <glib/gstdio.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>

#include <array>
#include <sstream>

#include "common/json.h"
#include "common/program.h"

namespace {

using namespace livekit;
using examples::Refused;
using examples::WrongUsage;

std::string decoded(std::string text) {
  for (char &letter : text)
    letter = letter == '-' ? '+' : letter == '_' ? '/' : letter;
  text.append((4 - text.size() % 4) % 4, '=');
  std::string bytes(text.size() / 4 * 3, '\0');
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char *>(bytes.data()),
                                   reinterpret_cast<const unsigned char *>(text.data()),
                                   static_cast<int>(text.size()));
  EXPECT_GE(size, 0) << text;
  bytes.resize(static_cast<std::size_t>(std::max(size, 0)) -
               static_cast<std::size_t>(std::count(text.begin(), text.end(), '=')));
  return bytes;
}

std::string hmac(const std::string &secret, const std::string &text) {
  std::string result(32, '\0');
  std::size_t size = result.size();
  EXPECT_TRUE(EVP_Q_mac(nullptr, "HMAC", nullptr, "SHA256", nullptr, secret.data(), secret.size(),
                        reinterpret_cast<const unsigned char *>(text.data()), text.size(),
                        reinterpret_cast<unsigned char *>(result.data()), result.size(), &size));
  return result;
}

struct Parts {
  std::string head, claims, signature, is_signed;
  explicit Parts(const std::string &token) {
    std::istringstream words(token);
    std::getline(words, head, '.');
    std::getline(words, claims, '.');
    std::getline(words, signature);
    is_signed = head + "." + claims;
  }
};

std::string unsigned_token(const std::string &claims) {
  const examples::CharPtr text(
      g_base64_encode(reinterpret_cast<const guchar *>(claims.data()), claims.size()));
  std::string middle = text.get();
  middle.resize(middle.find_last_not_of('=') + 1);
  for (char &letter : middle)
    letter = letter == '+' ? '-' : letter == '/' ? '_' : letter;
  return "e30." + middle + ".x";
}

// ---- Tokens

TEST(TokenTest, IsSignedAsTheServerChecksIt) {
  const std::string token =
      make_token({"key", "a-secret-of-any-length"}, "blue", "me", "Me", {.subscribe = true});
  EXPECT_EQ(token.find_first_of("+/= \n"), std::string::npos) << token;
  const Parts parts(token);
  EXPECT_EQ(decoded(parts.head), R"({"alg":"HS256","typ":"JWT"})");
  EXPECT_EQ(decoded(parts.signature), hmac("a-secret-of-any-length", parts.is_signed));
}

TEST(TokenTest, SaysWhoMayWhatAndForHowLong) {
  const std::string token =
      make_token({"key", "secret"}, "blue \"room\"", "me", "Zoë",
                 {.publish = true, .recorder = true, .hidden = true}, std::chrono::minutes(10));
  const auto node = examples::parse_json_object(decoded(Parts(token).claims));
  ASSERT_TRUE(node);
  JsonObject *claims = json_node_get_object(node.get());
  EXPECT_EQ(examples::text_or(claims, "iss"), "key");
  EXPECT_EQ(examples::text_or(claims, "sub"), "me");
  EXPECT_EQ(examples::text_or(claims, "name"), "Zoë");
  const std::int64_t now = g_get_real_time() / G_USEC_PER_SEC;
  EXPECT_NEAR(static_cast<double>(examples::number_or(claims, "exp") - now), 600, 5);
  EXPECT_LT(examples::number_or(claims, "nbf"), now);
  JsonObject *video = examples::member_object(claims, "video");
  EXPECT_EQ(examples::text_or(video, "room"), "blue \"room\"");
  for (const char *granted : {"roomJoin", "canPublish", "canPublishData", "recorder", "hidden"})
    EXPECT_TRUE(examples::member_flag(video, granted)) << granted;
  EXPECT_TRUE(json_object_has_member(video, "canSubscribe"));
  EXPECT_FALSE(examples::member_flag(video, "canSubscribe"));
}

TEST(TokenTest, WhatIsNotGrantedIsNotThere) {
  const auto node =
      examples::parse_json_object(decoded(Parts(make_token({"k", "s"}, "r", "i", "n", {})).claims));
  JsonObject *video = examples::member_object(json_node_get_object(node.get()), "video");
  EXPECT_FALSE(json_object_has_member(video, "recorder"));
  EXPECT_FALSE(json_object_has_member(video, "hidden"));
}

TEST(TokenTest, IsReadAsItWasMade) {
  const TokenContent content = read_token(
      make_token({"key", "secret"}, "blue", "me", "Me", {.subscribe = true, .recorder = true}));
  EXPECT_EQ(content.room, "blue");
  EXPECT_EQ(content.identity, "me");
  EXPECT_FALSE(content.grants.publish);
  EXPECT_TRUE(content.grants.subscribe);
  EXPECT_TRUE(content.grants.recorder);
  EXPECT_FALSE(content.grants.hidden);
}

TEST(TokenTest, AllowsWhatItDoesNotSay) {
  const TokenContent content = read_token(unsigned_token(R"({"video":{"room":"blue"}})"));
  EXPECT_TRUE(content.grants.publish);
  EXPECT_TRUE(content.grants.subscribe);
  EXPECT_FALSE(content.grants.recorder);
}

TEST(TokenTest, GarbageSaysNothing) {
  std::vector<std::string> garbage{"",
                                   ".",
                                   "..",
                                   "...",
                                   "a.b",
                                   "a.b.c",
                                   "a.%%%.c",
                                   std::string(1 << 20, '.'),
                                   std::string("a.\0.c", 5),
                                   "\xff\xfe.\xff.\xff",
                                   "a." + std::string(100000, 'x') + ".c"};
  for (const char *claims :
       {"", "null", "7", "[]", "{}", R"({"sub":7})", R"({"video":[]})", R"({"video":7})",
        R"({"video":{"room":7,"canPublish":"yes","recorder":1}})", R"({"video":null})", "{\"sub",
        "\xff"})
    garbage.push_back(unsigned_token(claims));
  garbage.push_back(unsigned_token(std::string(200000, '[')));
  for (const std::string &token : garbage) {
    const TokenContent content = read_token(token);
    EXPECT_TRUE(content.room.empty()) << token.substr(0, 80);
    EXPECT_FALSE(content.grants.recorder) << token.substr(0, 80);
  }
}

TEST(TokenTest, CutAnywhereItIsReadOrNot) {
  const std::string token = make_token({"key", "secret"}, "blue", "me", "Me", {});
  for (std::size_t size = 0; size <= token.size(); ++size)
    read_token(token.substr(0, size));
  for (std::size_t at = 0; at < token.size(); ++at) {
    std::string changed = token;
    changed[at] = static_cast<char>(changed[at] ^ 0x55);
    read_token(changed);
  }
}

// ---- Where to go

class AccessTest : public testing::Test {
 protected:
  void SetUp() override {
    for (const char *name : kNames)
      g_unsetenv(name);
    options_.url = "ws://127.0.0.1:7880";
  }
  void TearDown() override {
    for (const char *name : kNames)
      g_unsetenv(name);
    for (const std::string &file : files_)
      g_unlink(file.c_str());
  }
  std::string file(const std::string &text) {
    files_.push_back(testing::TempDir() + "e2ee-access-" + std::to_string(g_random_int()));
    g_file_set_contents(files_.back().c_str(), text.data(), static_cast<gssize>(text.size()),
                        nullptr);
    return files_.back();
  }
  Access open() { return open_access(options_, {.subscribe = true, .recorder = true}); }
  template <typename Exception>
  void expect_throw(const std::string &words) {
    try {
      open();
      ADD_FAILURE() << "is taken; expected: " << words;
    } catch (const Exception &wrong) {
      EXPECT_NE(std::string(wrong.what()).find(words), std::string::npos) << wrong.what();
      EXPECT_EQ(std::string(wrong.what()).find("hush"), std::string::npos) << wrong.what();
    }
  }

  static constexpr std::array<const char *, 4> kNames{"LIVEKIT_URL", "LIVEKIT_TOKEN",
                                                      "LIVEKIT_API_KEY", "LIVEKIT_API_SECRET"};
  const std::string token_ =
      make_token({"key", "hush"}, "blue", "me", "Me", {.subscribe = true, .recorder = true});
  AccessOptions options_;
  std::vector<std::string> files_;
};

TEST_F(AccessTest, ByAFileWithAToken) {
  options_.token_file = file(token_ + "\r\nsecond line\n");
  const Access access = open();
  EXPECT_EQ(access.token_now(), token_);
  EXPECT_EQ(access.room, "blue");
  EXPECT_EQ(access.identity, "me");
  EXPECT_TRUE(access.grants.recorder);
}

TEST_F(AccessTest, ByTheEnvironment) {
  options_.url.clear();
  g_setenv("LIVEKIT_URL", "wss://livekit.example/path", TRUE);
  g_setenv("LIVEKIT_TOKEN", (token_ + "\n").c_str(), TRUE);
  const Access access = open();
  EXPECT_EQ(access.url, "wss://livekit.example/path");
  EXPECT_EQ(access.token_now(), token_);
}

TEST_F(AccessTest, ByAKeyOfTheEnvironment) {
  g_setenv("LIVEKIT_API_KEY", "key", TRUE);
  g_setenv("LIVEKIT_API_SECRET", "hush", TRUE);
  options_.room = "blue";
  options_.identity = "me";
  const Access access = open();
  const Parts parts(access.token_now());
  EXPECT_EQ(decoded(parts.signature), hmac("hush", parts.is_signed));
  EXPECT_EQ(read_token(access.token_now()).room, "blue");
  EXPECT_TRUE(read_token(access.token_now()).grants.recorder);
}

TEST_F(AccessTest, TheCommandLineGoesBeforeTheEnvironment) {
  g_setenv("LIVEKIT_URL", "ws://other", TRUE);
  g_setenv("LIVEKIT_TOKEN", "other", TRUE);
  g_setenv("LIVEKIT_API_KEY", "other", TRUE);
  g_setenv("LIVEKIT_API_SECRET", "other", TRUE);
  options_.room = "blue";
  options_.api_key_file = file(" key \r\n hush \r\n\n");
  const Access access = open();
  EXPECT_EQ(access.url, options_.url);
  EXPECT_TRUE(access.token.empty());
  EXPECT_EQ(access.key.key, "key");
  EXPECT_EQ(access.key.secret, "hush");
}

TEST_F(AccessTest, AddressesThatAreNone) {
  g_setenv("LIVEKIT_TOKEN", token_.c_str(), TRUE);
  for (const char *url :
       {"livekit.example", "ws://", "ftp://host", "ws:///path", "ws://[::1", "ws://host:99999",
        "ws://host/?room=blue", "ws://host/#room", "ws://me:hush@host"}) {
    options_.url = url;
    SCOPED_TRACE(url);
    expect_throw<WrongUsage>("--livekit takes the server's address, as in wss://livekit.example");
  }
  for (const char *url : {"ws://h", "wss://h:1", "http://[::1]:7880", "https://h/path/"}) {
    options_.url = url;
    EXPECT_NO_THROW(open()) << url;
  }
}

TEST_F(AccessTest, NoAddressAtAll) {
  options_.url.clear();
  expect_throw<WrongUsage>("--livekit URL (or LIVEKIT_URL)");
}

TEST_F(AccessTest, NothingToGetInBy) {
  expect_throw<WrongUsage>("says how to get into the room");
  g_setenv("LIVEKIT_API_KEY", "key", TRUE);
  expect_throw<WrongUsage>("says how to get into the room");
  g_unsetenv("LIVEKIT_API_KEY");
  g_setenv("LIVEKIT_API_SECRET", "hush", TRUE);
  expect_throw<WrongUsage>("says how to get into the room");
}

TEST_F(AccessTest, AKeyNeedsARoom) {
  options_.api_key_file = file("key\nhush\n");
  expect_throw<WrongUsage>("--room NAME is missing");
}

TEST_F(AccessTest, BothWaysAtOnce) {
  options_.api_key_file = file("key\nhush\n");
  options_.token_file = file(token_);
  expect_throw<WrongUsage>("not both");
}

TEST_F(AccessTest, ATokenOfAnotherRoom) {
  options_.token_file = file(token_);
  options_.room = "red";
  expect_throw<WrongUsage>("the token is for the room blue, not for red");
  options_.room = "blue";
  EXPECT_NO_THROW(open());
}

TEST_F(AccessTest, ATokenOfSomebodyElse) {
  options_.token_file = file(token_);
  options_.identity = "you";
  expect_throw<WrongUsage>("the token is for me: --identity is for an API key");
  options_.identity = "me";
  EXPECT_NO_THROW(open());
}

TEST_F(AccessTest, ATokenThatIsNone) {
  for (const std::string text : {"", "\n", " \r\n"}) {
    options_.token_file = file(text);
    expect_throw<Refused>("its first line is empty");
  }
  for (const std::string text : {"hush", "hush.hush.hush", "a.b\033.c"}) {
    options_.token_file = file(text);
    expect_throw<Refused>("the token is none of LiveKit's");
  }
  // It would end the header that it is sent in.
  options_.token_file.clear();
  g_setenv("LIVEKIT_TOKEN", (token_ + "\r\nX-More: hush").c_str(), TRUE);
  expect_throw<Refused>("the token is none of LiveKit's");
}

TEST_F(AccessTest, ATokenThatDoesNotAllowWhatIsNeeded) {
  options_.token_file = file(make_token({"k", "hush"}, "blue", "me", "", {.publish = true}));
  expect_throw<Refused>("canSubscribe");
  options_.token_file = file(make_token({"k", "hush"}, "blue", "me", "", {.subscribe = true}));
  EXPECT_THROW(open_access(options_, {.publish = true}), Refused);
  EXPECT_FALSE(open().grants.recorder);  // what it grants, not what was wanted
}

TEST_F(AccessTest, FilesThatCannotBeUsed) {
  for (const char *text : {"", "hush", "hush\n", "\nhush\n", "hush\n\n", "\n\n\n"}) {
    options_.api_key_file = file(text);
    expect_throw<Refused>("an API key file has two lines");
  }
  options_.api_key_file = "/nowhere/key";
  expect_throw<Refused>("/nowhere/key");
  options_.api_key_file.clear();
  options_.token_file = "/nowhere/token";
  expect_throw<Refused>("/nowhere/token");
}

TEST_F(AccessTest, CertificatesAreForTls) {
  options_.token_file = file(token_);
  options_.ca_file = file("");
  expect_throw<WrongUsage>("--ca-file is for an address that begins with wss:// or https://");
  options_.url = "wss://host";
  expect_throw<Refused>("");
  options_.ca_file = "/nowhere/ca";
  expect_throw<Refused>("/nowhere/ca");
}

}  // namespace
