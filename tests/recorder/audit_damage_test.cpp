// SPDX-License-Identifier: LGPL-2.1-or-later
// An audit log that was tampered with never passes for a closed one.
#include <algorithm>
#include <optional>
#include <sstream>

#include "files.h"
#include "recorder/audit.h"
#include "recorder/signature.h"
#include "recorder/verify_log.h"

namespace recorder {
namespace {

struct AuditDamage : testing::Test {
  void SetUp() override {
    make_key_pair(key);
    public_key.emplace(PublicKey::from_file(key + ".pub"));
    AuditLog log(folder / "good", key, {{"room", std::string("daily")}}, std::chrono::seconds(0));
    log.add("joined", {{"participant", std::string("bob")}});
    log.add("joined", {{"participant", std::string("alice")}});
    log.tick();
    log.add("left", {{"participant", std::string("bob")}});
    log.add("left", {{"participant", std::string("alice")}});
    log.close({{"recordings", std::int64_t{2}}});
    text = read_file(folder / "good");
    lines = lines_of(text);
    ASSERT_EQ(lines.size(), 7U);
    ASSERT_EQ(verify(text).state, LogState::kClosed);
  }

  LogReport verify(const std::string &changed) {
    std::istringstream log(changed);
    return verify_log(log, *public_key);
  }

  void expect_broken(const std::vector<std::string> &changed, std::size_t line,
                     const std::string &what) {
    const LogReport report = verify(joined(changed));
    EXPECT_EQ(report.state, LogState::kBroken) << what << ": " << report.text();
    EXPECT_EQ(report.problem.rfind("line " + std::to_string(line) + ":", 0), 0U)
        << what << ": " << report.problem;
  }

  // A whole log of one record by our key, which the recorder would not have written so.
  std::string signed_log(std::string record) {
    std::vector<std::string> notices;
    const std::string signature =
        SigningKey::from_file(key, notices).sign(audit_format::signed_text(record));
    record.pop_back();
    return record + audit_format::kSignatureField + signature + "\"}\n";
  }

  std::string opening(const std::string &time, const std::string &more = "") {
    return signed_log("{\"seq\":1,\"time\":\"" + time +
                      "\",\"event\":\"opened\",\"format\":1,\"public-key\":\"" + public_key->hex() +
                      "\"" + more + ",\"prev\":\"" + std::string(64, '0') + "\"}");
  }

  // A record that fits the chain behind `before`, as whoever can write the file can make it.
  static std::string forged(const std::string &before, int seq, const std::string &event) {
    return "{\"seq\":" + std::to_string(seq) +
           ",\"time\":\"2026-01-01T00:00:00.000000Z\",\"event\":\"" + event + "\",\"prev\":\"" +
           sha256_hex(before) + "\"}";
  }

  Folder folder;
  const std::string key = folder / "audit.pem";
  std::optional<PublicKey> public_key;
  std::string text;
  std::vector<std::string> lines;
};

}  // namespace

TEST_F(AuditDamage, AnyByteFlipped) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    for (const char flip : {'\x01', '\x20'}) {
      std::string changed = text;
      changed[i] = static_cast<char>(changed[i] ^ flip);
      const LogReport report = verify(changed);
      // Without the last newline it is a record that was not finished.
      ASSERT_EQ(report.state, i + 1 == text.size() ? LogState::kOpenEnded : LogState::kBroken)
          << "byte " << i << ": " << report.text();
    }
  }
}

TEST_F(AuditDamage, TruncatedAnywhere) {
  for (std::size_t size = 0; size < text.size(); ++size) {
    const std::string changed = text.substr(0, size);
    const LogReport report = verify(changed);
    const auto whole = static_cast<std::uint64_t>(std::count(changed.begin(), changed.end(), '\n'));
    ASSERT_EQ(report.state, whole == 0 ? LogState::kBroken : LogState::kOpenEnded)
        << size << ": " << report.text();
    ASSERT_EQ(report.records, whole) << size;
    ASSERT_EQ(report.signed_records, whole == 0 ? 0U : whole < 4 ? 1U : 4U) << size;
    if (whole > 0) {
      ASSERT_EQ(report.torn_bytes > 0, changed.back() != '\n') << size;
    }
  }
}

