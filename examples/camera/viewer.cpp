// SPDX-License-Identifier: LGPL-2.1-or-later
#include "viewer.h"

#include <gst/video/video.h>

#include <utility>

#include "common/callback.h"
#include "common/webrtc.h"

namespace camera {
namespace {

using examples::add_element;
using examples::Error;
using examples::Failure;
using examples::Media;

constexpr int kVideoPayload = 99, kAudioPayload = 110;
constexpr int kRtpSpace = 1200;  // bytes of a packet

// The offer is made before any frame comes. a-sframe becomes the line a=sframe of the media.
std::string rtp_caps(Media media, Codec codec, guint32 ssrc) {
  std::string caps = "application/x-rtp,a-sframe=(string)\"\",ssrc=(uint)" + std::to_string(ssrc);
  if (media == Media::kAudio)
    return caps +
           ",media=audio,encoding-name=OPUS,clock-rate=48000,encoding-params=(string)2,payload=" +
           std::to_string(kAudioPayload);
  caps += ",media=video,clock-rate=90000,payload=" + std::to_string(kVideoPayload);
  return caps + (codec == Codec::kH265 ? ",encoding-name=H265"
                                       : ",encoding-name=H264,packetization-mode=(string)1,"
                                         "profile-level-id=(string)42e01f");
}

// A viewer that lost something asks for a key frame; its pipeline has no encoder.
GstPadProbeReturn on_request(GstPad *, GstPadProbeInfo *info, gpointer encoder) {
  if (!gst_video_event_is_force_key_unit(GST_PAD_PROBE_INFO_EVENT(info)))
    return GST_PAD_PROBE_OK;
  static_cast<Encoder *>(encoder)->request_key_frame();
  return GST_PAD_PROBE_DROP;
}

}  // namespace

Viewer::Viewer(const SessionSettings &settings, const Options &options, Encoder &encoder,
               Events events)
    : encoder_(encoder),
      events_(std::move(events)),
      keys_(settings.ratchet_bits),
      pipeline_(examples::make_pipeline(settings.name)) {
  first_kid_ = keys_.draw(settings.key_file);
  keys_.use();
  const examples::PeerSettings peer{.loopback_only = options.loopback_only,
                                    .stun_server = options.stun_server,
                                    .turn_servers = {}};
  peer_ = std::make_unique<examples::Peer>(
      pipeline_.get(), peer,
      examples::Peer::Events{
          .answer = {},
          .offer = [this](const std::string &sdp) { examples::call(events_.offer, sdp); },
          .candidate =
              [this](unsigned mline, const std::string &candidate) {
                examples::call(events_.candidate, mline, candidate);
              },
          .gathered = {},
          .connected = [this] { start_feeds(); },
          .failed = [this](const std::string &why) { fail(why); }});
  add_stream(Media::kVideo, settings, options.codec);
  if (encoder_.has_audio())
    add_stream(Media::kAudio, settings, options.codec);
  encoder_.share_clock(pipeline_.get());
  if (gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE)
    throw Failure("the viewer's pipeline does not start");
  watch_bus();
  for (const Stream &stream : streams_)
    encoder_.add(stream.media, stream.feed);
  peer_->make_offer();
}

Viewer::~Viewer() {
  peer_->silence();
  for (const Stream &stream : streams_) {
    encoder_.remove(stream.feed);
    stream.feed->close();
  }
  if (watch_ != 0)
    g_source_remove(watch_);
}

void Viewer::add_stream(Media media, const SessionSettings &settings, Codec codec) {
  const bool video = media == Media::kVideo;
  const guint32 ssrc = g_random_int();
  GstElement *appsrc = add_element(pipeline_.get(), "appsrc");
  GstElement *encryptor = add_element(pipeline_.get(), "e2eeencrypt");
  gst_util_set_object_arg(G_OBJECT(encryptor), "scheme", "sframe");
  gst_util_set_object_arg(G_OBJECT(encryptor), "nal-format", settings.nal_format.c_str());
  // One base key for both streams of the session: each has keys of its own by its SSRC.
  g_object_set(encryptor, "key-provider", keys_.provider(), "sframe-suite",
               video ? settings.video_suite : settings.audio_suite, "sframe-ssrc", gint64{ssrc},
               "sframe-ratchet-bits", settings.ratchet_bits, nullptr);
  GstElement *payloader = add_element(pipeline_.get(), "rtpe2eepay");
  gst_util_set_object_arg(G_OBJECT(payloader), "payload-format", "sframe");
  g_object_set(payloader, "ssrc", ssrc, "pt", video ? kVideoPayload : kAudioPayload, "mtu",
               kRtpSpace, nullptr);
  examples::link_chain({appsrc, encryptor, payloader});
  gst_pad_add_probe(examples::static_pad(appsrc, "src").get(), GST_PAD_PROBE_TYPE_EVENT_UPSTREAM,
                    on_request, &encoder_, nullptr);
  link_to_peer(payloader, rtp_caps(media, codec, ssrc));
  streams_.push_back({media, ssrc, encryptor,
                      std::make_shared<Feed>(
                          appsrc, media, [&encoder = encoder_] { encoder.request_key_frame(); })});
}

void Viewer::link_to_peer(GstElement *payloader, const std::string &rtp_caps) {
  const examples::ObjectPtr<GstPad> sink(
      gst_element_request_pad_simple(peer_->webrtcbin(), "sink_%u"));
  const examples::ObjectPtr<GstPad> source = examples::static_pad(payloader, "src");
  if (!sink || gst_pad_link(source.get(), sink.get()) != GST_PAD_LINK_OK)
    throw Failure("webrtcbin does not take the stream");
  const examples::ObjectPtr<GObject> transceiver = examples::transceiver_of(sink.get());
  gst_util_set_object_arg(transceiver.get(), "direction", "sendonly");
  gst_util_set_object_arg(transceiver.get(), "codec-preferences", rtp_caps.c_str());
}

void Viewer::watch_bus() {
  const examples::ObjectPtr<GstBus> bus(gst_element_get_bus(pipeline_.get()));
  watch_ = gst_bus_add_watch(
      bus.get(),
      [](GstBus *, GstMessage *message, gpointer self) -> gboolean {
        if (GST_MESSAGE_TYPE(message) != GST_MESSAGE_ERROR)
          return G_SOURCE_CONTINUE;
        Error error;
        gst_message_parse_error(message, error.out(), nullptr);
        static_cast<Viewer *>(self)->watch_ = 0;
        static_cast<Viewer *>(self)->fail(error.message());
        return G_SOURCE_REMOVE;
      },
      this);
}

void Viewer::start_feeds() {
  for (const Stream &stream : streams_)
    stream.feed->open();
  examples::call(events_.connected);
}

void Viewer::fail(const std::string &why) {
  examples::call(std::exchange(events_.failed, nullptr), why);
}

std::vector<examples::JsonWriter> Viewer::streams() const {
  std::vector<examples::JsonWriter> all;
  for (const Stream &stream : streams_) {
    GstStructure *raw = nullptr;
    g_object_get(stream.encryptor, "stats", &raw, nullptr);
    const examples::StructurePtr stats(raw);
    examples::JsonWriter &writer = all.emplace_back();
    writer.set("media", examples::media_name(stream.media))
        .set("ssrc", examples::json_unsigned(stream.ssrc))
        .set("lost", examples::json_unsigned(stream.feed->lost()));
    for (const char *name : {"frames-in", "frames-out", "key-id", "generation"}) {
      guint64 value = 0;
      gst_structure_get_uint64(raw, name, &value);
      writer.set(name, examples::json_unsigned(value));
    }
  }
  return all;
}

}  // namespace camera
