// SPDX-License-Identifier: LGPL-2.1-or-later
#include "journal.h"

namespace recorder {

Journal::Journal(Progress &progress, std::function<void(const std::string &)> failed)
    : progress_(progress), failed_(std::move(failed)) {}

void Journal::keep(AuditLog *log) {
  log_ = log;
}

void Journal::note(const std::string &event, const JsonFields &fields, const std::string &text,
                   bool serious) {
  if (serious)
    serious_ = true;
  try {
    if (log_)
      log_->add(event, fields);
  } catch (const Failure &error) {
    failed_(error.what());
  }
  std::lock_guard lock(mutex_);
  progress_.tell(text, event, fields);
}

void Journal::show(const std::vector<ProgressRow> &rows) {
  std::lock_guard lock(mutex_);
  progress_.show(rows);
}

void Journal::end(const std::vector<ProgressRow> &rows) {
  std::lock_guard lock(mutex_);
  progress_.finish(rows);
}

}  // namespace recorder
