// SPDX-License-Identifier: LGPL-2.1-or-later
#include "verify_log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <algorithm>
#include <fstream>
#include <string_view>

#include "audit.h"
#include "progress.h"

namespace recorder {
namespace {

// As time_text() writes it.
bool is_time(const std::string &text) {
  constexpr std::string_view kForm = "0000-00-00T00:00:00.000000Z";
  return text.size() == kForm.size() &&
         std::equal(text.begin(), text.end(), kForm.begin(), [](char is, char should) {
           return should == '0' ? g_ascii_isdigit(is) != 0 : is == should;
         });
}

enum class Line { kWhole, kTorn, kTooLong };

// Without taking more of a file into memory than a record may have. kTorn: up to the end of the
// file, no newline.
Line read_line(std::istream &from, std::string &line) {
  line.clear();
  for (int byte = from.get(); from; byte = from.get()) {
    if (byte == '\n')
      return Line::kWhole;
    if (line.size() == audit_format::kMaxLine)
      return Line::kTooLong;
    line += static_cast<char>(byte);
  }
  return Line::kTorn;
}

// Reads a log line by line; the first thing that does not fit ends it.
class Verifier {
 public:
  explicit Verifier(const PublicKey &key) : key_(key) {}

  // Whether there is reason to go on.
  bool take(const std::string &line) {
    ++line_;
    if (closed_)
      return broken("there are records behind the closing record");
    const JsonNodePtr node = parse_json_object(line);
    if (!node)
      return broken("is not a record in JSON");
    JsonObject *record = json_node_get_object(node.get());
    const std::string event = text_or(record, "event");
    if (number_or(record, "seq") != static_cast<std::int64_t>(line_))
      return broken("has number " + std::to_string(number_or(record, "seq")) +
                    ": records were removed, added or moved");
    if (text_or(record, "prev") != prev_)
      return broken("does not follow from the line before, which was edited, removed or moved");
    if (!is_time(text_or(record, "time")) || event.empty())
      return broken("lacks its time or its event");
    if ((line_ == 1) != (event == "opened"))
      return broken(line_ == 1 ? "is not an opening record" : "opens the log a second time");
    if (event == "opened" && !opened_by_us(record))
      return false;
    if (!check_signature(line, record, event))
      return false;
    prev_ = sha256_hex(line);
    closed_ = event == "closed";
    report_.records = line_;
    report_.until = text_or(record, "time");
    if (json_object_has_member(record, "signature")) {
      report_.signed_records = line_;
      report_.signed_until = report_.until;
    }
    return true;
  }

  void too_long() {
    ++line_;
    broken("is longer than any record");
  }

  // `torn`: what is behind the last newline.
  LogReport finish(std::uint64_t torn) {
    if (!report_.problem.empty())
      return report_;
    ++line_;
    if (report_.records == 0)
      broken("holds no complete record");
    else if (closed_ && torn > 0)
      broken("there is something behind the closing record");
    else
      report_.state = closed_ ? LogState::kClosed : LogState::kOpenEnded;
    report_.torn_bytes = torn;
    return report_;
  }

 private:
  bool broken(const std::string &why) {
    report_.state = LogState::kBroken;
    report_.problem = "line " + std::to_string(line_) + ": " + why;
    return false;
  }

  bool opened_by_us(JsonObject *record) {
    if (number_or(record, "format") != 1)
      return broken("is of a format that this program does not know; take a newer one");
    if (text_or(record, "public-key") == key_.hex())
      return true;
    const std::string other = text_or(record, "public-key-fingerprint");
    return broken("was opened with another key, " + other.substr(0, key_.fingerprint().size()) +
                  ", not with the one given, " + key_.fingerprint());
  }

  bool check_signature(const std::string &line, JsonObject *record, const std::string &event) {
    const bool must = event == "opened" || event == "checkpoint" || event == "closed";
    if (!json_object_has_member(record, "signature"))
      return !must || broken("lacks its signature");
    if (!must)
      return broken("carries a signature, which records of this event have not");
    const std::string signature = text_or(record, "signature");
    const std::string end = audit_format::kSignatureField + signature + "\"}";
    if (!line.ends_with(end))
      return broken("has its signature in the wrong place");
    const std::string body = line.substr(0, line.size() - end.size()) + "}";
    return key_.verifies(audit_format::signed_text(body), signature) ||
           broken("its signature does not fit");
  }

  const PublicKey &key_;
  LogReport report_;
  std::uint64_t line_ = 0;
  std::string prev_ = audit_format::kFirstPrev;
  bool closed_ = false;
};

}  // namespace

LogReport verify_log(std::istream &log, const PublicKey &key) {
  Verifier verifier(key);
  std::string line;
  Line read;
  while ((read = read_line(log, line)) == Line::kWhole && verifier.take(line))
    continue;
  if (read == Line::kTooLong)
    verifier.too_long();
  return verifier.finish(read == Line::kTorn ? line.size() : 0);
}

LogReport verify_log(const std::string &path, const std::string &public_key_file) {
  const PublicKey key = PublicKey::from_file(public_key_file);
  std::ifstream log(path, std::ios::binary);
  if (!log || (log.peek(), log.bad()))  // a folder opens, but cannot be read
    throw Failure(path + ": cannot read the audit log: " + strerror(errno));
  log.clear();
  const LogReport report = verify_log(log, key);
  if (log.bad())
    throw Failure(path + ": cannot read the audit log to its end");
  return report;
}

int tell_log(const std::string &path, const std::string &public_key_file) {
  constexpr int kClosed = 0, kBroken = 1, kNotChecked = 2, kOpenEnded = 3;
  try {
    const LogReport report = verify_log(path, public_key_file);
    printf("%s\n", report.text().c_str());
    fflush(stdout);
    return report.state == LogState::kClosed      ? kClosed
           : report.state == LogState::kOpenEnded ? kOpenEnded
                                                  : kBroken;
  } catch (const std::exception &failure) {
    fprintf(stderr, "could not be checked: %s\n", progress_text::harmless(failure.what()).c_str());
    return kNotChecked;
  }
}

std::string LogReport::text() const {
  const std::string count = std::to_string(records) + (records == 1 ? " record" : " records");
  if (state == LogState::kBroken)
    return "broken: " + progress_text::harmless(problem) +
           (records ? "; " + count + " before it fit" : "");
  if (state == LogState::kClosed)
    return "closed: " + count + " until " + until + ", all signed";
  std::string told = "open-ended: " + count + " until " + until + ", of which a signature covers " +
                     std::to_string(signed_records) + ", until " + signed_until +
                     "; what came after that may be missing or forged";
  if (torn_bytes)
    told += "; the last record was not finished";
  return told;
}

}  // namespace recorder
