// SPDX-License-Identifier: LGPL-2.1-or-later
#include "format.h"

#include <vector>

#include "common/program.h"
#include "common/words.h"

namespace publish {

using examples::CharPtr;
using examples::Refused;

namespace {

constexpr CodecInfo kCodecs[] = {
    {Codec::kVp8, Media::kVideo, "vp8", "video/x-vp8", "VP8", 96, "vp8enc", "rtpe2eepay"},
    {Codec::kVp9, Media::kVideo, "vp9", "video/x-vp9", "VP9", 98, "vp9enc", "rtpe2eepay"},
    {Codec::kH264, Media::kVideo, "h264", "video/x-h264", "H264", 102, "x264enc", "rtph264pay"},
    {Codec::kOpus, Media::kAudio, "opus", "audio/x-opus", "OPUS", 111, "opusenc", "rtpe2eepay"},
};

constexpr const char *kOwnProfile = "constrained-baseline";  // of what is encoded here

// Each profile as the peers' SDP names it. The level is one that all of them know: they decode
// what they can, whatever it says.
struct Profile {
  const char *name;  // in caps
  const char *id;    // profile-level-id
};
constexpr Profile kProfiles[] = {
    {"constrained-baseline", "42e01f"},
    {"baseline", "42001f"},
    {"main", "4d001f"},
    {"high", "640032"},
    {"constrained-high", "640032"},
    {"progressive-high", "640032"},
};

std::string profile_level_id(const std::string &profile) {
  for (const Profile &known : kProfiles)
    if (profile == known.name)
      return known.id;
  throw Refused("H.264 of profile " + (profile.empty() ? "unknown" : profile) +
                " is not what WebRTC clients decode: set the camera or encoder to constrained "
                "baseline, main or high, with 4:2:0 and 8 bits");
}

unsigned number_in(const GstStructure *structure, const char *field) {
  int value = 0;
  gst_structure_get_int(structure, field, &value);
  return value > 0 ? static_cast<unsigned>(value) : 0;
}

}  // namespace

std::string accepted_caps() {
  std::string caps = "video/x-raw,format=I420;video/x-raw;audio/x-raw";
  for (const CodecInfo &info : kCodecs)
    caps += std::string(";") + info.caps;
  return caps;
}

std::string video_codecs() {
  std::vector<std::string> names;
  for (const CodecInfo &info : kCodecs)
    if (info.media == Media::kVideo)
      names.emplace_back(info.name);
  return examples::alternatives(names);
}

std::span<const CodecInfo> codecs() {
  return kCodecs;
}

const CodecInfo &info_of(Codec codec) {
  return kCodecs[static_cast<std::size_t>(codec)];
}

std::optional<Codec> codec_named(const std::string &name) {
  for (const CodecInfo &info : kCodecs)
    if (name == info.name)
      return info.codec;
  return std::nullopt;
}

Ending ending_of(const GstCaps *caps) {
  const GstStructure *structure = gst_caps_get_structure(caps, 0);
  const std::string name = gst_structure_get_name(structure);
  if (name == "video/x-raw")
    return {Media::kVideo, std::nullopt};
  if (name == "audio/x-raw")
    return {Media::kAudio, std::nullopt};
  for (const CodecInfo &info : kCodecs)
    if (name == info.caps)
      return {info.media, info.codec};
  throw Refused("ends in " + name +
                ", and neither in raw video or audio nor in H.264, VP8, VP9 or Opus: add a "
                "depayloader (rtph264depay), a demuxer, or a decoder (jpegdec, decodebin) to the "
                "line");
}

Format format_of(Codec codec, const GstCaps *caps) {
  const GstStructure *structure = gst_caps_get_structure(caps, 0);
  Format format{.codec = codec,
                .width = number_in(structure, "width"),
                .height = number_in(structure, "height"),
                .profile_level_id = {}};
  if (codec == Codec::kH264) {
    const char *profile = gst_structure_has_name(structure, "video/x-raw")
                              ? kOwnProfile
                              : gst_structure_get_string(structure, "profile");
    format.profile_level_id = profile_level_id(profile ? profile : "");
  }
  return format;
}

std::string rtp_caps(const Format &format, guint32 ssrc) {
  const CodecInfo &info = info_of(format.codec);
  std::string caps = std::string("application/x-rtp,media=") + media_name(info.media) +
                     ",encoding-name=" + info.encoding +
                     ",payload=" + std::to_string(info.payload) + ",ssrc=(uint)" +
                     std::to_string(ssrc);
  if (info.media == Media::kAudio)
    return caps + ",clock-rate=48000,encoding-params=(string)2,minptime=(string)10";
  caps += ",clock-rate=90000,rtcp-fb-nack-pli=(boolean)true";
  if (format.codec == Codec::kH264)
    caps +=
        ",packetization-mode=(string)1,level-asymmetry-allowed=(string)1,profile-level-id="
        "(string)" +
        format.profile_level_id;
  return caps;
}

GstElement *add_payloader(GstElement *bin, Codec codec, guint32 ssrc) {
  const bool is_h264 = codec == Codec::kH264;
  GstElement *payloader = examples::add_element(bin, info_of(codec).payloader);
  g_object_set(payloader, "pt", info_of(codec).payload, "ssrc", ssrc, nullptr);
  // A key frame of which parameter sets alone are lost would not verify.
  if (is_h264)
    gst_util_set_object_arg(G_OBJECT(payloader), "aggregate-mode", "zero-latency");
  else if (info_of(codec).media == Media::kVideo)
    gst_util_set_object_arg(G_OBJECT(payloader), "picture-id-mode", "15-bit");
  return payloader;
}

}  // namespace publish
