// SPDX-License-Identifier: LGPL-2.1-or-later
#include "receive_stats.h"

#include <algorithm>

namespace recorder {

using examples::ObjectPtr;

// A pipeline that grows meanwhile is gone through from the start: what was found before would be
// found again.
std::vector<ObjectPtr<GstElement>> jitterbuffers_of(GstElement *pipeline) {
  using IteratorPtr = std::unique_ptr<GstIterator, examples::FreeWith<&gst_iterator_free>>;
  IteratorPtr all(
      gst_bin_iterate_all_by_element_factory_name(GST_BIN(pipeline), "rtpjitterbuffer"));
  std::vector<ObjectPtr<GstElement>> found;
  GValue item = G_VALUE_INIT;
  for (;;) {
    const GstIteratorResult result = gst_iterator_next(all.get(), &item);
    if (result == GST_ITERATOR_RESYNC) {
      found.clear();
      gst_iterator_resync(all.get());
      continue;
    }
    if (result != GST_ITERATOR_OK)
      break;
    found.emplace_back(GST_ELEMENT(g_value_dup_object(&item)));
    g_value_reset(&item);
  }
  if (G_IS_VALUE(&item))
    g_value_unset(&item);
  return found;
}

void add_packets(ReceiveStats &stats, GstElement *pipeline) {
  for (const auto &buffer : jitterbuffers_of(pipeline)) {
    GstStructure *raw = nullptr;
    g_object_get(buffer.get(), "stats", &raw, nullptr);
    const examples::StructurePtr counters(raw);
    guint64 lost = 0, late = 0;
    gst_structure_get_uint64(raw, "num-lost", &lost);
    gst_structure_get_uint64(raw, "num-late", &late);
    stats.packets_lost += lost;
    stats.packets_late += late;
  }
}

ReceiveStats &ReceiveStats::operator+=(const ReceiveStats &other) {
  packets_lost += other.packets_lost;
  packets_late += other.packets_late;
  for (const TrackStats &from : other.tracks) {
    auto to = std::find_if(tracks.begin(), tracks.end(),
                           [&from](const TrackStats &track) { return track.codec == from.codec; });
    if (to == tracks.end())
      to = tracks.insert(to, {.media = from.media, .codec = from.codec});
    to->frames_arrived += from.frames_arrived;
    to->frames_delivered += from.frames_delivered;
    to->frames_held += from.frames_held;
    to->frames_dropped += from.frames_dropped;
  }
  return *this;
}

}  // namespace recorder
