// SPDX-License-Identifier: LGPL-2.1-or-later
#include "sdp.h"

#include <gst/sdp/sdp.h>

#include <memory>

#include "common/gst_ptr.h"

namespace publish {
namespace {

using MessageOwner = std::unique_ptr<GstSDPMessage, examples::FreeWith<&gst_sdp_message_free>>;

MessageOwner parse(const std::string &sdp) {
  GstSDPMessage *message = nullptr;
  if (sdp.empty() || gst_sdp_message_new_from_text(sdp.c_str(), &message) != GST_SDP_OK)
    gst_sdp_message_new(&message);
  return MessageOwner(message);
}

// "STREAM TRACK"
std::string track_of_msid(const std::string &msid) {
  const std::size_t space = msid.find(' ');
  return space == std::string::npos ? "" : msid.substr(space + 1);
}

std::string track_id(const GstSDPMedia *media) {
  if (const char *msid = gst_sdp_media_get_attribute_val(media, "msid"))
    return track_of_msid(msid);
  // "SSRC msid:STREAM TRACK", as before there was a line for it.
  for (guint i = 0; i < gst_sdp_media_attributes_len(media); ++i) {
    const GstSDPAttribute *attribute = gst_sdp_media_get_attribute(media, i);
    const std::string value = attribute->value ? attribute->value : "";
    const std::size_t at = value.find(" msid:");
    if (g_str_equal(attribute->key, "ssrc") && at != std::string::npos)
      return track_of_msid(value.substr(at + 6));
  }
  return "";
}

}  // namespace

std::vector<std::string> track_ids(const std::string &sdp) {
  const MessageOwner message = parse(sdp);
  std::vector<std::string> ids;
  for (guint i = 0; i < gst_sdp_message_medias_len(message.get()); ++i)
    ids.push_back(track_id(gst_sdp_message_get_media(message.get(), i)));
  return ids;
}

std::vector<bool> accepted(const std::string &sdp) {
  const MessageOwner message = parse(sdp);
  std::vector<bool> result;
  for (guint i = 0; i < gst_sdp_message_medias_len(message.get()); ++i) {
    const GstSDPMedia *media = gst_sdp_message_get_media(message.get(), i);
    result.push_back(gst_sdp_media_get_port(media) != 0 &&
                     !gst_sdp_media_get_attribute_val(media, "inactive"));
  }
  return result;
}

}  // namespace publish
