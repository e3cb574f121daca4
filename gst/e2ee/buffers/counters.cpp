/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "buffers/counters.h"

namespace e2ee {

void Counters::include(const Counters &other) {
  for (std::size_t i = 0; i < kFields; ++i)
    add(i, other.fields_[i].load(std::memory_order_relaxed));
}

GstStructure *Counters::to_structure(const KeyInfo &key) const {
  GstStructure *stats = gst_structure_new_empty("application/x-e2ee-stats");
  const auto add = [&](const char *name, std::size_t field) {
    gst_structure_set(stats, name, G_TYPE_UINT64, fields_[field].load(), nullptr);
  };
  add("frames-in", kFramesIn);
  add("frames-out", kFramesOut);
  add("bytes-in", kBytesIn);
  add("bytes-out", kBytesOut);
  for (std::size_t i = 1; i < kReasonCount; ++i)
    add(names_of(static_cast<Reason>(i)).stat, kDropped + i);
  add("passed-plaintext", kPassedPlaintext);
  add("server-frames", kServerFrames);
  add("held", kHeld);
  add("ratchet-steps", kRatchetSteps);
  gst_structure_set(stats, "key-id", G_TYPE_UINT64, key.id, "generation", G_TYPE_UINT64,
                    key.generation, "key-fingerprint", G_TYPE_STRING, key.fingerprint.c_str(),
                    "key-failures", G_TYPE_UINT64, key.failures, "aead", G_TYPE_STRING, key.aead,
                    nullptr);
  return stats;
}

}  // namespace e2ee
