// SPDX-License-Identifier: LGPL-2.1-or-later
#include "livekit_subscription.h"

#include <algorithm>

namespace recorder {
namespace {

// Nobody has as many cameras: it is the server that went wrong.
constexpr unsigned kMostPlaces = 8;

}  // namespace

LiveKitSubscription::LiveKitSubscription(LiveKitRoom &room, const Feed &feed, Events events)
    : room_(room), feed_(feed), events_(std::move(events)) {}

LiveKitSubscription::~LiveKitSubscription() {
  room_.forget(this);
}

// Streams come and go with the server's offers.
void LiveKitSubscription::update(const Feed &feed) {
  feed_ = feed;
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
  if (places_.contains({media, place}))
    for (place = 2; places_.contains({media, place});)
      ++place;
  if (place < kMostPlaces)
    places_[{media, place}] = stream.id;
  return place;
}

Route LiveKitSubscription::route(const StreamStart &start, unsigned number) {
  const auto stream = std::ranges::find_if(
      feed_.streams, [&start](const Feed::Stream &other) { return other.id == start.track; });
  if (stream == feed_.streams.end())
    return {.what = Route::What::kLeaveOut};
  const unsigned place = place_of(*stream, start.media);
  if (place >= kMostPlaces) {
    events_.trouble("no more than " + std::to_string(kMostPlaces) +
                    " videos and as many sounds of one participant are recorded");
    return {.what = Route::What::kLeaveOut};
  }
  const bool in_the_clear = stream->in_the_clear;
  return {.participant = feed_.identity,
          .in_the_clear = in_the_clear,
          .frame =
              [this, number, place, in_the_clear](Media media, GstSample *frame) {
                if (succession_.takes(number, media, place, frame))
                  events_.frame(media, place, in_the_clear, frame);
              },
          .state = events_.state,
          .owner = feed_.id};
}

void LiveKitSubscription::request_key_frame() {
  if (room_.receiver_)
    room_.receiver_->request_key_frame(feed_.id);
}

void LiveKitSubscription::drain(std::function<void()> drained) {
  if (room_.receiver_)
    room_.receiver_->drain(feed_.id, std::move(drained));
  else
    drained_.start(std::chrono::milliseconds(0), std::move(drained));
}

ReceiveStats LiveKitSubscription::stats() const {
  ReceiveStats stats = past_;
  for (const auto &receiver : room_.retired_)
    stats += receiver->stats(feed_.id);
  if (room_.receiver_)
    stats += room_.receiver_->stats(feed_.id);
  stats.frames_left_out += succession_.left_out();
  return stats;
}

}  // namespace recorder
