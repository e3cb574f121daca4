// SPDX-License-Identifier: LGPL-2.1-or-later
#include "clip.h"

#include <gst/app/app.h>

#include <cstdio>
#include <fstream>
#include <optional>

namespace publisher {
namespace {

using namespace examples;

constexpr unsigned kFrameRate = 30;
constexpr unsigned kSeconds = 4;
constexpr GstClockTime kAudioFrame = 20 * GST_MSECOND;

using SamplePtr = std::unique_ptr<GstSample, FreeWith<&gst_sample_unref>>;

std::string encoder_of(const std::string &codec) {
  const std::string vpx =
      " deadline=1 cpu-used=8 lag-in-frames=0 threads=2 end-usage=cbr target-bitrate=500000"
      " max-intra-bitrate=600 keyframe-max-dist=60";
  if (codec == "vp8")
    return "vp8enc" + vpx;
  if (codec == "vp9")
    return "vp9enc" + vpx;
  if (codec == "h264")
    return "openh264enc bitrate=500000 gop-size=60 complexity=low rate-control=bitrate ! "
           "video/x-h264,profile=constrained-baseline ! h264parse ! "  // for the level
           "video/x-h264,alignment=au,stream-format=byte-stream";
  throw Failure("no such codec: " + codec);
}

PipelinePtr parse(const std::string &line) {
  Error error;
  GstElement *made = gst_parse_launch(line.c_str(), error.out());
  PipelinePtr pipeline(made ? GST_ELEMENT(gst_object_ref_sink(made)) : nullptr);
  error.check(line);
  return pipeline;
}

/// All that an appsink named "out" gets until the end.
Clip collect(GstElement *pipeline, GstClockTime frame_duration) {
  ObjectPtr<GstElement> sink(gst_bin_get_by_name(GST_BIN(pipeline), "out"));
  if (gst_element_set_state(pipeline, GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE)
    throw Failure("a clip cannot be made: the pipeline does not start");
  Clip clip;
  clip.frame_duration = frame_duration;
  while (SamplePtr sample{gst_app_sink_pull_sample(GST_APP_SINK(sink.get()))}) {
    if (clip.caps.empty())
      clip.caps = CharPtr(gst_caps_to_string(gst_sample_get_caps(sample.get()))).get();
    GstBuffer *buffer = gst_sample_get_buffer(sample.get());
    // Opus begins with its headers, where an encoder writes them at all.
    if (GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_HEADER) &&
        clip.caps.find("opus") != std::string::npos)
      continue;
    Clip::Frame frame;
    frame.bytes.resize(gst_buffer_get_size(buffer));
    gst_buffer_extract(buffer, 0, frame.bytes.data(), frame.bytes.size());
    frame.key = !GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT);
    clip.frames.push_back(std::move(frame));
  }
  if (clip.frames.empty())
    throw Failure("a clip cannot be made: its encoder gave nothing");
  return clip;
}

std::optional<Clip> load(const std::string &path, GstClockTime frame_duration) {
  std::ifstream file(path, std::ios::binary);
  Clip clip;
  clip.frame_duration = frame_duration;
  if (!std::getline(file, clip.caps))
    return {};
  std::size_t size;
  for (char key; file >> key >> size && file.get() == '\n';) {
    Clip::Frame frame{std::vector<std::uint8_t>(size), key == 'k'};
    file.read(reinterpret_cast<char *>(frame.bytes.data()), std::streamsize(size));
    if (!file)
      return {};
    clip.frames.push_back(std::move(frame));
  }
  return clip;
}

/// Appears at once: others may be about to read it.
void store(const Clip &clip, const std::string &path) {
  const std::string temporary = path + "." + std::to_string(g_random_int());
  {
    std::ofstream file(temporary, std::ios::binary);
    file << clip.caps << '\n';
    for (const Clip::Frame &frame : clip.frames) {
      file << (frame.key ? 'k' : 'd') << frame.bytes.size() << '\n';
      file.write(reinterpret_cast<const char *>(frame.bytes.data()),
                 std::streamsize(frame.bytes.size()));
    }
  }
  std::rename(temporary.c_str(), path.c_str());
}

}  // namespace

