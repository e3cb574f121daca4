// SPDX-License-Identifier: LGPL-2.1-or-later
#include "journal.h"

#include <utility>

namespace recorder {
namespace {

constexpr std::size_t kMostLines = 10000;
constexpr std::size_t kMostBeforeFigures = 10;  // there are new ones in a second

// Much comes from the SFU: what is too long for a record of the log must not end it.
constexpr std::size_t kLongestField = 4096;

std::string shortened(const std::string &text) {
  return text.size() > kLongestField ? text.substr(0, kLongestField) + "..." : text;
}

JsonFields shortened(JsonFields fields) {
  for (auto &[name, value] : fields)
    if (auto *text = std::get_if<std::string>(&value))
      *text = shortened(*text);
  return fields;
}

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

void Journal::note(const std::string &event, const JsonFields &given, const std::string &text,
                   bool serious) {
  if (serious)
    serious_ = true;
  const JsonFields fields = shortened(given);
  try {
    if (log_)
      log_->add(event, fields);
  } catch (const Failure &error) {
    failed_(error.what());
  }
  print([line = shortened(text), event,
         fields](Progress &progress) { progress.tell(line, event, fields); },
        kMostLines);
}

void Journal::complain(const std::string &text) {
  print([text](Progress &progress) { progress.complain(text); }, kMostLines);
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
    printing_ = true;
    lock.unlock();
    line(progress_);
    lock.lock();
    printing_ = false;
    printed_.notify_one();
  }
}

bool Journal::is_printed(std::chrono::milliseconds within) {
  std::unique_lock lock(mutex_);
  return printed_.wait_for(lock, within, [this] { return !printing_ && waiting_.empty(); });
}

}  // namespace recorder
