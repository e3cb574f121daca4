// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "livekit/signal.pb.h"

namespace livekit {

// What somebody wrote.
struct Text {
  std::string id;
  std::string topic;         // of a stream or packet; empty: a chat message
  std::int64_t sent_ms = 0;  // since 1970, as the sender says; 0: it does not
  std::string text;
};

// Puts together what LiveKit's clients write in a room: chat messages, packets of users, and text
// streams, which come as a header, chunks and a trailer.
class Texts {
 public:
  // What of a text is kept until it is whole.
  static constexpr std::size_t kLongestText = 1 << 20;
  static constexpr std::size_t kMostOpen = 64;

  // A text that is whole now, or none. `trouble` says what is wrong with what came; empty: nothing.
  std::optional<Text> take(const std::string &sender, const wire::DataPayload &payload,
                           std::string &trouble);

 private:
  struct Open {
    std::string sender;
    Text text;
    std::uint64_t length = 0;  // as announced; 0: it was not
    std::uint64_t next = 0;    // chunk
  };
  std::optional<Text> begin(const std::string &sender, const wire::StreamHeader &header,
                            std::string &trouble);
  void go_on(const std::string &sender, const wire::StreamChunk &chunk, std::string &trouble);
  std::optional<Text> end(const std::string &sender, const wire::StreamTrailer &trailer,
                          std::string &trouble);
  std::deque<Open>::iterator find(const std::string &sender, const std::string &id);

  std::deque<Open> open_;  // the oldest is given up for a new one
};

}  // namespace livekit
