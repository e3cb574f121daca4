// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/e2ee/e2ee.h>
#include <json-glib/json-glib.h>

#include <initializer_list>
#include <memory>
#include <string>
#include <utility>
#include <variant>

#include "common/gst_ptr.h"

namespace recorder {

using examples::Failure;

// The log of who was recorded with which key: a line of JSON for each event, each with the SHA-256
// of the line before it, written and synced before the call returns. Checkpoints and the closing
// record carry an Ed25519 signature over that hash. No key ever gets here, only fingerprints.
//
// Any thread.
class AuditLog {
 public:
  using Value = std::variant<std::string, std::int64_t, bool>;
  using Fields = std::vector<std::pair<std::string, Value>>;

  // Creates `path` anew (mode 0600, never over an existing one). `key_file`: Ed25519 private key in
  // PEM. Throws.
  AuditLog(const std::string &path, const std::string &key_file, const Fields &about);
  ~AuditLog();

  void add(const std::string &event, const Fields &fields);
  // key-used, key-changed, key-removed, key-ratcheted of the provider, until the log is gone.
  void follow(GstE2EEKeyProvider *provider);
  void checkpoint();                  // every minute and every thousand records by itself too
  void close(const Fields &summary);  // the signed last record, with the hashes of recordings
};

enum class LogState { kClosed, kOpenEnded, kBroken };
struct LogReport {
  LogState state;
  std::uint64_t records = 0;
  std::uint64_t signed_records = 0;  // how many of them a signature covers
  std::string until;                 // time of the last record
  std::string problem;               // of a broken one: which line and why
};
LogReport verify_log(const std::string &path, const std::string &public_key_file);

}  // namespace recorder
