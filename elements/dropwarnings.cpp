/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "dropwarnings.h"

#include "library.h"

namespace e2ee {

bool DropWarnings::dropped(Reason reason) {
  std::lock_guard lock(mutex_);
  all_is_well_ = false;
  Entry &entry = entries_[static_cast<std::size_t>(reason)];
  ++entry.in_stream;
  if (entry.told && !entry.over)
    return false;
  const Clock::time_point now = library->now();
  if (entry.told && now < *entry.told + kInterval)
    return false;
  entry.told = now;
  entry.over = false;
  return true;
}

void DropWarnings::note_passed() {
  std::lock_guard lock(mutex_);
  for (Entry &entry : entries_)
    entry.over = true;
  some_passed_ = true;
  all_is_well_ = true;
}

bool DropWarnings::is_first_near_limit(guint64 key_id) {
  std::lock_guard lock(mutex_);
  return told_near_limit_.insert(key_id).second;
}

void DropWarnings::start_of_stream() {
  std::lock_guard lock(mutex_);
  for (Entry &entry : entries_)
    entry.in_stream = 0;
  some_passed_ = false;
  all_is_well_ = false;
}

std::string DropWarnings::end_of_stream() {
  std::lock_guard lock(mutex_);
  std::string text;
  for (std::size_t i = 0; i < kReasonCount; ++i) {
    const guint64 count = entries_[i].in_stream;
    if (count != 0)
      text += (text.empty() ? "" : ", ") + std::to_string(count) + " " +
              names_of(static_cast<Reason>(i)).state;
  }
  return some_passed_ ? "" : text;
}

void DropWarnings::reset() {
  std::lock_guard lock(mutex_);
  for (Entry &entry : entries_)
    entry = Entry{};
  some_passed_ = false;
  told_near_limit_.clear();
  all_is_well_ = false;
}

}  // namespace e2ee
