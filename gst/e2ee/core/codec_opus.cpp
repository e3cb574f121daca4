/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/codec.h"

namespace e2ee {

extern const CodecRule kOpus;

namespace {
FrameType frame_type(ByteView) {
  return FrameType::audio;
}
FrameSize frame_size(ByteView) {
  return {};
}
}  // namespace

const CodecRule kOpus = {CodecId::opus, "Opus",     "audio/x-opus", false,
                         frame_type,    frame_size, nullptr,        nullptr};

}  // namespace e2ee
