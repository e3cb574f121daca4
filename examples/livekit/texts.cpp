// SPDX-License-Identifier: LGPL-2.1-or-later
#include "texts.h"

#include <algorithm>
#include <utility>

namespace livekit {

std::deque<Texts::Open>::iterator Texts::find(const std::string &sender, const std::string &id) {
  return std::ranges::find_if(
      open_, [&](const Open &open) { return open.sender == sender && open.text.id == id; });
}

std::optional<Text> Texts::take(const std::string &sender, const wire::DataPayload &payload,
                                std::string &trouble) {
  switch (payload.value_case()) {
    case wire::DataPayload::kChatMessage:
      return Text{.id = payload.chat_message().id(),
                  .topic = {},
                  .sent_ms = payload.chat_message().timestamp(),
                  .text = payload.chat_message().message()};
    case wire::DataPayload::kUser:
      return Text{.id = {},
                  .topic = payload.user().topic(),
                  .sent_ms = 0,
                  .text = payload.user().payload()};
    case wire::DataPayload::kStreamHeader:
      return begin(sender, payload.stream_header(), trouble);
    case wire::DataPayload::kStreamChunk:
      go_on(sender, payload.stream_chunk(), trouble);
      return {};
    case wire::DataPayload::kStreamTrailer:
      return end(sender, payload.stream_trailer(), trouble);
    default:
      return {};
  }
}

std::optional<Text> Texts::begin(const std::string &sender, const wire::StreamHeader &header,
                                 std::string &trouble) {
  Text text{.id = header.stream_id(),
            .topic = header.topic(),
            .sent_ms = header.timestamp(),
            .text = header.inline_content()};
  if (header.compression() != 0)
    trouble = "a text is compressed, which was not agreed upon";
  else if (!header.mime_type().starts_with("text/"))
    trouble = "a stream of " + header.mime_type() + " is no text";
  else if (header.total_length() > kLongestText)
    trouble = "a text is longer than " + std::to_string(kLongestText >> 10) + " KiB";
  if (!trouble.empty())
    return {};
  if (!text.text.empty())
    return text;
  if (open_.size() == kMostOpen) {
    trouble = "too many texts come at once: one is given up";
    open_.pop_front();
  }
  open_.push_back({.sender = sender, .text = std::move(text), .length = header.total_length()});
  return {};
}

// Data channels are reliable, so a chunk that is missing never comes.
void Texts::go_on(const std::string &sender, const wire::StreamChunk &chunk, std::string &trouble) {
  const auto open = find(sender, chunk.stream_id());
  if (open == open_.end())
    return;  // given up, or of no text
  if (chunk.chunk_index() == open->next++ &&
      open->text.text.size() + chunk.content().size() <= kLongestText) {
    open->text.text += chunk.content();
    return;
  }
  trouble = "a text came incomplete, or is too long";
  open_.erase(open);
}

std::optional<Text> Texts::end(const std::string &sender, const wire::StreamTrailer &trailer,
                               std::string &trouble) {
  const auto open = find(sender, trailer.stream_id());
  if (open == open_.end())
    return {};
  const Open whole = std::move(*open);
  open_.erase(open);
  if (whole.length > 0 && whole.length != whole.text.text.size()) {
    trouble = "a text came incomplete";
    return {};
  }
  return whole.text;
}

}  // namespace livekit
