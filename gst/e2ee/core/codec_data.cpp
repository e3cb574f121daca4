/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Messages beside the media. Not in the table of codecs: no caps lead here.
#include "core/codec.h"

namespace e2ee {

extern const CodecRule kData;

namespace {
FrameType frame_type(ByteView) {
  return FrameType::audio;
}
FrameSize frame_size(ByteView) {
  return {};
}
}  // namespace

const CodecRule kData = {CodecId::data, "data", "", false, frame_type, frame_size, nullptr};

}  // namespace e2ee
