// SPDX-License-Identifier: LGPL-2.1-or-later
#include "chain.h"

#include <algorithm>
#include <thread>

namespace publish {
namespace {

// A key frame is asked for when somebody needs one.
constexpr unsigned kSecondsBetweenKeyFrames = 10;

class Builder {
 public:
  explicit Builder(GstElement *bin) : bin_(bin) {}

  GstElement *add(const char *factory) { return append(examples::add_element(bin_, factory)); }
  GstElement *limit(const std::string &caps) {
    return append(examples::add_caps_filter(bin_, caps));
  }

  Chain chain;

 private:
  GstElement *append(GstElement *element) {
    if (chain.last)
      examples::link_chain({chain.last, element});
    else
      chain.first = element;
    chain.last = element;
    chain.elements.push_back(element);
    return element;
  }

  GstElement *bin_;
};

int encoder_threads() {
  return static_cast<int>(std::clamp(std::thread::hardware_concurrency(), 1U, 4U));
}

void add_vpx(Builder &builder, const EncodeSettings &settings) {
  const bool is_vp9 = settings.video == Codec::kVp9;
  GstElement *encoder = builder.chain.encoder = builder.add(info_of(settings.video).encoder);
  g_object_set(encoder, "deadline", G_GINT64_CONSTANT(1), "cpu-used", 8, "lag-in-frames", 0,
               "target-bitrate", static_cast<int>(settings.bitrate * 1000), "threads",
               encoder_threads(), nullptr);
  gst_util_set_object_arg(G_OBJECT(encoder), "end-usage", "cbr");
  // vp9enc 1.22 ignores most requests for a key frame.
  const unsigned seconds = is_vp9 ? 1 : kSecondsBetweenKeyFrames;
  g_object_set(encoder, "keyframe-max-dist", static_cast<int>(settings.frame_rate * seconds),
               nullptr);
  if (is_vp9)
    g_object_set(encoder, "row-mt", TRUE, nullptr);
}

void add_x264(Builder &builder, const EncodeSettings &settings) {
  GstElement *encoder = builder.chain.encoder = builder.add(info_of(settings.video).encoder);
  gst_util_set_object_arg(G_OBJECT(encoder), "tune", "zerolatency");
  gst_util_set_object_arg(G_OBJECT(encoder), "speed-preset", "veryfast");
  g_object_set(encoder, "bitrate", settings.bitrate, "aud", FALSE, "key-int-max",
               settings.frame_rate * kSecondsBetweenKeyFrames, nullptr);
  builder.limit("video/x-h264,profile=constrained-baseline");
}

// Parameter sets in front of every key frame, a byte stream for keyframe.h.
void add_h264_parser(Builder &builder) {
  g_object_set(builder.add("h264parse"), "config-interval", -1, nullptr);
  builder.limit("video/x-h264,stream-format=byte-stream,alignment=au");
}

// Even sizes, which encoders of 4:2:0 want.
std::string even_to(unsigned most) {
  return "[2," + std::to_string(std::max(most & ~1U, 2U)) + ",2]";
}

void add_video_encoding(Builder &builder, const EncodeSettings &settings) {
  builder.add("videorate");
  // Frames that nobody wants end here: in front of all that costs, behind videorate, which would
  // fill the pause.
  builder.chain.raw =
      builder.limit("video/x-raw,framerate=[1/1," + std::to_string(settings.frame_rate) + "/1]");
  builder.add("videoconvert");
  builder.add("videoscale");
  builder.limit("video/x-raw,format=I420,pixel-aspect-ratio=1/1,width=" + even_to(settings.width) +
                ",height=" + even_to(settings.height));
  if (settings.video == Codec::kH264)
    add_x264(builder, settings);
  else
    add_vpx(builder, settings);
}

void add_audio_encoding(Builder &builder) {
  builder.chain.raw = builder.add("audioconvert");
  builder.add("audioresample");
  builder.limit("audio/x-raw,rate=48000,channels=[1,2]");
  builder.chain.encoder = builder.add(info_of(Codec::kOpus).encoder);
}

}  // namespace

Codec codec_of(const Ending &ending, const EncodeSettings &settings) {
  if (ending.codec)
    return *ending.codec;
  return ending.media == Media::kAudio ? Codec::kOpus : settings.video;
}

Chain add_chain(GstElement *bin, const Ending &ending, const EncodeSettings &settings, bool paced) {
  Builder builder(bin);
  g_object_set(builder.add("clocksync"), "sync", static_cast<gboolean>(paced), nullptr);
  if (!ending.codec && ending.media == Media::kVideo)
    add_video_encoding(builder, settings);
  else if (!ending.codec)
    add_audio_encoding(builder);
  if (codec_of(ending, settings) == Codec::kH264)
    add_h264_parser(builder);
  return builder.chain;
}

std::vector<std::string> encoding_elements(const EncodeSettings &settings) {
  return {"videorate",
          "videoconvert",
          "videoscale",
          info_of(settings.video).encoder,
          "audioconvert",
          "audioresample",
          info_of(Codec::kOpus).encoder};
}

}  // namespace publish
