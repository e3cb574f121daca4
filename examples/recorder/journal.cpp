// SPDX-License-Identifier: LGPL-2.1-or-later
#include "journal.h"

#include <utility>

namespace recorder {
namespace {

constexpr std::size_t kMostLines = 10000;
constexpr std::size_t kMostBeforeFigures = 10;  // there are new ones in a second

}  // namespace

Journal::Journal(Progress::Style style, std::function<void(const std::string &)> failed)
    : failed_(std::move(failed)), progress_(style), printer_([this] { run(); }) {}

Journal::~Journal() {
  {
    const std::lock_guard lock(mutex_);
    over_ = true;
  }
  wake_.notify_one();
  printer_.join();
}

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
  print([text, event, fields](Progress &progress) { progress.tell(text, event, fields); },
        kMostLines);
}

void Journal::show(const std::vector<ProgressRow> &rows) {
  print([rows](Progress &progress) { progress.show(rows); }, kMostBeforeFigures);
}

void Journal::end(const std::vector<ProgressRow> &rows) {
  print([rows](Progress &progress) { progress.finish(rows); }, kMostLines);
}

void Journal::print(Print line, std::size_t most) {
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() >= most)
      return;
    waiting_.push_back(std::move(line));
  }
  wake_.notify_one();
}

void Journal::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return over_ || !waiting_.empty(); });
    if (waiting_.empty())
      return;
    const Print line = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    line(progress_);
    lock.lock();
  }
}

}  // namespace recorder
