/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "reporter.h"

#include <algorithm>
#include <cstring>

#include "library.h"

namespace e2ee {

namespace {

constexpr std::chrono::seconds kInterval{1};
constexpr std::chrono::seconds kRareInterval{10};

}  // namespace

GstMessage *StateReporter::message_of(GstElement *element, const char *state, Entry &entry,
                                      Clock::time_point now) {
  GstStructure *content =
      gst_structure_new("GstE2EEState", "participant", G_TYPE_STRING, entry.participant.c_str(),
                        "key-id", G_TYPE_UINT64, entry.key_id, "state", G_TYPE_STRING, state,
                        "count", G_TYPE_UINT64, entry.count, nullptr);
  entry.count = 0;
  entry.told = now;
  entry.waits = false;
  return gst_message_new_element(GST_OBJECT(element), content);
}

Clock::time_point StateReporter::Entry::due() const {
  return told ? *told + (rarely ? kRareInterval : kInterval) : Clock::time_point();
}

void StateReporter::report(const char *state, const std::string &participant, guint64 key_id,
                           bool rarely) {
  const bool ok = std::strcmp(state, "ok") == 0;
  if (ok && is_ok())
    return;
  auto *element = static_cast<GstElement *>(g_weak_ref_get(&element_));
  if (element == nullptr)
    return;
  GstMessage *message = nullptr;
  {
    std::lock_guard lock(mutex_);
    Entry &entry = entries_[state];
    entry.participant = participant;
    entry.key_id = key_id;
    entry.rarely = rarely;
    entry.order = ++order_;
    ++entry.count;
    last_ = state;
    ok_ = ok;
    const Clock::time_point now = library->now();
    if (now >= entry.due()) {
      message = message_of(element, state, entry, now);
    } else {
      entry.waits = true;
      if (entry.due() < scheduled_)
        schedule(entry.due());
    }
  }
  if (message != nullptr)
    gst_element_post_message(element, message);
  gst_object_unref(element);
}

// Mutex held.
void StateReporter::schedule(Clock::time_point when) {
  scheduled_ = when;
  const auto left = std::max(when - library->now(), Clock::duration(0));
  GstClock *clock = gst_system_clock_obtain();
  GstClockID id = gst_clock_new_single_shot_id(
      clock, gst_clock_get_time(clock) + static_cast<GstClockTime>(left.count()));
  gst_clock_id_wait_async(
      id,
      [](GstClock *, GstClockTime, GstClockID, gpointer data) -> gboolean {
        if (auto self = static_cast<std::weak_ptr<StateReporter> *>(data)->lock())
          self->tell_waiting(false);
        return TRUE;
      },
      new std::weak_ptr<StateReporter>(weak_from_this()),
      [](gpointer data) { delete static_cast<std::weak_ptr<StateReporter> *>(data); });
  gst_clock_id_unref(id);
  gst_object_unref(clock);
}

// All states whose second is over, in the order they last occurred. The last word is the state that
// lasts: a recovery that is over is not told, and what else came before is followed by it once
// more.
void StateReporter::tell_waiting(bool all) {
  auto *element = static_cast<GstElement *>(g_weak_ref_get(&element_));
  if (element == nullptr)
    return;
  std::vector<std::pair<guint64, GstMessage *>> messages;
  {
    std::lock_guard lock(mutex_);
    scheduled_ = Clock::time_point::max();
    const Clock::time_point now = library->now();
    guint64 last_told = 0;
    for (auto &[state, entry] : entries_) {
      if (std::strcmp(state, "ok") == 0 && !ok_)
        entry.waits = false;
      if (!entry.waits || (now < entry.due() && !all))
        continue;
      last_told = std::max(last_told, entry.order);
      messages.emplace_back(entry.order, message_of(element, state, entry, now));
    }
    if (!all && last_ != nullptr && !messages.empty() && last_told < entries_[last_].order)
      entries_[last_].waits = true;
    Clock::time_point next = Clock::time_point::max();
    for (auto &[state, entry] : entries_) {
      if (entry.waits)
        next = std::min(next, entry.due());
    }
    if (next != Clock::time_point::max())
      schedule(next);
  }
  std::sort(messages.begin(), messages.end());
  for (auto &[order, message] : messages)
    gst_element_post_message(element, message);
  gst_object_unref(element);
}

void StateReporter::reset() {
  std::lock_guard lock(mutex_);
  entries_.clear();
  last_ = nullptr;
  ok_ = false;
}

}  // namespace e2ee
