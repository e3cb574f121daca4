// SPDX-License-Identifier: LGPL-2.1-or-later
// Which servers are trusted over TLS, and what is told about the others.
#include <glib/gstdio.h>
#include <gtest/gtest.h>

#include "certificate.h"
#include "common/program.h"
#include "common/trust.h"
#include "fake_server.h"
#include "livekit/signalling.h"
#include "recorder/plain_server.h"

namespace {

using namespace fake;
using namespace livekit;

// "joined", or why not.
std::string outcome(const std::string &servers, const std::string &trusted) {
  FakeServer server(tls_certificate(servers).get());
  const std::string file =
      trusted.empty() ? "" : testing::TempDir() + "e2ee-ca-" + std::to_string(g_random_int());
  if (!trusted.empty())
    g_file_set_contents(file.c_str(), trusted.data(), static_cast<gssize>(trusted.size()), nullptr);
  const auto database = examples::read_certificates(file);
  std::string outcome;
  const Signalling signalling(
      {.url = server.url(), .token = "hush-hush", .resume = {}, .trusted = database.get()},
      {.message = [&](const wire::Response &) { outcome = "joined"; },
       .ended = [&](const Signalling::Ended &ended) { outcome = ended.why; }});
  EXPECT_TRUE(run_until([&] { return !outcome.empty(); }));
  EXPECT_EQ(outcome == "joined", !server.tokens.empty()) << "who is not trusted gets no token";
  g_unlink(file.c_str());
  return outcome;
}

bool has(const std::string &text, const char *part) {
  return text.find(part) != std::string::npos;
}

TEST(TlsTest, ACertificateInTheFileIsTrusted) {
  const std::string pem = Certificate().pem();
  EXPECT_EQ(outcome(pem, pem), "joined");
}

TEST(TlsTest, OneThatIsSignedByNobodyKnownIsNot) {
  const std::string why = outcome(Certificate().pem(), "");
  EXPECT_TRUE(has(why, "signed by nobody who is trusted here (see --ca-file)")) << why;
}

TEST(TlsTest, AFileWithAnotherOneDoesNotHelp) {
  const std::string why = outcome(Certificate().pem(), Certificate().pem());
  EXPECT_TRUE(has(why, "signed by nobody who is trusted here")) << why;
}

TEST(TlsTest, OneOfAnotherHostIsNot) {
  for (const char *other : {"DNS:example.org", "IP:127.0.0.2"}) {
    const std::string pem = Certificate{.address = other}.pem();
    const std::string why = outcome(pem, pem);
    EXPECT_TRUE(has(why, "it is for another host")) << why;
  }
}

TEST(TlsTest, OneOfThePastIsNot) {
  const std::string pem = Certificate{.days = -1}.pem();
  const std::string why = outcome(pem, pem);
  EXPECT_TRUE(has(why, "it is not valid at this time")) << why;
}

TEST(TlsTest, AServerWithoutTlsIsToldOff) {
  FakeServer server;
  std::string address = server.url(), why;
  address.replace(0, 2, "wss");
  const Signalling signalling(
      {.url = address,
       .token = "hush-hush",
       .resume = {},
       .patience = std::chrono::milliseconds(500)},
      {.message = {}, .ended = [&](const Signalling::Ended &ended) { why = ended.why; }});
  EXPECT_TRUE(run_until([&] { return !why.empty(); }));
  EXPECT_TRUE(has(why, "the server does not answer: does the server speak TLS at this port?"))
      << why;
  EXPECT_TRUE(server.tokens.empty());
}

TEST(TlsTest, AServerThatAnswersWithoutTlsIsFinal) {
  const PlainServer server;
  Signalling::Ended told;
  const Signalling signalling(
      {.url = "wss://" + server.address(), .token = "hush-hush", .resume = {}},
      {.message = {}, .ended = [&](const Signalling::Ended &ended) { told = ended; }});
  EXPECT_TRUE(run_until([&] { return !told.why.empty(); }));
  EXPECT_EQ(told.how, Signalling::End::kRefused);
  EXPECT_TRUE(has(told.why, "does the server speak TLS at this port?")) << told.why;
}

}  // namespace