TEST_F(AuditDamage, LinesRemovedDoubledSwappedOrEdited) {
  for (std::size_t i = 0; i < lines.size(); ++i) {
    std::vector<std::string> changed = lines;
    changed.erase(changed.begin() + static_cast<long>(i));
    if (i + 1 < lines.size()) {
      expect_broken(changed, i + 1, "removed");
    } else {
      EXPECT_EQ(verify(joined(changed)).state, LogState::kOpenEnded) << "the last one removed";
    }
    changed = lines;
    changed.insert(changed.begin() + static_cast<long>(i), lines[i]);
    expect_broken(changed, i + 2, "doubled");
    changed = lines;
    changed.insert(changed.begin() + static_cast<long>(i), "");
    expect_broken(changed, i + 1, "empty line");
    for (std::size_t j = i + 1; j < lines.size(); ++j) {
      changed = lines;
      std::swap(changed[i], changed[j]);
      expect_broken(changed, i + 1, "swapped");
    }
  }
  std::vector<std::string> changed = lines;
  changed[2].replace(changed[2].find("alice"), 5, "carol");
  expect_broken(changed, 4, "edited: the next line no longer fits");
}

TEST_F(AuditDamage, WhatCannotBeCheckedIsNotBroken) {
  const auto status = [&](const std::string &log, const std::string &with, std::string *said) {
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    const int code = tell_log(folder / log, folder / with);
    *said = testing::internal::GetCapturedStdout() + testing::internal::GetCapturedStderr();
    return code;
  };
  write_file(folder / "cut", joined({lines.begin(), lines.end() - 1}));
  write_file(folder / "edited", joined({lines.begin() + 1, lines.end()}));
  make_key_pair(folder / "other.pem");
  std::string said;
  const auto begins = [&said](const char *word) { return said.rfind(word, 0) == 0; };
  EXPECT_EQ(status("good", "audit.pem.pub", &said), 0);
  EXPECT_TRUE(begins("closed: ")) << said;
  EXPECT_EQ(status("cut", "audit.pem.pub", &said), 3);
  EXPECT_TRUE(begins("open-ended: ")) << said;
  EXPECT_EQ(status("edited", "audit.pem.pub", &said), 1);
  EXPECT_TRUE(begins("broken: ")) << said;
  EXPECT_EQ(status("good", "other.pem.pub", &said), 1);
  EXPECT_TRUE(begins("broken: ")) << said;
  const std::pair<const char *, const char *> typos[] = {
      {"goood", "audit.pem.pub"}, {"", "audit.pem.pub"}, {"good", "audit.pub"}, {"good", "good"}};
  for (const auto &[log, with] : typos) {
    EXPECT_EQ(status(log, with, &said), 2) << log << " " << with;
    EXPECT_TRUE(begins("could not be checked: ")) << said;
  }
}

TEST_F(AuditDamage, SomethingBehindTheEnd) {
  std::vector<std::string> changed = lines;
  changed.push_back(forged(lines.back(), 8, "joined"));
  expect_broken(changed, 8, "record");
  EXPECT_EQ(verify(text + "{").state, LogState::kBroken);
  EXPECT_EQ(verify(text + "\n").state, LogState::kBroken);
}

// Whoever rewrites the chain from some line on lacks the key for the next signature.
TEST_F(AuditDamage, RewrittenFromALineOn) {
  std::vector<std::string> changed(lines.begin(), lines.begin() + 2);
  changed.push_back(forged(lines[1], 3, "joined"));
  EXPECT_EQ(verify(joined(changed)).state, LogState::kOpenEnded) << "as the report says";
  EXPECT_EQ(verify(joined(changed)).signed_records, 1U);
  changed.push_back(forged(changed.back(), 4, "checkpoint"));
  expect_broken(changed, 4, "without a signature");
  const std::string signature = lines[3].substr(lines[3].find(",\"signature\""));
  changed.back().pop_back();
  changed.back() += signature;
  expect_broken(changed, 4, "with the signature of another record");
  changed.pop_back();
  changed.push_back(forged(changed.back(), 4, "closed"));
  expect_broken(changed, 4, "closed without a signature");
}

