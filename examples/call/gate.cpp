// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gate.h"

#include "common.h"

namespace call {
namespace {

constexpr auto kHold =
    static_cast<GstPadProbeType>(GST_PAD_PROBE_TYPE_BLOCK | GST_PAD_PROBE_TYPE_BUFFER);

GstPadProbeReturn hold(GstPad *, GstPadProbeInfo *, gpointer) {
  return GST_PAD_PROBE_OK;
}

}  // namespace

Gate::Gate(GstElement *clocksync, GstClockTime duration)
    : clocksync_(GST_ELEMENT(gst_object_ref(clocksync))),
      duration_(duration),
      hold_(gst_pad_add_probe(static_pad(clocksync, "sink").get(), kHold, hold, nullptr, nullptr)) {
  gst_pad_add_probe(static_pad(clocksync, "src").get(), GST_PAD_PROBE_TYPE_BUFFER, &Gate::on_buffer,
                    this, nullptr);
}

void Gate::open(GstClockTime running_time) {
  // Media starts at 0 while the pipeline's clock has run since it was started.
  g_object_set(clocksync_.get(), "ts-offset", static_cast<gint64>(running_time), nullptr);
  gst_pad_remove_probe(static_pad(clocksync_.get(), "sink").get(), hold_);
}

GstPadProbeReturn Gate::on_buffer(GstPad *pad, GstPadProbeInfo *info, gpointer self) {
  if (!static_cast<Gate *>(self)->is_over(GST_BUFFER_PTS(GST_PAD_PROBE_INFO_BUFFER(info))))
    return GST_PAD_PROBE_OK;
  // From here on the pad answers EOS, which stops the source.
  gst_pad_push_event(pad, gst_event_new_eos());
  return GST_PAD_PROBE_DROP;
}

bool Gate::is_over(GstClockTime pts) {
  if (!GST_CLOCK_TIME_IS_VALID(first_))
    first_ = pts;
  return closed_ || (GST_CLOCK_TIME_IS_VALID(pts) && pts >= first_ + duration_);
}

}  // namespace call
