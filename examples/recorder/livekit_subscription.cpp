// SPDX-License-Identifier: LGPL-2.1-or-later
#include "livekit_subscription.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace recorder {
namespace {

// Nobody has as many cameras: it is the server that went wrong.
constexpr unsigned kMostPlaces = 8;
// Tracks that were taken away, and whose first packets may still be on their way.
constexpr std::ptrdiff_t kMostGone = 16;

}  // namespace

LiveKitSubscription::LiveKitSubscription(LiveKitRoom &room, const Feed &feed, Events events)
    : room_(room), feed_(feed), outlet_(std::make_shared<Outlet>(std::move(events))) {}

LiveKitSubscription::~LiveKitSubscription() {
  room_.forget(this);
  const std::unique_lock lock(outlet_->mutex);
  outlet_->is_open = false;
}

void LiveKitSubscription::Outlet::deliver(unsigned number, Media media, unsigned place,
                                          bool in_the_clear, GstSample *frame) {
  const std::shared_lock lock(mutex);
  if (is_open && succession.takes(number, media, place, frame))
    events.frame(media, place, in_the_clear, frame);
}

// Streams come and go with the server's offers.
void LiveKitSubscription::update(const Feed &feed) {
  const Feed before = std::exchange(feed_, feed);
  for (const Feed::Stream &stream : before.streams)
    if (!present(stream.id))
      gone_.push_back(stream);
  if (std::ssize(gone_) > kMostGone)
    gone_.erase(gone_.begin(), gone_.end() - kMostGone);
  std::erase_if(places_, [&feed](const auto &place) {
    return std::ranges::none_of(
        feed.streams, [&place](const Feed::Stream &stream) { return stream.id == place.second; });
  });
}

// A track that replaces another one of its kind goes into the same recording.
unsigned LiveKitSubscription::place_of(const Feed::Stream &stream, Media media) {
  for (const auto &[place, track] : places_)
    if (track == stream.id)
      return place.second;
  unsigned place = stream.is_screen ? 1 : 0;
  if (!present(stream.id))
    return place;  // a late one that is gone already: what replaces it goes into the same recording
  if (places_.contains({media, place}))
    for (place = 2; places_.contains({media, place});)
      ++place;
  if (place < kMostPlaces)
    places_[{media, place}] = stream.id;
  return place;
}

const Feed::Stream *LiveKitSubscription::present(const std::string &track) const {
  const auto found = std::ranges::find(feed_.streams, track, &Feed::Stream::id);
  return found == feed_.streams.end() ? nullptr : &*found;
}

const Feed::Stream *LiveKitSubscription::stream(const std::string &track) const {
  if (const Feed::Stream *found = present(track))
    return found;
  const auto found = std::ranges::find(gone_, track, &Feed::Stream::id);
  return found == gone_.end() ? nullptr : &*found;
}

Route LiveKitSubscription::route(const StreamStart &start, unsigned number) {
  const Feed::Stream *stream = this->stream(start.track);
  if (!stream)
    return {.what = Route::What::kLeaveOut};
  const unsigned place = place_of(*stream, start.media);
  if (place >= kMostPlaces) {
    outlet_->events.trouble("no more than " + std::to_string(kMostPlaces) +
                            " videos and as many sounds of one participant are recorded");
    return {.what = Route::What::kLeaveOut};
  }
  const bool in_the_clear = stream->in_the_clear;
  return {.participant = feed_.identity,
          .in_the_clear = in_the_clear,
          .frame =
              [outlet = outlet_, number, place, in_the_clear](Media media, GstSample *frame) {
                outlet->deliver(number, media, place, in_the_clear, frame);
              },
          .state =
              [outlet = outlet_](const std::string &state, std::uint64_t frames) {
                if (outlet->is_open)
                  outlet->events.state(state, frames);
              },
          .owner = feed_.id};
}

void LiveKitSubscription::request_key_frame() {
  if (room_.receiver_)
    room_.receiver_->request_key_frame(feed_.id);
}

std::set<std::string> LiveKitSubscription::tracks() const {
  std::set<std::string> tracks;
  for (const auto *some : {&feed_.streams, &gone_})
    for (const Feed::Stream &stream : *some)
      tracks.insert(stream.id);
  return tracks;
}

// Connections that were replaced may still hold something, too.
void LiveKitSubscription::drain(std::function<void()> drained) {
  drained_ = std::move(drained);
  if (room_.receiver_)
    room_.receiver_->drain(feed_.id, tracks(), [this, outlet = outlet_] {
      if (!outlet->is_open)
        return;
      has_ended_ = true;
      tell_drained();
    });
  else
    has_ended_ = true;
  check_.start(std::chrono::milliseconds(0), [this] { tell_drained(); });
}

void LiveKitSubscription::on_retired(const ReceiveStats &stats) {
  past_ += stats;
  check_.start(std::chrono::milliseconds(0), [this] { tell_drained(); });
}

void LiveKitSubscription::tell_drained() {
  if (!has_ended_ || !room_.retired_.empty())
    return;
  if (const auto drained = std::exchange(drained_, nullptr))
    drained();
}

ReceiveStats LiveKitSubscription::stats() const {
  ReceiveStats stats = past_;
  for (const auto &receiver : room_.retired_)
    stats += receiver->stats(feed_.id);
  if (room_.receiver_)
    stats += room_.receiver_->stats(feed_.id);
  stats.frames_left_out += outlet_->succession.left_out();
  return stats;
}

}  // namespace recorder
