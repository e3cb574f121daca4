/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "rtp_loss.h"

namespace e2ee::rtp {

GstEvent *new_loss_event(GstClockTime pts) {
  return gst_event_new_custom(
      GST_EVENT_CUSTOM_DOWNSTREAM,
      gst_structure_new("GstRTPPacketLost", "timestamp", G_TYPE_UINT64, pts, "duration",
                        G_TYPE_UINT64, G_GUINT64_CONSTANT(0), nullptr));
}

GstEvent *certain_loss_event(const GstEvent *uncertain) {
  GstEvent *certain = gst_event_copy(uncertain);
  gst_structure_remove_field(gst_event_writable_structure(certain), "might-have-been-fec");
  return certain;
}

}  // namespace e2ee::rtp
