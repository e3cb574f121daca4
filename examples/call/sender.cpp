// SPDX-License-Identifier: LGPL-2.1-or-later
#include "sender.h"

#include <gst/pbutils/pbutils.h>

#include "common/program.h"
#include "common/webrtc.h"
#include "peer.h"

namespace call {
namespace {

constexpr unsigned kWidth = 640, kHeight = 360, kFrameRate = 30;
constexpr unsigned kAudioRate = 48000;
constexpr int kVideoPayload = 96, kAudioPayload = 111;
constexpr int kVideoBitrate = 800000;
constexpr int kMaxKeyFramePercent = 600;  // of an average frame
constexpr GstClockTime kInspectTime = 20 * GST_SECOND;
// Enough for any hiccup of a receiver; then the encoder waits, nothing is dropped.
constexpr guint64 kQueueTime = 10 * GST_SECOND;

std::string raw_caps(Media media) {
  if (media == Media::kAudio)
    return "audio/x-raw,rate=" + std::to_string(kAudioRate) + ",channels=2";
  return "video/x-raw,format=I420,width=" + std::to_string(kWidth) +
         ",height=" + std::to_string(kHeight) + ",framerate=" + std::to_string(kFrameRate) +
         "/1,pixel-aspect-ratio=1/1";
}

std::string rtp_caps(Media media, Codec codec, guint32 ssrc) {
  std::string caps = "application/x-rtp,media=";
  if (media == Media::kAudio)
    caps += "audio,encoding-name=OPUS,clock-rate=48000,encoding-params=(string)2,payload=" +
            std::to_string(kAudioPayload);
  else
    caps += std::string("video,encoding-name=") + (codec == Codec::kVp8 ? "VP8" : "VP9") +
            ",clock-rate=90000,payload=" + std::to_string(kVideoPayload);
  return caps + ",ssrc=(uint)" + std::to_string(ssrc);
}

GstElement *add_encoder(GstElement *bin, Media media, Codec codec) {
  if (media == Media::kAudio)
    return add_element(bin, "opusenc");
  GstElement *encoder = add_element(bin, codec == Codec::kVp8 ? "vp8enc" : "vp9enc");
  g_object_set(encoder, "deadline", G_GINT64_CONSTANT(1), "cpu-used", 8, "lag-in-frames", 0,
               "target-bitrate", kVideoBitrate, "threads", 1, nullptr);
  gst_util_set_object_arg(G_OBJECT(encoder), "end-usage", "cbr");
  // A key frame leaves in one burst, to three receivers: it must fit their socket buffers.
  g_object_set(encoder, "max-intra-bitrate", kMaxKeyFramePercent, "buffer-initial-size", 500,
               "buffer-optimal-size", 600, "buffer-size", 1000, nullptr);
  // vp9enc 1.22 ignores most requests for a key frame.
  g_object_set(encoder, "keyframe-max-dist", codec == Codec::kVp8 ? 60 : 15, nullptr);
  return encoder;
}

// The stock payloaders take encrypted VP8 and Opus. VP9 has no clear bytes to read.
GstElement *add_payloader(GstElement *bin, Media media, Codec codec, guint32 ssrc) {
  const char *factory = media == Media::kAudio ? "rtpopuspay"
                        : codec == Codec::kVp8 ? "rtpvp8pay"
                                               : "rtpe2eepay";
  GstElement *payloader = add_element(bin, factory);
  g_object_set(payloader, "pt", media == Media::kAudio ? kAudioPayload : kVideoPayload, "ssrc",
               ssrc, nullptr);
  if (media == Media::kVideo)
    gst_util_set_object_arg(G_OBJECT(payloader), "picture-id-mode", "15-bit");
  return payloader;
}

std::string uri_of(const std::string &file) {
  Error error;
  CharPtr uri(gst_filename_to_uri(file.c_str(), error.out()));
  error.check(file);
  return uri.get();
}

std::string missing_plugins(GstDiscovererInfo *info) {
  std::string text;
  const char **details = gst_discoverer_info_get_missing_elements_installer_details(info);
  for (; details && *details; ++details) {
    // "gstreamer|1.0|program|H.264 decoder|decoder-video/x-h264"
    std::unique_ptr<char *, FreeWith<&g_strfreev>> fields(g_strsplit(*details, "|", 5));
    if (g_strv_length(fields.get()) == 5)
      text += (text.empty() ? "" : ", ") + std::string(fields.get()[3]);
  }
  return text.empty() ? "decoder" : text;
}

}  // namespace

SourceInfo inspect_source(const Options &options) {
  if (options.media_file.empty())
    return {};
  Error error;
  ObjectPtr<GstDiscoverer> discoverer(gst_discoverer_new(kInspectTime, error.out()));
  error.check("looking into " + options.media_file);
  ObjectPtr<GstDiscovererInfo> info(gst_discoverer_discover_uri(
      discoverer.get(), uri_of(options.media_file).c_str(), error.out()));
  error.check<Refused>("looking into " + options.media_file);

  if (gst_discoverer_info_get_result(info.get()) == GST_DISCOVERER_MISSING_PLUGINS)
    throw Refused("GStreamer has no " + missing_plugins(info.get()) + ", needed for " +
                  options.media_file);

  GList *video = gst_discoverer_info_get_video_streams(info.get());
  GList *audio = gst_discoverer_info_get_audio_streams(info.get());
  const SourceInfo found{video != nullptr, audio != nullptr};
  gst_discoverer_stream_info_list_free(video);
  gst_discoverer_stream_info_list_free(audio);
  if (!found.video && !found.audio)
    throw Refused(options.media_file + " holds neither video nor audio that can be decoded");
  return found;
}

Sender::Sender(const Options &options, SourceInfo source, GstE2EEKeyProvider *provider,
               BusWatch &bus)
    : pipeline_(make_pipeline("sender")) {
  bus.add(pipeline_.get());
  if (source.video)
    add_stream(options, Media::kVideo, provider);
  if (source.audio)
    add_stream(options, Media::kAudio, provider);
  if (options.media_file.empty())
    add_test_sources();
  else
    add_file_source(options.media_file);
}

void Sender::add_stream(const Options &options, Media media, GstE2EEKeyProvider *provider) {
  GstElement *bin = pipeline_.get();
  const bool video = media == Media::kVideo;
  auto stream = std::make_unique<SentStream>();
  const guint32 ssrc = g_random_int();
  stream->media = media;
  stream->rtp_caps = rtp_caps(media, options.codec, ssrc);

  stream->input = add_element(bin, video ? "videoconvert" : "audioconvert");
  GstElement *resize = add_element(bin, video ? "videoscale" : "audioresample");
  GstElement *rate = add_element(bin, video ? "videorate" : "audiorate");
  GstElement *raw = add_caps_filter(bin, raw_caps(media));
  GstElement *clocksync = add_element(bin, "clocksync");
  GstElement *encoder = add_encoder(bin, media, options.codec);
  stream->encryptor = add_element(bin, "e2eeencrypt");
  g_object_set(stream->encryptor, "key-provider", provider, nullptr);
  GstElement *payloader = add_payloader(bin, media, options.codec, ssrc);
  stream->tee = add_element(bin, "tee");
  link_chain({stream->input, resize, rate, raw, clocksync, encoder, stream->encryptor, payloader,
              stream->tee});

  stream->gate = std::make_unique<Gate>(clocksync, options.seconds * GST_SECOND);
  stream->plain.watch(static_pad(stream->encryptor, "sink").get());
  stream->cipher.watch(static_pad(stream->encryptor, "src").get());
  gst_pad_add_probe(static_pad(stream->tee, "sink").get(), GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM,
                    &Sender::on_event, stream.get(), nullptr);
  streams_.push_back(std::move(stream));
}

void Sender::add_test_sources() {
  for (auto &stream : streams_) {
    const bool video = stream->media == Media::kVideo;
    GstElement *source = add_element(pipeline_.get(), video ? "videotestsrc" : "audiotestsrc");
    if (!video) {
      gst_util_set_object_arg(G_OBJECT(source), "wave", "ticks");
      g_object_set(source, "samplesperbuffer", kAudioRate / 50, nullptr);
      link_chain({source, stream->input});
      continue;
    }
    gst_util_set_object_arg(G_OBJECT(source), "pattern", "ball");
    GstElement *overlay = gst_element_factory_make("timeoverlay", nullptr);
    if (!overlay) {  // lives in a package of its own; the ball will do
      link_chain({source, stream->input});
      continue;
    }
    gst_bin_add(GST_BIN(pipeline_.get()), overlay);
    GstElement *size = add_caps_filter(pipeline_.get(), raw_caps(Media::kVideo));
    link_chain({source, size, overlay, stream->input});
  }
}

void Sender::add_file_source(const std::string &file) {
  GstElement *source = add_element(pipeline_.get(), "uridecodebin");
  g_object_set(source, "uri", uri_of(file).c_str(), nullptr);
  g_signal_connect(source, "pad-added", G_CALLBACK(&Sender::on_decoded_pad), this);
}

void Sender::on_decoded_pad(GstElement *, GstPad *pad, gpointer self) {
  CapsPtr caps(gst_pad_query_caps(pad, nullptr));
  const char *name = gst_structure_get_name(gst_caps_get_structure(caps.get(), 0));
  for (auto &stream : static_cast<Sender *>(self)->streams_) {
    ObjectPtr<GstPad> input = static_pad(stream->input, "sink");
    if (g_str_has_prefix(name, media_name(stream->media)) && !gst_pad_is_linked(input.get())) {
      gst_pad_link(pad, input.get());
      return;
    }
  }
}

GstElement *Sender::add_receiver(const std::string &name) {
  GstElement *peer = add_peer(pipeline_.get(), name);
  for (auto &stream : streams_) {
    GstElement *queue = add_queue(pipeline_.get(), kQueueTime);
    link_chain({stream->tee, queue});
    ObjectPtr<GstPad> sink(gst_element_request_pad_simple(peer, "sink_%u"));
    ObjectPtr<GstPad> source = static_pad(queue, "src");
    if (!sink || gst_pad_link(source.get(), sink.get()) != GST_PAD_LINK_OK)
      throw Failure("webrtcbin does not take the stream");

    // The offer is made before any media flows, so say what will come.
    const ObjectPtr<GObject> transceiver = transceiver_of(sink.get());
    gst_util_set_object_arg(transceiver.get(), "direction", "sendonly");
    gst_util_set_object_arg(transceiver.get(), "codec-preferences", stream->rtp_caps.c_str());
    if (stream->media == Media::kVideo)
      g_object_set(transceiver.get(), "do-nack", TRUE, nullptr);
  }
  return peer;
}

GstPadProbeReturn Sender::on_event(GstPad *, GstPadProbeInfo *info, gpointer stream) {
  if (GST_EVENT_TYPE(GST_PAD_PROBE_INFO_EVENT(info)) != GST_EVENT_EOS)
    return GST_PAD_PROBE_OK;
  static_cast<SentStream *>(stream)->ended = true;
  // An EOS would make webrtcbin leave the call; lost packets may yet be asked for again.
  return GST_PAD_PROBE_DROP;
}

void Sender::start() {
  if (gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE)
    throw Failure("the sender does not start");
}

void Sender::release_media() {
  const GstClockTime now = gst_element_get_current_running_time(pipeline_.get());
  for (auto &stream : streams_)
    stream->gate->open(now);
}

void Sender::stop_media() {
  for (auto &stream : streams_)
    stream->gate->close();
}

bool Sender::ended() const {
  for (const auto &stream : streams_) {
    if (!stream->ended)
      return false;
  }
  return true;
}

size_t Sender::frames_sent() const {
  size_t frames = 0;
  for (const auto &stream : streams_)
    frames += stream->cipher.count();
  return frames;
}

E2EEStats Sender::stats() const {
  E2EEStats stats;
  for (const auto &stream : streams_)
    stats.add(stream->encryptor);
  return stats;
}

}  // namespace call
