// SPDX-License-Identifier: LGPL-2.1-or-later
// What the log says of keys, through real elements.
#include <signal.h>
#include <sys/resource.h>

#include "files.h"
#include "recorder/audit.h"
#include "recorder/signature.h"
#include "support/element.h"
#include "support/waiting.h"

namespace recorder {

namespace test = e2ee::test;
namespace {

using test::Bytes;
using test::End;
using test::kPlain;
using test::Provider;

constexpr char kPassphrase[] = "correct horse battery staple";

struct AuditKeys : testing::Test {
  void SetUp() override { make_key_pair(key); }

  // The objects of an event, in order.
  std::vector<JsonNodePtr> told(const std::string &event) {
    std::vector<JsonNodePtr> found;
    for (const std::string &line : lines_of(read_file(path))) {
      JsonNodePtr node = parse_json_object(line);
      EXPECT_TRUE(node) << line;
      if (node && text_or(json_node_get_object(node.get()), "event") == event)
        found.push_back(std::move(node));
    }
    return found;
  }

  void expect_no_secret(const std::vector<std::string> &secrets) {
    const std::string text = read_file(path);
    for (const std::string &secret : secrets)
      EXPECT_EQ(text.find(secret), std::string::npos) << secret;
  }

  Folder folder;
  const std::string key = folder / "audit.pem";
  const std::string path = folder / "audit.jsonl";
};

JsonObject *object(const JsonNodePtr &node) {
  return json_node_get_object(node.get());
}

}  // namespace

TEST_F(AuditKeys, R18_AKeyOfOnesOwnProvesTheIdentity) {
  const Provider sending = test::new_ring();
  const Provider provider = test::new_ring();
  for (const Provider &each : {sending, provider}) {
    test::set_key(each, "alice", 0xa1);
    test::set_passphrase(each, "bob", kPassphrase, 3);
  }
  AuditLog log(path, key, {});
  log.follow(provider.get());
  std::string print;
  {
    End alice("e2eedecrypt", provider, "alice");
    End bob("e2eedecrypt", provider, "bob");
    const Bytes from_alice = test::sealed_by("alice", sending, kPlain);
    for (unsigned i = 0; i < 5; ++i)
      ASSERT_TRUE(alice.pass(from_alice));
    Bytes damaged = from_alice;
    damaged[20] ^= 1;
    ASSERT_FALSE(alice.pass(damaged));
    ASSERT_TRUE(bob.pass(test::sealed_by("bob", sending, kPlain)));
    print = test::fingerprint(provider, "alice");
  }
  gst_e2ee_participant_key_provider_remove(test::ring_of(provider), "bob", nullptr);
  // Nothing is waited for here: close() does it.
  log.close({});
  const std::vector<JsonNodePtr> uses = told("key-used");
  ASSERT_EQ(uses.size(), 2U);
  const bool alice_first = text_or(object(uses[0]), "participant") == "alice";
  JsonObject *alice = object(uses[alice_first ? 0 : 1]);
  JsonObject *bob = object(uses[alice_first ? 1 : 0]);
  EXPECT_EQ(text_or(alice, "identity"), "proven");
  EXPECT_EQ(text_or(alice, "fingerprint"), print);
  EXPECT_EQ(text_or(alice, "direction"), "decrypt");
  EXPECT_EQ(number_or(alice, "frames"), 5);
  EXPECT_EQ(number_or(alice, "failures"), 1);
  EXPECT_EQ(number_or(alice, "key-id"), 0);
  EXPECT_LE(text_or(alice, "first"), text_or(alice, "last"));
  EXPECT_LE(text_or(alice, "last"), text_or(alice, "time"));
  EXPECT_EQ(text_or(bob, "participant"), "bob");
  EXPECT_EQ(number_or(bob, "key-id"), 3);
  EXPECT_EQ(number_or(bob, "frames"), 1);
  const std::vector<JsonNodePtr> removed = told("key-removed");
  ASSERT_EQ(removed.size(), 1U);
  EXPECT_EQ(text_or(object(removed[0]), "key-id"), "all");
  expect_no_secret({kPassphrase, "a1a1a1a1"});
  const LogReport report = verify_log(path, key + ".pub");
  EXPECT_EQ(report.state, LogState::kClosed) << report.text();
}

TEST_F(AuditKeys, R18_UnderASharedKeyIdentitiesAreAsserted) {
  const Provider provider = test::passphrase_provider(kPassphrase);
  AuditLog log(path, key, {});
  log.follow(provider.get());
  const Bytes frame = test::seal(provider, test::kOpus, kPlain);
  ASSERT_TRUE(test::open(provider, test::kOpus, frame));
  test::set_raw(provider, 0xb2, 1);
  gst_e2ee_shared_key_provider_ratchet(test::shared(provider), 1, nullptr);
  log.close({});
  const std::vector<JsonNodePtr> uses = told("key-used");
  ASSERT_EQ(uses.size(), 2U);
  for (const JsonNodePtr &use : uses)
    EXPECT_EQ(text_or(object(use), "identity"), "asserted");
  ASSERT_EQ(told("key-changed").size(), 1U);
  const std::vector<JsonNodePtr> steps = told("key-ratcheted");
  ASSERT_EQ(steps.size(), 1U);
  EXPECT_EQ(number_or(object(steps[0]), "key-id"), 1);
  EXPECT_EQ(number_or(object(steps[0]), "generation"), 1);
  expect_no_secret({kPassphrase, "b2b2b2b2"});
}

TEST_F(AuditKeys, AKeyThatIsMissingIsTold) {
  const Provider sending = test::raw_provider(0x11, 2);
  const Provider provider = test::raw_provider(0x11, 0);
  AuditLog log(path, key, {});
  log.follow(provider.get());
  {
    test::Element decryptor("e2eedecrypt", provider);
    decryptor.start(test::kOpus);
    decryptor.push(test::seal(sending, test::kOpus, kPlain));
    EXPECT_EQ(decryptor.stat("dropped-missing-key"), 1U);
    ASSERT_TRUE(test::wait_for([&] { return !told("key-missing").empty(); }));
  }
  log.close({});
  const std::vector<JsonNodePtr> missing = told("key-missing");
  EXPECT_EQ(number_or(object(missing[0]), "key-id"), 2);
}

TEST_F(AuditKeys, ALogThatIsGoneHearsNothing) {
  const Provider provider = test::new_ring();
  {
    AuditLog log(path, key, {});
    log.follow(provider.get());
    test::set_key(provider, "alice", 1);
  }
  test::set_key(provider, "bob", 2);
  gst_e2ee_key_provider_sync(provider.get());
  EXPECT_EQ(told("key-changed").size(), 1U);
}

// Nobody catches what a signal handler throws: the owner of the log is told, once.
TEST_F(AuditKeys, AFullDiskIsToldWhenNobodyCalled) {
  signal(SIGXFSZ, SIG_IGN);
  const Provider provider = test::new_ring();
  AuditLog log(path, key, {});
  log.follow(provider.get());
  std::vector<std::string> problems;
  log.on_failure([&](const std::string &problem) { problems.push_back(problem); });
  rlimit old;
  getrlimit(RLIMIT_FSIZE, &old);
  rlimit small = old;
  small.rlim_cur = read_file(path).size();
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  test::set_key(provider, "alice", 1);
  test::set_key(provider, "bob", 2);
  setrlimit(RLIMIT_FSIZE, &old);
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_NE(problems[0].find("cannot write the audit log"), std::string::npos) << problems[0];
  EXPECT_EQ(failure_of([&] { log.add("event", {}); }), problems[0]);
}

}  // namespace recorder
