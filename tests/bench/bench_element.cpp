/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Frames through elements, and straight to where the elements would push them. The difference
// of the two is what an element costs, with all that GStreamer does for it.
#include "bench.h"
#include "core/iv.h"

namespace bench {

namespace {

constexpr char kRtp[] =
    "application/x-rtp, media=audio, payload=(int)96, clock-rate=(int)48000, "
    "encoding-name=OPUS, ssrc=(uint)1";

Work push_to(std::shared_ptr<Line> line, Buffers buffers, std::vector<std::uint8_t> frame,
             std::size_t arriving) {
  const auto make = buffers == Buffers::copied ? copied_buffer : cut_buffer;
  return [make, arriving, frame = std::move(frame), line = std::move(line)](unsigned frames) {
    const gsize before = line->bytes();
    bool good = true;
    for (unsigned i = 0; i < frames; ++i)
      good &= line->push(make(frame));
    return good && line->bytes() - before == frames * arriving;
  };
}

// The least that an element can cost: two pads, and between them the AEAD back end encrypts the
// frame where it lies. Nothing is added to the frame, nothing counted and no key looked for.
struct Floor {
  static GstFlowReturn chain(GstPad *pad, GstObject *, GstBuffer *buffer) {
    auto *self = static_cast<Floor *>(gst_pad_get_element_private(pad));
    GstMapInfo map;
    if (!gst_buffer_map(buffer, &map, GST_MAP_READWRITE))
      g_error("cannot map a frame");
    const e2ee::ByteSpan frame(map.data, map.size);
    const e2ee::ByteSpan body = frame.subspan(1);
    std::uint8_t tag[e2ee::kTagSize];
    e2ee::IvSource::advance(self->iv, 1);
    const bool good = self->aead->seal(self->iv, frame.first(1), body, body.data(), tag);
    gst_buffer_unmap(buffer, &map);
    return good ? gst_pad_push(self->src, buffer) : GST_FLOW_ERROR;
  }

  std::unique_ptr<e2ee::Aead> aead = e2ee::make_aead(kRawKey, e2ee::Direction::seal);
  e2ee::Iv iv{};
  GstPad *src = gst_pad_new("src", GST_PAD_SRC);
};

GstRef<GstElement> make_floor() {
  GstRef<GstElement> element(static_cast<GstElement *>(gst_object_ref_sink(gst_bin_new(nullptr))));
  auto *floor = new Floor;
  g_object_set_data_full(G_OBJECT(element.get()), "floor", floor,
                         [](gpointer held) { delete static_cast<Floor *>(held); });
  GstPad *sink = gst_pad_new("sink", GST_PAD_SINK);
  gst_pad_set_element_private(sink, floor);
  gst_pad_set_chain_function(sink, Floor::chain);
  gst_element_add_pad(element.get(), sink);
  gst_element_add_pad(element.get(), floor->src);
  return element;
}

// GStreamer's element for SRTP with AES-128-GCM, which does to a packet what e2eeencrypt does to a
// frame. Null when it is not installed.
GstRef<GstElement> make_srtpenc() {
  GstRef<GstElement> srtp = make_element("srtpenc");
  if (!srtp)
    return nullptr;
  std::vector<std::uint8_t> key(kRawKey.begin(), kRawKey.end());
  key.resize(16 + 12);  // and the salt
  const e2ee::BufferPtr buffer(copied_buffer(key));
  g_object_set(srtp.get(), "key", buffer.get(), nullptr);
  for (const char *of : {"rtp", "rtcp"}) {
    const std::string name(of);
    gst_util_set_object_arg(G_OBJECT(srtp.get()), (name + "-cipher").c_str(), "aes-128-gcm");
    gst_util_set_object_arg(G_OBJECT(srtp.get()), (name + "-auth").c_str(), "null");
  }
  return srtp;
}

}  // namespace

Work push_straight(Buffers buffers, std::vector<std::uint8_t> frame) {
  const std::size_t size = frame.size();
  return push_to(std::make_shared<Line>(nullptr), buffers, std::move(frame), size);
}

Work push_through(const char *element, Buffers buffers, std::vector<std::uint8_t> frame,
                  std::size_t arriving) {
  return push_to(std::make_shared<Line>(make_keyed(element)), buffers, std::move(frame), arriving);
}

Work push_through_floor(std::size_t size) {
  return push_to(std::make_shared<Line>(make_floor()), Buffers::copied, make_frame(size), size);
}

Work push_through_srtpenc(std::size_t size) {
  GstRef<GstElement> srtp = make_srtpenc();
  if (!srtp)
    return nullptr;
  auto line = std::make_shared<Line>(std::move(srtp), kRtp, "rtp_sink_0", "rtp_src_0");
  std::vector<std::uint8_t> packet = make_frame(size);
  constexpr std::uint8_t kHeader[] = {0x80, 96, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  std::copy(std::begin(kHeader), std::end(kHeader), packet.begin());
  return [line, packet = std::move(packet), number = 0u](unsigned packets) mutable {
    const gsize before = line->bytes();
    bool good = true;
    for (unsigned i = 0; i < packets; ++i) {
      packet[2] = static_cast<std::uint8_t>(++number >> 8);  // no number comes twice
      packet[3] = static_cast<std::uint8_t>(number);
      good &= line->push(copied_buffer(packet));
    }
    return good && line->bytes() - before == packets * (packet.size() + e2ee::kTagSize);
  };
}

}  // namespace bench
