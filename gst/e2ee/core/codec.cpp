/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/codec.h"

#include <algorithm>
#include <vector>

#include "core/nal.h"

namespace e2ee {

extern const CodecRule kVp8, kVp9, kH264, kH265, kAv1;
extern const CodecRule kData;

namespace {
constexpr CodecRule kOpus = {.id = CodecId::opus,
                             .name = "Opus",
                             .media_type = "audio/x-opus",
                             .rtp_name = "OPUS",
                             .video = false};
}

// Messages beside the media. Not in the table: no caps lead here.
constinit const CodecRule kData = {
    .id = CodecId::data, .name = "data", .media_type = "", .rtp_name = "", .video = false};

std::span<const CodecRule *const> codecs() {
  static const CodecRule *const table[] = {&kVp8, &kVp9, &kOpus, &kH264, &kH265, &kAv1};
  return table;
}

std::size_t CodecRule::extra_room(ByteView frame) const {
  return nal != nullptr && !whole ? nal_room(frame, *nal) : 0;
}

const CodecRule *codec_for_media_type(std::string_view media_type) {
  for (const CodecRule *codec : codecs()) {
    if (media_type == codec->media_type)
      return codec;
  }
  return nullptr;
}

const CodecRule &whole_frames_of(const CodecRule &codec) {
  static const auto *const rules = [] {
    auto *all = new std::vector<CodecRule>;
    for (const CodecRule *each : codecs()) {
      all->push_back(*each);
      all->back().whole = true;
    }
    return all;
  }();
  return *std::find_if(rules->begin(), rules->end(),
                       [&](const CodecRule &rule) { return rule.id == codec.id; });
}

}  // namespace e2ee
