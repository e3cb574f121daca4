// SPDX-License-Identifier: LGPL-2.1-or-later
#include "format.h"

namespace recorder {

bool Format::continues(const Format &other) const {
  if (codec != other.codec)
    return false;
  const Bytes &mine = track.private_data, &others = other.track.private_data;
  return codec->goes_on ? codec->goes_on(mine, others) : mine == others;
}

Format format_from_caps(const GstCaps *caps) {
  if (!caps || gst_caps_is_empty(caps))
    throw Failure("cannot record frames without caps");
  const GstStructure *structure = gst_caps_get_structure(caps, 0);
  Format format;
  format.codec = codec_of(caps);
  if (!format.codec)
    throw Failure(std::string{"cannot record "} + gst_structure_get_name(structure));
  format.caps = examples::CharPtr{gst_caps_to_string(caps)}.get();
  Matroska::Track &track = format.track;
  track.codec_id = format.codec->matroska_id;
  track.pre_roll_ns = format.codec->pre_roll_ns;
  track.private_data = format.codec->private_data(structure, track.channels);
  int width = 0, height = 0;
  if (gst_structure_get_int(structure, "width", &width) &&
      gst_structure_get_int(structure, "height", &height) && width > 0 && height > 0) {
    track.width = static_cast<unsigned>(width);
    track.height = static_cast<unsigned>(height);
  }
  return format;
}

Picture look_at_picture(const Format &format, Frame frame, bool delta_flag, bool readable) {
  if (!frame.empty() && readable && format.codec->look)
    if (const auto found = format.codec->look(frame, format.track.private_data))
      return *found;
  return {.keyframe = !delta_flag};
}

}  // namespace recorder
