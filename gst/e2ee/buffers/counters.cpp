/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "buffers/counters.h"

namespace e2ee {

GstStructure *Counters::to_structure(const KeyInfo &key) const {
  GstStructure *stats = gst_structure_new_empty("application/x-e2ee-stats");
  const auto add = [stats](const char *name, guint64 value) {
    gst_structure_set(stats, name, G_TYPE_UINT64, value, nullptr);
  };
  add("frames-in", frames_in_);
  add("frames-out", frames_out_);
  add("bytes-in", bytes_in_);
  add("bytes-out", bytes_out_);
  for (std::size_t i = 1; i < kReasonCount; ++i)
    add(names_of(static_cast<Reason>(i)).stat, dropped_[i]);
  add("passed-plaintext", passed_plaintext_);
  add("server-frames", server_frames_);
  add("held", held_);
  add("ratchet-steps", ratchet_steps_);
  gst_structure_set(stats, "key-id", G_TYPE_UINT64, key.id, "generation", G_TYPE_UINT64,
                    key.generation, "key-fingerprint", G_TYPE_STRING, key.fingerprint.c_str(),
                    "aead", G_TYPE_STRING, key.aead, nullptr);
  return stats;
}

}  // namespace e2ee