TEST_F(AuditDamage, AForeignKey) {
  make_key_pair(folder / "other.pem");
  const LogReport report = verify_log(folder / "good", folder / "other.pem.pub");
  EXPECT_EQ(report.state, LogState::kBroken);
  EXPECT_NE(report.problem.find("opened with another key"), std::string::npos) << report.problem;
  // Made anew with a key of one's own, it is that key's log.
  AuditLog(folder / "anew", folder / "other.pem", {}).close({});
  EXPECT_EQ(verify_log(folder / "anew", key + ".pub").state, LogState::kBroken);
  // An opening record that only names the right key.
  std::vector<std::string> changed = lines_of(read_file(folder / "anew"));
  const std::string other = PublicKey::from_file(folder / "other.pem.pub").hex();
  changed[0].replace(changed[0].find(other), other.size(),
                     PublicKey::from_file(key + ".pub").hex());
  expect_broken(changed, 1, "named only");
}

TEST_F(AuditDamage, ThingsThatAreNoLog) {
  for (const std::string &other :
       {std::string(), std::string("\n"), std::string("no log\n"), std::string("[]\n"),
        std::string("null\n"), std::string("{}\n"), std::string(1000, '\0') + "\n",
        std::string("{\"seq\":{},\"prev\":[],\"event\":1}\n"), std::string(1000000, '[') + "\n",
        "{\"a\":" + std::string(1000000, '[') + "\n"})
    EXPECT_EQ(verify(other).state, LogState::kBroken) << other.substr(0, 20);
}

// Not even by whoever has the key.
TEST_F(AuditDamage, TimesHaveOneForm) {
  const std::string good = "2026-01-01T00:00:00.000000Z";
  ASSERT_EQ(verify(opening(good)).state, LogState::kOpenEnded) << verify(opening(good)).text();
  for (const std::string time :
       {"", "yesterday", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00.000000+00:00",
        "2026-01-01T00:00:00.00000xZ", "2026-01-01T00:00:00.000000Z, all signed",
        "\\u001b[2J6-01-01T00:00:00.000000Z", "2026-01-01 00:00:00.000000Z"}) {
    const LogReport report = verify(opening(time));
    EXPECT_EQ(report.state, LogState::kBroken) << time;
    EXPECT_NE(report.problem.find("time"), std::string::npos) << report.problem;
  }
}

TEST_F(AuditDamage, LinesAreNoLongerThanRecordsMayBe) {
  const auto padded = [this](std::size_t size) {
    const std::string time = "2026-01-01T00:00:00.000000Z";
    const std::size_t rest = opening(time, ",\"x\":\"\"").size() - 1;  // without the newline
    return opening(time, ",\"x\":\"" + std::string(size - rest, 'x') + "\"");
  };
  EXPECT_EQ(verify(padded(audit_format::kMaxLine)).state, LogState::kOpenEnded);
  const LogReport report = verify(padded(audit_format::kMaxLine + 1));
  EXPECT_EQ(report.state, LogState::kBroken);
  EXPECT_EQ(report.problem, "line 1: is longer than any record");
  EXPECT_EQ(verify(text + std::string(audit_format::kMaxLine + 1, 'x')).state, LogState::kBroken);
  AuditLog log(folder / "long", key, {});
  const std::string before = read_file(folder / "long");
  EXPECT_NE(failure_of([&] {
              log.add("event", {{"name", std::string(audit_format::kMaxLine, 'x')}});
            }).find("longer than readers take"),
            std::string::npos);
  EXPECT_EQ(read_file(folder / "long"), before);
}

TEST_F(AuditDamage, NothingInAFileSteersATerminal) {
  make_key_pair(folder / "other.pem");
  AuditLog(folder / "anew", folder / "other.pem", {}).close({});
  std::string changed = read_file(folder / "anew");
  const std::string print = PublicKey::from_file(folder / "other.pem.pub").fingerprint();
  changed.replace(changed.find(print), print.size(),
                  "\\u001b[2J\xc2\x9b"
                  "31m\xe2\x80\xae"
                  "closed\\n");
  const LogReport report = verify(changed);
  EXPECT_EQ(report.state, LogState::kBroken);
  for (const char *bad : {"\x1b", "\xc2\x9b", "\xe2\x80\xae", "\n"})
    EXPECT_EQ(report.text().find(bad), std::string::npos) << report.text();
  EXPECT_NE(report.text().find("<U+001B>[2J<U+009B>31m<U+202E>closed"), std::string::npos)
      << report.text();
}

}  // namespace recorder
