/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/vp9.h"

namespace e2ee {

extern const CodecRule kVp9;

namespace {

FrameType frame_type(ByteView frame) {
  return read_vp9_header(frame).key ? FrameType::key : FrameType::delta;
}

FrameSize frame_size(ByteView key_frame) {
  const Vp9Header header = read_vp9_header(key_frame);
  return header.key ? header.size.value_or(FrameSize{}) : FrameSize{};
}

}  // namespace

const CodecRule kVp9 = {.id = CodecId::vp9,
                        .name = "VP9",
                        .media_type = "video/x-vp9",
                        .rtp_name = "VP9",
                        .video = true,
                        .read_type = frame_type,
                        .read_size = frame_size};

}  // namespace e2ee
