/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "keyuse.h"

#include <ctime>
#include <utility>

#include "providerstate.h"

namespace e2ee {

namespace {

constexpr std::chrono::seconds kReportInterval{10};

// Off by a few milliseconds, ten times cheaper. Called for every frame.
gint64 coarse_unix_time() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME_COARSE, &now);
  return now.tv_sec * G_USEC_PER_SEC + now.tv_nsec / 1000;
}

}  // namespace

void KeyUse::passed(const KeyRef &key, bool encrypts) {
  const Clock::time_point now = Clock::coarse();
  if (key_ && (key_ != key || now - counts_.began >= kReportInterval))
    report();
  if (!key_) {
    begin(key, now);
    counts_.encrypts = encrypts;
  }
  counts_.last = coarse_unix_time();
  ++counts_.frames;
}

void KeyUse::failed(const KeyRef &key) {
  if (!key_)
    begin(key, Clock::coarse());
  if (key_->id == key->id) {
    counts_.last = coarse_unix_time();
    ++counts_.failures;
  }
}

void KeyUse::begin(const KeyRef &key, Clock::time_point now) {
  key_ = key;
  counts_.began = now;
  counts_.first = coarse_unix_time();
}

void KeyUse::report() {
  const Counts told = std::exchange(counts_, {});
  const KeyRef key = std::exchange(key_, nullptr);  // one that was withdrawn lives on in no task
  if (!key)
    return;
  auto *keep = static_cast<GstE2EEKeyProvider *>(g_object_ref(provider_));
  binding_.state().queue().post(
      Urgency::set, [keep, told, id = key->id, generation = key->generation,
                     fingerprint = key->fingerprint, owner = binding_.owner()] {
        const ForeignCall call;
        GstStructure *report = gst_structure_new(
            "GstE2EEKeyUse", "participant", G_TYPE_STRING, owner.c_str(), "key-id", G_TYPE_UINT64,
            id, "generation", G_TYPE_UINT64, generation, "fingerprint", G_TYPE_STRING,
            fingerprint.c_str(), "identity", G_TYPE_STRING, owner.empty() ? "asserted" : "key",
            "direction", G_TYPE_STRING, told.encrypts ? "encrypt" : "decrypt", "first",
            G_TYPE_INT64, told.first, "last", G_TYPE_INT64, told.last, "frames", G_TYPE_UINT64,
            told.frames, "failures", G_TYPE_UINT64, told.failures, nullptr);
        g_signal_emit_by_name(keep, "key-used", report);
        gst_structure_free(report);
        g_object_unref(keep);
      });
}

}  // namespace e2ee
