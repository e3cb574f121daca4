/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "livekit/room.h"
#include "participant.h"

namespace publisher {

/// A participant's place in a room of a LiveKit server. On the main context. The token must not
/// let it subscribe: then the server opens no connection of its own.
class LiveKitSeat {
 public:
  LiveKitSeat(const livekit::Access &access, Participant &participant,
              std::function<void(const std::string &why)> failed);

  /// Says good-bye; `left` comes when this may go.
  void leave(std::function<void()> left);

 private:
  void offer();
  void announce(const std::string &cid, Media media);
  void on_message(const livekit::wire::Response &response);

  Participant &participant_;
  const std::function<void(const std::string &why)> failed_;
  std::string offer_;          // waits until the server knows its tracks
  std::size_t announced_ = 0;  // that the server does not know yet
  examples::Timer left_;
  std::unique_ptr<livekit::Room> room_;
};

}  // namespace publisher