Clip Clips::load_or_make(const std::string &name, const std::string &line,
                         GstClockTime duration) const {
  const std::string path = folder_ + "/" + name + ".clip";
  if (!folder_.empty()) {
    if (std::optional<Clip> clip = load(path, duration); clip && !clip->frames.empty())
      return std::move(*clip);
  }
  Clip clip = collect(parse(line).get(), duration);
  if (!folder_.empty())
    store(clip, path);
  return clip;
}

std::size_t Clip::next_key(std::size_t at) const {
  for (std::size_t step = 0; step < frames.size(); ++step) {
    const std::size_t index = (at + step) % frames.size();
    if (frames[index].key)
      return index;
  }
  return 0;
}

const Clip &Clips::video(const VideoFormat &format) {
  auto found = videos_.find(format);
  if (found == videos_.end()) {
    // Moving rings: they keep an encoder busy, so that frames have the size they have in calls.
    const std::string width = std::to_string(format.width), height = std::to_string(format.height);
    const std::string line = "videotestsrc pattern=zone-plate kx2=20 ky2=20 kt=3 num-buffers=" +
                             std::to_string(kSeconds * kFrameRate) +
                             " ! video/x-raw,format=I420,width=" + width + ",height=" + height +
                             ",framerate=" + std::to_string(kFrameRate) + "/1 ! " +
                             encoder_of(format.codec) + " ! appsink name=out sync=false";
    const std::string name = format.codec + "-" + width + "x" + height;
    Clip clip = load_or_make(name, line, GST_SECOND / kFrameRate);
    found = videos_.emplace(format, std::move(clip)).first;
  }
  return found->second;
}

const Clip &Clips::audio() {
  if (!audio_) {
    const std::string line =
        "audiotestsrc wave=pink-noise volume=0.3 samplesperbuffer=960 num-buffers=" +
        std::to_string(kSeconds * 50) +
        " ! audio/x-raw,rate=48000,channels=2 ! opusenc frame-size=20 bitrate=48000 ! "
        "appsink name=out sync=false";
    audio_ = std::make_unique<Clip>(load_or_make("opus", line, kAudioFrame));
  }
  return *audio_;
}

Clip encrypted(const Clip &clip, GObject *provider, const std::string &participant) {
  const PipelinePtr pipeline = parse(
      "appsrc name=in format=time max-bytes=0 ! e2eeencrypt name=crypt ! "
      "appsink name=out sync=false");
  ObjectPtr<GstElement> source(gst_bin_get_by_name(GST_BIN(pipeline.get()), "in"));
  ObjectPtr<GstElement> crypt(gst_bin_get_by_name(GST_BIN(pipeline.get()), "crypt"));
  g_object_set(crypt.get(), "key-provider", provider, "participant", participant.c_str(), nullptr);
  gst_util_set_object_arg(G_OBJECT(source.get()), "caps", clip.caps.c_str());
  gst_element_set_state(pipeline.get(), GST_STATE_PAUSED);
  GstClockTime time = 0;
  for (const Clip::Frame &frame : clip.frames) {
    GstBuffer *buffer = gst_buffer_new_memdup(frame.bytes.data(), frame.bytes.size());
    GST_BUFFER_PTS(buffer) = time;
    time += clip.frame_duration;
    if (!frame.key)
      GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT);
    gst_app_src_push_buffer(GST_APP_SRC(source.get()), buffer);
  }
  gst_app_src_end_of_stream(GST_APP_SRC(source.get()));
  Clip made = collect(pipeline.get(), clip.frame_duration);
  if (made.frames.size() != clip.frames.size())
    throw Failure("not all frames of a clip were encrypted");
  return made;
}

}  // namespace publisher
