/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "support/sframe_rtp.h"

#include <algorithm>
#include <cstring>

namespace e2ee::test {

const std::vector<SframeCodec> kSframeCodecs = {
    {"H264", "video/x-h264, stream-format=byte-stream, alignment=au, e2ee=sframe-rtp"},
    {"H265", "video/x-h265, stream-format=byte-stream, alignment=au, e2ee=sframe-rtp"},
    {"AV1", "video/x-av1, stream-format=obu-stream, alignment=tu, e2ee=sframe-rtp"},
    {"VP8", "video/x-vp8, e2ee=sframe-rtp"},
    {"VP9", "video/x-vp9, e2ee=sframe-rtp"},
    {"OPUS", "audio/x-opus, channel-mapping-family=0, channels=2, rate=48000, e2ee=sframe-rtp"},
};

const char *sframe_caps(const char *encoding_name) {
  for (const SframeCodec &codec : kSframeCodecs)
    if (std::strcmp(codec.encoding_name, encoding_name) == 0)
      return codec.caps;
  ADD_FAILURE() << "no codec " << encoding_name;
  return "";
}

std::string sframe_rtp_caps(const char *encoding_name) {
  const bool audio = std::strcmp(encoding_name, "OPUS") == 0;
  return std::string("application/x-rtp, a-sframe=(string)\"\", media=") +
         (audio ? "audio" : "video") + ", clock-rate=" + (audio ? "48000" : "90000") +
         ", encoding-name=" + encoding_name;
}

SframePayloader::SframePayloader(const char *encoding_name, guint mtu) : Stage("rtpe2eepay") {
  gst_util_set_object_arg(G_OBJECT(element()), "payload-format", "sframe");
  g_object_set(element(), "mtu", mtu, nullptr);
  Stage::set_caps(sframe_caps(encoding_name));
}

Buffer make_packet(const Bytes &payload, guint16 seq, const RtpFields &fields) {
  Buffer packet = make_packet(payload, seq, fields.time, fields.marker);
  GstRTPBuffer rtp = GST_RTP_BUFFER_INIT;
  gst_rtp_buffer_map(packet.get(), GST_MAP_READWRITE, &rtp);
  gst_rtp_buffer_set_ssrc(&rtp, fields.ssrc);
  gst_rtp_buffer_set_payload_type(&rtp, fields.payload_type);
  gst_rtp_buffer_unmap(&rtp);
  return packet;
}

SframeReceiver::SframeReceiver(const char *encoding_name) : Stage("rtpe2eedepay") {
  gst_util_set_object_arg(G_OBJECT(element()), "payload-format", "sframe");
  Stage::set_caps(sframe_rtp_caps(encoding_name).c_str());
}

std::vector<Buffer> SframeReceiver::packet(const Bytes &payload, const RtpFields &fields) {
  return push(make_packet(payload, seq_++, fields).get());
}

std::vector<Buffer> SframeReceiver::packet(guint8 bits, const Bytes &piece,
                                           const RtpFields &fields) {
  return packet(join({{bits}, piece}), fields);
}

guint64 SframeReceiver::losses() {
  guint64 losses = 0;
  g_object_get(element(), "losses", &losses, nullptr);
  return losses;
}

std::optional<Bytes> only(const std::vector<Buffer> &buffers) {
  EXPECT_LE(buffers.size(), 1U);
  return buffers.empty() ? std::nullopt : std::optional(bytes_of(buffers[0].get()));
}

bool contains(const std::vector<std::string> &names, const char *name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace e2ee::test
