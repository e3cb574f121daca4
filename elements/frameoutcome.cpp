/* SPDX-License-Identifier: LGPL-2.1-or-later */
// What becomes of a frame: dropped, pushed, or passed in the clear, and how that is told.
#include "gste2eebase.h"

GST_DEBUG_CATEGORY_EXTERN(gst_e2ee_base_debug);
#define GST_CAT_DEFAULT gst_e2ee_base_debug

namespace e2ee {

void Counters::write(GstStructure *stats) const {
  const auto add = [stats](const char *name, guint64 value) {
    gst_structure_set(stats, name, G_TYPE_UINT64, value, nullptr);
  };
  add("frames-in", frames_in);
  add("frames-out", frames_out);
  add("bytes-in", bytes_in);
  add("bytes-out", bytes_out);
  for (std::size_t i = 1; i < kReasonCount; ++i)
    add(names_of(static_cast<Reason>(i)).stat, dropped[i]);
  add("passed-plaintext", passed_plaintext);
  add("server-frames", server_frames);
  add("held", held);
  add("ratchet-steps", ratchet_steps);
}

bool handle_special(GstE2EEBase *self, GstBuffer *buffer, bool enabled, GstFlowReturn &flow) {
  Base &base = base_of(self);
  if (G_UNLIKELY(!enabled)) {
    flow = push_unprotected(self, buffer);
  } else if (G_UNLIKELY(gst_buffer_get_size(buffer) == 0)) {
    // Discontinuous transmission: there is nothing to protect.
    base.counters.frames_out.fetch_add(1, std::memory_order_relaxed);
    flow = gst_pad_push(base.src, buffer);
  } else if (G_UNLIKELY(!base.cryptor)) {
    flow = drop_frame(self, buffer, Reason::missing_key, 0);
  } else if (G_UNLIKELY(base.codec.load(std::memory_order_relaxed) == nullptr)) {
    flow = drop_frame(self, buffer, Reason::unsupported, 0);
  } else {
    return false;
  }
  return true;
}

GstFlowReturn drop_frame(GstE2EEBase *self, GstBuffer *buffer, Reason reason, guint64 key_id,
                         Report report) {
  Base &base = base_of(self);
  const ReasonNames &names = names_of(reason);
  GST_DEBUG_OBJECT(self,
                   "dropping a frame of %" G_GSIZE_FORMAT " bytes, key %" G_GUINT64_FORMAT ": %s",
                   gst_buffer_get_size(buffer), key_id, names.text);
  base.counters.dropped[static_cast<std::size_t>(reason)].fetch_add(1, std::memory_order_relaxed);
  if (report != Report::already_done)
    base.reporter->report(names.state, participant_of(base), key_id, report == Report::rarely);
  gst_buffer_unref(buffer);
  return GST_FLOW_OK;
}

GstFlowReturn push_frame(GstE2EEBase *self, GstBuffer *buffer, const FrameCryptor::Result &result) {
  Base &base = base_of(self);
  const Reason state = result.near_limit ? Reason::key_limit : Reason::ok;
  if (G_UNLIKELY(result.ratchet_steps != 0)) {
    base.counters.ratchet_steps.fetch_add(result.ratchet_steps, std::memory_order_relaxed);
    base.reporter->report("key-ratcheted", participant_of(base), result.key_id);
  }
  if (G_UNLIKELY(state != Reason::ok || !base.reporter->is_ok()))
    base.reporter->report(names_of(state).state, participant_of(base), result.key_id);
  // Handlers of these messages may have taken the key away.
  if (G_UNLIKELY(!base.cryptor->may_leave(result))) {
    base.cryptor->frame_done();
    return drop_frame(self, buffer, Reason::missing_key, result.key_id);
  }
  base.counters.frames_out.fetch_add(1, std::memory_order_relaxed);
  base.counters.bytes_out.fetch_add(gst_buffer_get_size(buffer), std::memory_order_relaxed);
  const GstFlowReturn flow = gst_pad_push(base.src, buffer);
  base.cryptor->frame_done();
  return flow;
}

GstFlowReturn push_unprotected(GstE2EEBase *self, GstBuffer *buffer) {
  Base &base = base_of(self);
  base.counters.passed_plaintext.fetch_add(1, std::memory_order_relaxed);
  base.counters.frames_out.fetch_add(1, std::memory_order_relaxed);
  base.counters.bytes_out.fetch_add(gst_buffer_get_size(buffer), std::memory_order_relaxed);
  base.reporter->report(names_of(Reason::plaintext).state, participant_of(base), 0);
  buffer = gst_buffer_make_writable(buffer);
  if (!gst_e2ee_buffer_is_unprotected(buffer))
    gst_e2ee_buffer_add_unprotected_meta(buffer);
  return gst_pad_push(base.src, buffer);
}

}  // namespace e2ee
