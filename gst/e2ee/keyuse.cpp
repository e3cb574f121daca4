/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "keyuse.h"

#include <algorithm>
#include <utility>

#include "providerstate.h"

namespace e2ee {

namespace {

constexpr std::chrono::seconds kReportInterval{10};
// Frames of several keys may come by turns, also from a sender who replays them.
constexpr std::chrono::seconds kChangeInterval{1};
constexpr std::size_t kMaxUses = 32;

// Frames are noted by one clock; the time of day, in microseconds, is looked at when they are told.
class UnixTime {
 public:
  gint64 of(Clock::time_point when) const {
    return now_ - std::chrono::duration_cast<std::chrono::microseconds>(clock_now_ - when).count();
  }

 private:
  const Clock::time_point clock_now_ = Clock::coarse();
  const gint64 now_ = g_get_real_time();
};

}  // namespace

KeyUse::Use &KeyUse::use_of(const KeyRef &key, Clock::time_point now) {
  if (G_LIKELY(!uses_.empty() && uses_.back().key == key))
    return uses_.back();
  const auto at =
      std::find_if(uses_.begin(), uses_.end(), [&](const Use &use) { return use.key == key; });
  if (at != uses_.end()) {
    std::rotate(at, at + 1, uses_.end());
  } else {
    if (uses_.size() >= kMaxUses)
      report();
    uses_.push_back({key, {.first = now}});
  }
  return uses_.back();
}

void KeyUse::passed(const KeyRef &key, bool encrypts) {
  const Clock::time_point now = Clock::coarse();
  if (!uses_.empty()) {
    const bool is_changed = uses_.back().key != key || uses_.size() > 1;
    if ((is_changed && now - told_ >= kChangeInterval) ||
        now - uses_.back().counts.first >= kReportInterval)
      report();
  }
  Counts &counts = use_of(key, now).counts;
  counts.encrypts = encrypts;
  counts.last = now;
  ++counts.frames;
}

void KeyUse::failed(const KeyRef &key) {
  if (!uses_.empty() && uses_.back().key->id != key->id)
    return;
  const Clock::time_point now = Clock::coarse();
  Counts &counts = (uses_.empty() ? use_of(key, now) : uses_.back()).counts;
  counts.last = now;
  ++counts.failures;
}

void KeyUse::retain(const KeyRing &ring) {
  std::erase_if(uses_, [&](const Use &use) {
    if (ring.holds(*use.key))
      return false;
    tell(use);
    return true;
  });
}

void KeyUse::report() {
  told_ = Clock::coarse();
  for (const Use &use : std::exchange(uses_, {}))
    tell(use);
}

void KeyUse::tell(const Use &use) {
  const Counts told = use.counts;
  const KeyRef &key = use.key;  // one that was withdrawn lives on in no task
  const UnixTime unix_time;
  auto *keep = static_cast<GstE2EEKeyProvider *>(g_object_ref(provider_));
  binding_.state().queue().post(
      Urgency::set, [keep, told, first = unix_time.of(told.first), last = unix_time.of(told.last),
                     id = key->id, generation = key->generation, fingerprint = key->fingerprint,
                     owner = binding_.owner(), aead = aead_] {
        const ForeignCall call;
        GstStructure *report = gst_structure_new(
            "GstE2EEKeyUse", "participant", G_TYPE_STRING, owner.c_str(), "key-id", G_TYPE_UINT64,
            id, "generation", G_TYPE_UINT64, generation, "fingerprint", G_TYPE_STRING,
            fingerprint.c_str(), "identity", G_TYPE_STRING, owner.empty() ? "asserted" : "key",
            "direction", G_TYPE_STRING, told.encrypts ? "encrypt" : "decrypt", "first",
            G_TYPE_INT64, first, "last", G_TYPE_INT64, last, "frames", G_TYPE_UINT64, told.frames,
            "failures", G_TYPE_UINT64, told.failures, "aead", G_TYPE_STRING, aead, nullptr);
        g_signal_emit_by_name(keep, "key-used", report);
        gst_structure_free(report);
        g_object_unref(keep);
      });
}

}  // namespace e2ee
