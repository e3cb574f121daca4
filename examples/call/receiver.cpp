// SPDX-License-Identifier: LGPL-2.1-or-later
#include "receiver.h"

#include "peer.h"

namespace call {
namespace {

// Late packets are waited for this long. Nobody watches, so it may be generous.
constexpr guint kLatencyMs = 1000;

constexpr auto kHold =
    static_cast<GstPadProbeType>(GST_PAD_PROBE_TYPE_BLOCK | GST_PAD_PROBE_TYPE_BUFFER);

const char *depayloader_for(Media media, Codec codec) {
  if (media == Media::kAudio)
    return "rtpopusdepay";
  return codec == Codec::kVp8 ? "rtpvp8depay" : "rtpvp9depay";
}

Media media_of(GstPad *pad) {
  CapsPtr caps(gst_pad_get_current_caps(pad));
  const char *media =
      caps ? gst_structure_get_string(gst_caps_get_structure(caps.get(), 0), "media") : nullptr;
  return g_strcmp0(media, "audio") == 0 ? Media::kAudio : Media::kVideo;
}

}  // namespace

Receiver::Receiver(const std::string &name, Codec codec, size_t expected_streams,
                   GstE2EEKeyProvider *provider, const std::string &file, BusWatch &bus)
    : name_(name),
      codec_(codec),
      expected_streams_(expected_streams),
      file_(file),
      provider_(GST_E2EE_KEY_PROVIDER(g_object_ref(provider))),
      bus_(bus),
      pipeline_(make_pipeline(name)) {
  bus.add(pipeline_.get());
  peer_ = add_peer(pipeline_.get(), name + "-peer");
  g_object_set(peer_, "latency", kLatencyMs, nullptr);
  g_signal_connect(peer_, "pad-added", G_CALLBACK(&Receiver::on_pad), this);
}

void Receiver::start() {
  if (gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE)
    throw Failure(name_ + " does not start");
}

void Receiver::on_pad(GstElement *peer, GstPad *pad, gpointer self) {
  if (GST_PAD_DIRECTION(pad) != GST_PAD_SRC)
    return;
  try {
    static_cast<Receiver *>(self)->add_stream(pad);
  } catch (const Failure &error) {  // not through GStreamer's C code
    GST_ELEMENT_ERROR(peer, STREAM, FAILED, ("%s", error.what()), (nullptr));
  }
}

void Receiver::add_stream(GstPad *pad) {
  auto stream = std::make_unique<ReceivedStream>();
  stream->media = media_of(pad);
  GstElement *depayloader = add_element(pipeline_.get(), depayloader_for(stream->media, codec_));
  stream->decryptor = add_element(pipeline_.get(), "e2eedecrypt");
  g_object_set(stream->decryptor, "key-provider", provider_.get(), nullptr);
  link_chain({depayloader, stream->decryptor});

  stream->output = static_pad(stream->decryptor, "src");
  stream->frames.watch(stream->output.get());
  stream->hold = gst_pad_add_probe(stream->output.get(), kHold, &Receiver::on_first_frame,
                                   stream.get(), nullptr);
  join_running({depayloader, stream->decryptor});
  {
    std::lock_guard lock(mutex_);
    streams_.push_back(std::move(stream));
  }
  if (gst_pad_link(pad, static_pad(depayloader, "sink").get()) != GST_PAD_LINK_OK)
    throw Failure(std::string(GST_OBJECT_NAME(depayloader)) + " does not take the stream");
}

GstPadProbeReturn Receiver::on_first_frame(GstPad *, GstPadProbeInfo *, gpointer stream) {
  static_cast<ReceivedStream *>(stream)->has_frame = true;
  return GST_PAD_PROBE_OK;
}

size_t Receiver::streams_with_frames() const {
  std::lock_guard lock(mutex_);
  size_t count = 0;
  for (const auto &stream : streams_)
    count += stream->has_frame;
  return count;
}

void Receiver::poll() {
  if (!recording_ && streams_with_frames() == expected_streams_)
    record();
}

void Receiver::record() {
  std::lock_guard lock(mutex_);
  std::vector<GstPad *> outputs;
  for (auto &stream : streams_) {
    if (stream->has_frame)
      outputs.push_back(stream->output.get());
  }
  recording_.emplace(pipeline_.get(), file_, outputs);
  for (auto &stream : streams_) {
    if (stream->has_frame)
      gst_pad_remove_probe(stream->output.get(), stream->hold);
  }
}

bool Receiver::finish() {
  if (!recording_ && streams_with_frames() > 0)
    record();
  return !recording_ || recording_->finish(bus_);
}

E2EEStats Receiver::stats() const {
  std::lock_guard lock(mutex_);
  E2EEStats stats;
  for (const auto &stream : streams_)
    stats.add(stream->decryptor);
  return stats;
}

size_t Receiver::decrypted() const {
  std::lock_guard lock(mutex_);
  size_t count = 0;
  for (const auto &stream : streams_)
    count += stream->frames.count();
  return count;
}

const FrameLog *Receiver::frames(Media media) const {
  std::lock_guard lock(mutex_);
  for (const auto &stream : streams_) {
    if (stream->media == media)
      return &stream->frames;
  }
  return nullptr;
}

}  // namespace call
