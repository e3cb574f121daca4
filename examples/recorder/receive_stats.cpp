// SPDX-License-Identifier: LGPL-2.1-or-later
#include "receive_stats.h"

#include <algorithm>
#include <utility>

namespace recorder {

using examples::ObjectPtr;

namespace {

// A state that stays is noted this often, however many frames bring it.
constexpr std::chrono::seconds kStateEvery{10};

}  // namespace

// A pipeline that grows meanwhile is gone through from the start: what was found before would be
// found again.
std::vector<ObjectPtr<GstElement>> elements_of(GstElement *bin, const char *factory) {
  using IteratorPtr = std::unique_ptr<GstIterator, examples::FreeWith<&gst_iterator_free>>;
  IteratorPtr all(gst_bin_iterate_all_by_element_factory_name(GST_BIN(bin), factory));
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

void add_packets(ReceiveStats &stats, GstElement *jitterbuffer) {
  GstStructure *raw = nullptr;
  g_object_get(jitterbuffer, "stats", &raw, nullptr);
  const examples::StructurePtr counters(raw);
  guint64 lost = 0, late = 0;
  gst_structure_get_uint64(raw, "num-lost", &lost);
  gst_structure_get_uint64(raw, "num-late", &late);
  stats.packets_lost += lost;
  stats.packets_late += late;
}

std::uint64_t frames_missed(const ReceiveStats &stats) {
  std::uint64_t missed = stats.frames_left_out;
  for (const TrackStats &track : stats.tracks)
    missed += track.frames_dropped;
  return missed;
}

void WithdrawnFrames::begin(const ReceiveStats &now) {
  known_ = missed(now);
  withdrawn_ = true;
  waiting_ = 0;
  missed_before_ = frames_missed(now);
}

void WithdrawnFrames::end(const ReceiveStats &now) {
  known_ = missed(now);
  withdrawn_ = false;
  waiting_ = arrived_ = 0;
  missed_before_ = frames_missed(now);
  for (const TrackStats &track : now.tracks) {
    waiting_ += track.frames_held;
    arrived_ += track.frames_arrived;
  }
}

// Frames leave in the order in which they came.
void WithdrawnFrames::settle(const ReceiveStats &now) {
  std::uint64_t arrived = 0, held = 0;
  for (const TrackStats &track : now.tracks) {
    arrived += track.frames_arrived;
    held += track.frames_held;
  }
  if (withdrawn_ || arrived < arrived_ + held)
    return;
  known_ = missed(now);
  waiting_ = 0;
}

std::uint64_t WithdrawnFrames::missed(const ReceiveStats &now) const {
  const std::uint64_t since = frames_missed(now) - std::min(frames_missed(now), missed_before_);
  return known_ + (withdrawn_ ? since : std::min(since, waiting_));
}

// ---- states -------------------------------------------------------------------------------------

void StateNotes::add(const std::string &state, std::uint64_t frames, Clock::time_point now) {
  const bool is_new = state_ != state;
  if (is_new)
    note_rest();
  frames_ += frames;
  if (!is_new && now - noted_ < kStateEvery)
    return;
  state_ = state;
  noted_ = now;
  note_(state, std::exchange(frames_, 0), is_new);
}

void StateNotes::note_rest() {
  if (frames_ > 0)
    note_(state_, std::exchange(frames_, 0), false);
}

ReceiveStats &ReceiveStats::operator+=(const ReceiveStats &other) {
  packets_lost += other.packets_lost;
  packets_late += other.packets_late;
  frames_left_out += other.frames_left_out;
  for (const TrackStats &from : other.tracks) {
    auto to = std::find_if(tracks.begin(), tracks.end(),
                           [&from](const TrackStats &track) { return track.codec == from.codec; });
    if (to == tracks.end())
      to = tracks.insert(to, {.media = from.media, .codec = from.codec});
    to->frames_arrived += from.frames_arrived;
    to->frames_held += from.frames_held;
    to->frames_dropped += from.frames_dropped;
  }
  return *this;
}

}  // namespace recorder
