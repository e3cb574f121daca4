// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <string>

#include "audit.h"
#include "json.h"
#include "progress.h"

namespace recorder {

// The one place through which everything goes that happens: into the audit log, and to whoever
// watches, as a line of text or of JSON. Any thread.
class Journal {
 public:
  // `failed`: the audit log cannot be written any more, so that recording must end. Any thread.
  Journal(Progress &progress, std::function<void(const std::string &)> failed);

  void keep(AuditLog *log);  // from here on; null: no log

  // `text`: for people; empty: not worth a line. `serious`: something is being lost.
  void note(const std::string &event, const JsonFields &fields, const std::string &text = {},
            bool serious = false);
  void show(const std::vector<ProgressRow> &rows);
  void end(const std::vector<ProgressRow> &rows);  // shows the last figures for good
  bool anything_serious() const { return serious_; }

 private:
  Progress &progress_;
  const std::function<void(const std::string &)> failed_;
  AuditLog *log_ = nullptr;
  std::mutex mutex_;  // of the progress
  std::atomic<bool> serious_{false};
};

}  // namespace recorder
