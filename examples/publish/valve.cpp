// SPDX-License-Identifier: LGPL-2.1-or-later
#include "valve.h"

#include <utility>

namespace publish {

Valve::Valve(GstPad *pad, std::function<void()> no_timestamps)
    : pad_(GST_PAD(gst_object_ref(pad))),
      no_timestamps_(std::move(no_timestamps)),
      probe_(gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, &Valve::on_buffer, this, nullptr)) {}

Valve::~Valve() {
  gst_pad_remove_probe(pad_.get(), probe_);
}

GstPadProbeReturn Valve::on_buffer(GstPad *, GstPadProbeInfo *info, gpointer self) {
  return static_cast<Valve *>(self)->pass(info);
}

GstPadProbeReturn Valve::pass(GstPadProbeInfo *info) {
  ++seen_;
  GstBuffer *frame = GST_PAD_PROBE_INFO_BUFFER(info);
  if (!GST_BUFFER_PTS_IS_VALID(frame) && !std::exchange(broken_, true))
    no_timestamps_();
  if (broken_ || !open_) {
    dropped_ = true;
    return GST_PAD_PROBE_DROP;
  }
  if (std::exchange(dropped_, false)) {
    // An audio encoder would fill the pause with silence.
    frame = gst_buffer_make_writable(frame);
    GST_BUFFER_FLAG_SET(frame, GST_BUFFER_FLAG_DISCONT);
    info->data = frame;
  }
  return GST_PAD_PROBE_OK;
}

}  // namespace publish
