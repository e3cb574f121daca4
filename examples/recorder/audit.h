// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/e2ee/e2ee.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <istream>
#include <memory>
#include <string>
#include <vector>

#include "common/json.h"
#include "signature.h"

namespace recorder {

using namespace examples;

using examples::Failure;

// The log of who was recorded with which key: a line of JSON for each event, each with the SHA-256
// of the line before it, written and synced before the call returns. The opening record,
// checkpoints and the closing record carry an Ed25519 signature. No key ever gets here, only
// fingerprints.
//
// Once a record could not be written, every call throws: whoever cannot account must not record.
// Room for megabytes of records is claimed ahead, on a small disk for fewer, so that recordings on
// the same disk fill it without ending the log.
//
// Any thread.
class AuditLog {
 public:
  using Value = JsonValue;
  using Fields = JsonFields;

  static constexpr unsigned kCheckpointRecords = 1000;
  static constexpr std::chrono::seconds kCheckpointTime{60};

  // Creates `path` anew (mode 0600, never over an existing one). `key_file`: Ed25519 private key in
  // PEM. Throws.
  AuditLog(const std::string &path, const std::string &key_file, const Fields &about,
           std::chrono::seconds checkpoint_time = kCheckpointTime);
  ~AuditLog();
  AuditLog(const AuditLog &) = delete;
  AuditLog &operator=(const AuditLog &) = delete;

  // What the user should hear of: a signing key that others can read.
  const std::vector<std::string> &notices() const { return notices_; }

  // Called once, from any thread, when a record that nobody waits for could not be written.
  void on_failure(std::function<void(const std::string &)> failed);

  void add(const std::string &event, const Fields &fields);
  // key-used, key-changed, key-removed, key-ratcheted and key-missing of the provider, until the
  // log is closed.
  void follow(GstE2EEKeyProvider *provider);
  // For a timer: signs when something was added since the last signature and `checkpoint_time` went
  // by. Every thousand records it happens by itself.
  void tick();
  // The signed last record, with `summary`. Elements must have stopped: what they still have to
  // tell of their keys is waited for.
  void close(const Fields &summary);

 private:
  class Log;

  std::shared_ptr<Log> log_;
  std::vector<std::string> notices_;
  struct Followed;
  std::vector<std::unique_ptr<Followed>> followed_;
};

enum class LogState { kClosed, kOpenEnded, kBroken };
struct LogReport {
  LogState state = LogState::kBroken;
  std::uint64_t records = 0;
  std::uint64_t signed_records = 0;  // how many of them a signature covers
  std::string until;                 // time of the last record
  std::string signed_until;          // time of the last one that a signature covers
  std::uint64_t torn_bytes = 0;      // behind the last record, of one that was not finished
  std::string problem;               // of a broken one: which line and why

  std::string text() const;  // for people; whatever the file holds, nothing that steers a terminal
};
// Throws when one of the files cannot be read.
LogReport verify_log(const std::string &path, const std::string &public_key_file);
LogReport verify_log(std::istream &log, const PublicKey &key);

// What writer and verifier agree on.
namespace audit_format {
inline const std::string kFirstPrev(64, '0');
inline constexpr std::size_t kMaxLine = 1024 * 1024;
// A signed record ends with its signature; what is signed is the record without it.
inline constexpr char kSignatureField[] = ",\"signature\":\"";
std::string signed_text(const std::string &record);
}  // namespace audit_format

}  // namespace recorder
