// SPDX-License-Identifier: LGPL-2.1-or-later
#include "livekit_seat.h"

#include <utility>

#include "livekit/ice.h"
#include "publish/sdp.h"

namespace publisher {

namespace wire = livekit::wire;

LiveKitSeat::LiveKitSeat(const livekit::Access &access, Participant &participant,
                         std::function<void(const std::string &why)> failed)
    : participant_(participant), failed_(std::move(failed)) {
  livekit::Room::Events events;
  events.joined = [this](const wire::Join &, livekit::Room::Milliseconds) { offer(); };
  events.message = [this](const wire::Response &response) { on_message(response); };
  events.lost = [this](const std::string &why, livekit::Room::Milliseconds) { failed_(why); };
  events.refused = failed_;
  events.ended = [this](wire::Reason, const std::string &why) { failed_(why); };
  room_ = std::make_unique<livekit::Room>(livekit::Room::Settings{.access = access,
                                                                  .auto_subscribe = false,
                                                                  .can_resume = {},
                                                                  .backoff = examples::Backoff()},
                                          std::move(events));
}

void LiveKitSeat::offer() {
  offer_ = participant_.make_offer();
  const std::vector<std::string> ids = publish::track_ids(offer_);
  const std::vector<Media> media = participant_.media();
  announced_ = ids.size();
  for (std::size_t i = 0; i < ids.size(); ++i)
    announce(ids[i], media.at(i));
}

void LiveKitSeat::announce(const std::string &cid, Media media) {
  const bool is_video = media == Media::kVideo;
  const bool is_encrypted = participant_.settings().protection != Participant::Protection::kNone;
  wire::Request request;
  wire::AddTrack *track = request.mutable_add_track();
  track->set_cid(cid);
  track->set_type(is_video ? wire::VIDEO : wire::AUDIO);
  track->set_source(is_video ? wire::CAMERA : wire::MICROPHONE);
  track->set_encryption(is_encrypted ? wire::GCM : wire::NONE);
  track->set_disable_red(true);
  if (is_video) {
    track->set_width(participant_.settings().format.width);
    track->set_height(participant_.settings().format.height);
  }
  room_->send(request);
}

void LiveKitSeat::on_message(const wire::Response &response) {
  if (response.has_track_published() && announced_ > 0 && --announced_ == 0) {
    wire::Request request;
    request.mutable_offer()->set_type("offer");
    request.mutable_offer()->set_sdp(std::exchange(offer_, ""));
    room_->send(request);
  } else if (response.has_answer()) {
    participant_.take_answer(response.answer().sdp());
  } else if (response.has_trickle() && response.trickle().target() == wire::PUBLISHER) {
    if (const auto candidate = livekit::candidate_of(response.trickle()))
      participant_.add_candidate(candidate->mline, candidate->text);
  }
}

void LiveKitSeat::leave(std::function<void()> left) {
  room_->close([this, done = std::move(left)] {
    left_.start(std::chrono::milliseconds(0), done);  // the room still runs here
  });
}

}  // namespace publisher
