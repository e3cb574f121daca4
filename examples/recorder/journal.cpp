// SPDX-License-Identifier: LGPL-2.1-or-later
#include "journal.h"

#include "progress.h"

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
  progress_.tell(event, fields, text, serious);
}

}  // namespace recorder
