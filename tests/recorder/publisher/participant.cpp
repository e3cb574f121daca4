// SPDX-License-Identifier: LGPL-2.1-or-later
#include "participant.h"

#include <gst/sdp/sdp.h>
#include <gst/video/video.h>

#include <chrono>
#include <sstream>

#include "common/webrtc.h"

namespace publisher {
namespace {

using namespace examples;

constexpr int kVideoPayload = 96, kScreenPayload = 97, kAudioPayload = 111;
constexpr std::chrono::seconds kGatherTime{5};

std::string rtp_caps(Media media, const std::string &codec, int payload, guint32 ssrc) {
  std::string caps = "application/x-rtp,media=";
  if (media == Media::kAudio) {
    caps += "audio,encoding-name=OPUS,clock-rate=48000,encoding-params=(string)2";
  } else {
    const std::string name = codec == "vp8" ? "VP8" : codec == "vp9" ? "VP9" : "H264";
    caps += "video,encoding-name=" + name + ",clock-rate=90000";
    if (codec == "h264")
      caps += ",packetization-mode=(string)1,profile-level-id=(string)42e01f";
  }
  return caps + ",payload=" + std::to_string(payload) + ",ssrc=(uint)" + std::to_string(ssrc);
}

const char *payloader_of(Media media, const std::string &codec) {
  if (media == Media::kAudio)
    return "rtpopuspay";
  // Encrypted VP9 has no clear bytes that the stock one could read.
  return codec == "vp8" ? "rtpvp8pay" : codec == "vp9" ? "rtpe2eepay" : "rtph264pay";
}

/// Bytes that make a frame like no other one and that decoders leave alone: behind the last
/// partition of VP8, and in the padding of an Opus packet (RFC 6716, code 3). In VP9 and H.264
/// there is no such place that would not have to be parsed for.
void stamp(const std::string &codec, std::uint32_t sender, std::uint64_t number,
           std::vector<std::uint8_t> &frame) {
  std::vector<std::uint8_t> mark(14);
  GST_WRITE_UINT32_BE(mark.data(), sender);
  GST_WRITE_UINT64_BE(mark.data() + 4, number);
  if (codec == "vp8")
    frame.insert(frame.end(), mark.begin(), mark.end());
  if (codec != "opus" || frame.empty() || (frame[0] & 3) != 0)
    return;
  // One frame, with padding, of that many bytes.
  frame[0] |= 3;
  const std::uint8_t head[] = {0x41, std::uint8_t(mark.size())};
  frame.insert(frame.begin() + 1, std::begin(head), std::end(head));
  frame.insert(frame.end(), mark.begin(), mark.end());
}

}  // namespace

Participant::Participant(Settings settings)
    : settings_(std::move(settings)), id_(g_random_int()), pipeline_(make_pipeline("participant")) {
  add_peer();
  add_track(audio_, Media::kAudio, "audio", kAudioPayload, settings_.audio);
  add_track(video_, Media::kVideo, "video", kVideoPayload, settings_.video);
  add_track(screen_, Media::kVideo, "screen", kScreenPayload, settings_.screen);
  if (gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE)
    throw Failure(settings_.identity + " does not start");
}

Participant::~Participant() {
  g_signal_handlers_disconnect_by_data(peer_, this);
  pipeline_.reset();
}

void Participant::add_peer() {
  peer_ = add_element(pipeline_.get(), "webrtcbin");
  gst_util_set_object_arg(G_OBJECT(peer_), "bundle-policy", "max-bundle");
  keep_to_loopback(peer_);
  g_signal_connect(peer_, "on-ice-candidate", G_CALLBACK(on_candidate), this);
  g_signal_connect(peer_, "notify::ice-gathering-state", G_CALLBACK(on_gathering), this);
  g_signal_connect(peer_, "notify::connection-state", G_CALLBACK(on_connection), this);
}

void Participant::add_track(Track &track, Media media, const std::string &name, int payload,
                            const Clip *clip) {
  if (!clip)
    return;
  const bool video = media == Media::kVideo;
  track.owner = this;
  track.media = media;
  track.name = name;
  track.clip = clip;
  if (!settings_.manifest.empty())
    track.manifest = std::make_unique<Manifest>(settings_.manifest + "." + name + ".jsonl");

  const guint32 ssrc = g_random_int();
  GstElement *payloader = add_element(pipeline_.get(), payloader_of(media, settings_.format.codec));
  g_object_set(payloader, "pt", payload, "ssrc", ssrc, nullptr);
  if (video && settings_.format.codec != "h264")
    gst_util_set_object_arg(G_OBJECT(payloader), "picture-id-mode", "15-bit");
  if (video && settings_.format.codec == "h264")
    gst_util_set_object_arg(G_OBJECT(payloader), "aggregate-mode", "zero-latency");

  GstElement *first = payloader;
  if (settings_.protection == Protection::kEncrypt) {
    first = add_element(pipeline_.get(), "e2eeencrypt");
    g_object_set(first, "key-provider", settings_.provider, "participant",
                 settings_.identity.c_str(), nullptr);
    link_chain({first, payloader});
    gst_pad_add_probe(static_pad(first, "src").get(), GST_PAD_PROBE_TYPE_BUFFER, &on_encrypted,
                      &track, nullptr);
  }

  // Without a thread or queue of its own: the thread that pushes sends the packets as well.
  track.pad.reset(GST_PAD(gst_object_ref_sink(gst_pad_new("src", GST_PAD_SRC))));
  gst_pad_set_element_private(track.pad.get(), &track);
  gst_pad_set_event_function(track.pad.get(), &on_event);
  gst_pad_set_active(track.pad.get(), TRUE);

  ObjectPtr<GstPad> sink(gst_element_request_pad_simple(peer_, "sink_%u"));
  if (!sink || gst_pad_link(static_pad(payloader, "src").get(), sink.get()) != GST_PAD_LINK_OK ||
      gst_pad_link(track.pad.get(), static_pad(first, "sink").get()) != GST_PAD_LINK_OK)
    throw Failure("webrtcbin does not take the stream");
  // The offer is made before any media flows, so say what will come.
  const ObjectPtr<GObject> transceiver = transceiver_of(sink.get());
  const std::string caps = rtp_caps(media, settings_.format.codec, payload, ssrc);
  gst_util_set_object_arg(transceiver.get(), "direction", "sendonly");
  gst_util_set_object_arg(transceiver.get(), "codec-preferences", caps.c_str());
  if (video)
    g_object_set(transceiver.get(), "do-nack", TRUE, nullptr);
}

// ---- Connecting

void Participant::on_candidate(GstElement *, guint, char *candidate, gpointer self) {
  auto *participant = static_cast<Participant *>(self);
  const std::lock_guard lock(participant->mutex_);
  if (on_loopback(candidate))
    participant->candidates_.push_back(candidate);
}

void Participant::on_gathering(GstElement *peer, GParamSpec *, gpointer self) {
  auto *participant = static_cast<Participant *>(self);
  const std::lock_guard lock(participant->mutex_);
  participant->gathered_ = enum_nick(peer, "ice-gathering-state") == "complete";
  participant->changed_.notify_all();
}

void Participant::on_connection(GstElement *peer, GParamSpec *, gpointer self) {
  auto *participant = static_cast<Participant *>(self);
  const std::string state = enum_nick(peer, "connection-state");
  if (state == "connected")
    participant->connected_ = true;
  participant->settings_.on_state(state.c_str());
}

std::string Participant::make_offer() {
  const DescriptionPtr offer = create_description(peer_, "offer");
  apply_description(peer_, "set-local-description", offer.get());

  std::unique_lock lock(mutex_);
  if (!changed_.wait_for(lock, kGatherTime, [this] { return gathered_; }))
    throw Failure("ICE gathered no candidates in time");
  const CharPtr text(gst_sdp_message_as_text(offer->sdp));
  std::istringstream lines(text.get());
  std::string sdp;
  bool added = false;
  for (std::string line; std::getline(lines, line);) {
    while (!line.empty() && line.back() == '\r')
      line.pop_back();
    if (line.starts_with("a=candidate:") || line.empty())
      continue;
    sdp += line + "\r\n";
    if (!added && line.starts_with("c=")) {
      for (const std::string &candidate : candidates_)
        sdp += "a=" + candidate + "\r\n";
      added = true;
    }
  }
  return sdp;
}

void Participant::take_answer(const std::string &sdp) {
  const DescriptionPtr answer = parse_description(SdpType::kAnswer, sdp);
  if (!answer)
    throw Failure("the answer is no SDP");
  apply_description(peer_, "set-remote-description", answer.get());
  for (guint line = 0; line < gst_sdp_message_medias_len(answer->sdp); ++line) {
    const GstSDPMedia *media = gst_sdp_message_get_media(answer->sdp, line);
    for (guint at = 0;; ++at) {
      const char *value = gst_sdp_media_get_attribute_val_n(media, "candidate", at);
      if (!value)
        break;
      add_candidate(line, "candidate:" + std::string(value));
    }
  }
}

void Participant::add_candidate(unsigned mline, const std::string &candidate) {
  if (on_loopback(candidate))
    g_signal_emit_by_name(peer_, "add-ice-candidate", mline, candidate.c_str());
}

std::vector<Media> Participant::media() const {
  std::vector<Media> media;
  for (const Track *track : {&audio_, &video_, &screen_})
    if (track->clip)
      media.push_back(track->media);
  return media;
}

// ---- Sending

gboolean Participant::on_event(GstPad *pad, GstObject *, GstEvent *event) {
  auto *track = static_cast<Track *>(gst_pad_get_element_private(pad));
  if (gst_video_event_is_force_key_unit(event))
    track->key_wanted = true;
  gst_event_unref(event);
  return TRUE;
}

GstPadProbeReturn Participant::on_encrypted(GstPad *pad, GstPadProbeInfo *info, gpointer data) {
  auto *track = static_cast<Track *>(data);
  if (!track->entry)
    return GST_PAD_PROBE_OK;
  GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER(info);
  GstMapInfo map;
  if (gst_buffer_map(buffer, &map, GST_MAP_READ)) {
    const CapsPtr caps(gst_pad_get_current_caps(pad));
    track->entry->cipher = fingerprint(caps.get(), {map.data, map.size});
    track->entry->key_index = map.size > 0 ? map.data[map.size - 1] : 0;  // the trailer ends so
    gst_buffer_unmap(buffer, &map);
  }
  return GST_PAD_PROBE_OK;
}

std::vector<std::uint8_t> Participant::next_frame(Track &track, bool &key) {
  if (track.key_wanted.exchange(false) || track.new_clip)
    track.at = track.clip->next_key(track.at % track.clip->frames.size());
  const Clip::Frame &frame = track.clip->frames[track.at];
  track.at = (track.at + 1) % track.clip->frames.size();
  std::vector<std::uint8_t> bytes = frame.bytes;
  key = frame.key || track.media == Media::kAudio;
  if (settings_.protection != Protection::kEncrypted)
    stamp(track.media == Media::kAudio ? "opus" : settings_.format.codec, id_, track.sent, bytes);
  return bytes;
}

void Participant::push(Track &track) {
  if (track.new_clip) {
    if (track.sent == 0) {
      const CharPtr stream(g_strdup_printf("%08x-%s", id_, track.name.c_str()));
      gst_pad_push_event(track.pad.get(), gst_event_new_stream_start(stream.get()));
    }
    const CapsPtr caps(gst_caps_from_string(track.clip->caps.c_str()));
    gst_pad_push_event(track.pad.get(), gst_event_new_caps(caps.get()));
    if (track.sent == 0) {
      GstSegment segment;
      gst_segment_init(&segment, GST_FORMAT_TIME);
      gst_pad_push_event(track.pad.get(), gst_event_new_segment(&segment));
    }
  }
  bool key = false;
  const std::vector<std::uint8_t> frame = next_frame(track, key);
  track.new_clip = false;
  GstBuffer *buffer = gst_buffer_new_memdup(frame.data(), frame.size());
  GST_BUFFER_PTS(buffer) = GST_BUFFER_DTS(buffer) = track.next;
  GST_BUFFER_DURATION(buffer) = track.clip->frame_duration;
  if (!key)
    GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT);
  const CapsPtr caps(gst_pad_get_current_caps(track.pad.get()));
  if (track.manifest) {
    const std::string plain = fingerprint(caps.get(), frame);
    const bool leaves_plain = settings_.protection == Protection::kNone;
    track.entry = Manifest::Entry{.number = track.sent,
                                  .pts = track.next,
                                  .time_us = g_get_real_time(),
                                  .size = frame.size(),
                                  .plain = plain,
                                  .cipher = leaves_plain ? plain : "",
                                  .key = key};
  }
  gst_pad_push(track.pad.get(), buffer);
  if (track.manifest)
    track.manifest->add(*track.entry);
  track.entry.reset();
  ++track.sent;
}

void Participant::send_due() {
  if (!connected_)
    return;
  const GstClockTime now = gst_element_get_current_running_time(pipeline_.get());
  for (Track *track : {&audio_, &video_, &screen_}) {
    if (!track->pad)
      continue;
    if (track->next == GST_CLOCK_TIME_NONE)
      track->next = now;
    for (; track->next <= now; track->next += track->clip->frame_duration) {
      if (!track->muted)
        push(*track);
    }
  }
}

void Participant::mute(Media media, bool muted) {
  (media == Media::kVideo ? video_ : audio_).muted = muted;
}

void Participant::use_video(const Clip &clip) {
  video_.clip = &clip;
  video_.new_clip = true;
}

void Participant::flush() {
  for (Track *track : {&audio_, &video_, &screen_}) {
    if (track->manifest)
      track->manifest->flush();
  }
}

std::uint64_t Participant::sent(Media media) const {
  return (media == Media::kVideo ? video_ : audio_).sent;
}

}  // namespace publisher
