// SPDX-License-Identifier: LGPL-2.1-or-later
#include "source.h"

#include <utility>

#include "common/elements.h"
#include "receive_stats.h"

namespace recorder {

using examples::ObjectPtr;

namespace {

// Nothing passes a pad while this is there.
class Standstill {
 public:
  explicit Standstill(ObjectPtr<GstPad> pad) : pad_(std::move(pad)) {
    GST_PAD_STREAM_LOCK(pad_.get());
  }
  ~Standstill() { GST_PAD_STREAM_UNLOCK(pad_.get()); }
  Standstill(const Standstill &) = delete;
  Standstill &operator=(const Standstill &) = delete;

 private:
  const ObjectPtr<GstPad> pad_;
};

// A packet that came meanwhile would make pads beside those that are about to go.
void clear(GstElement *demux, guint ssrc) {
  const Standstill rtp(examples::static_pad(demux, "sink"));
  const Standstill rtcp(examples::static_pad(demux, "rtcp_sink"));
  g_signal_emit_by_name(demux, "clear-ssrc", ssrc);
}

// Packets that come behind the end go nowhere. The jitter buffer would answer them with the end,
// and that stops what reads from the connection, for all streams of it.
void drop_what_follows(GstPad *pad) {
  const ObjectPtr<GstPad> before(gst_pad_get_peer(pad));
  if (before)
    gst_pad_add_probe(
        before.get(),
        static_cast<GstPadProbeType>(GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST),
        [](GstPad *, GstPadProbeInfo *, gpointer) { return GST_PAD_PROBE_DROP; }, nullptr, nullptr);
}

}  // namespace

void end_source(GstElement *jitterbuffer) {
  // At its end it takes timers as expired, and one that may ask again for a packet does so
  // without a pause, for as long as the latency is.
  g_object_set(jitterbuffer, "rtx-max-retries", 0, nullptr);
  const ObjectPtr<GstPad> sink = examples::static_pad(jitterbuffer, "sink");
  drop_what_follows(sink.get());
  gst_pad_send_event(sink.get(), gst_event_new_eos());
}

void clear_source(GstElement *rtpbin, guint ssrc) {
  for (const auto &demux : elements_of(rtpbin, "rtpssrcdemux"))
    clear(demux.get(), ssrc);
}

}  // namespace recorder
