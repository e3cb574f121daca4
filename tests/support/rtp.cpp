/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "support/rtp.h"

#include <cstring>

namespace e2ee::test {

bool has_flag(GstBuffer *buffer, GstBufferFlags flag) {
  return GST_BUFFER_FLAG_IS_SET(buffer, flag);
}

bool is_delta(GstBuffer *buffer) {
  return has_flag(buffer, GST_BUFFER_FLAG_DELTA_UNIT);
}

Buffer at_time(Buffer buffer, unsigned index) {
  GST_BUFFER_PTS(buffer.get()) = index * kFrameTime;
  GST_BUFFER_DURATION(buffer.get()) = kFrameTime;
  return buffer;
}

Buffer make_frame(gsize size, bool keyframe, unsigned index) {
  Buffer buffer = at_time(buffer_of(noise(size, index + 1)), index);
  if (!keyframe)
    GST_BUFFER_FLAG_SET(buffer.get(), GST_BUFFER_FLAG_DELTA_UNIT);
  return buffer;
}

// ---- elements -----------------------------------------------------------------------------------

Stage::Stage(const char *factory, const Provider &provider) {
  GstElement *element = gst_element_factory_make(factory, nullptr);
  if (element == nullptr) {
    ADD_FAILURE() << "no element " << factory << ": is GST_PLUGIN_PATH set?";
    std::abort();
  }
  gst_object_ref_sink(element);
  if (provider)
    g_object_set(element, "key-provider", provider.get(), nullptr);
  harness_ = gst_harness_new_with_element(element, "sink", "src");
  gst_object_unref(element);
}

void Stage::set_caps(Caps caps) {
  if (caps_ && gst_caps_is_equal(caps.get(), caps_.get()))
    return;
  caps_.reset(gst_caps_ref(caps.get()));
  gst_harness_set_src_caps(harness_, caps.release());
}

std::vector<Buffer> Stage::push(GstBuffer *buffer) {
  EXPECT_EQ(try_push(buffer), GST_FLOW_OK);
  return pull();
}

std::vector<Buffer> Stage::pull() {
  std::vector<Buffer> out;
  while (GstBuffer *buffer = gst_harness_try_pull(harness_))
    out.emplace_back(buffer);
  return out;
}

namespace {

std::vector<std::string> names(GstHarness *harness, GstEvent *(*next)(GstHarness *) ) {
  std::vector<std::string> found;
  while (GstEvent *event = next(harness)) {
    const GstStructure *content = gst_event_get_structure(event);
    const bool custom = (GST_EVENT_TYPE(event) == GST_EVENT_CUSTOM_UPSTREAM ||
                         GST_EVENT_TYPE(event) == GST_EVENT_CUSTOM_DOWNSTREAM) &&
                        content != nullptr;
    found.emplace_back(custom ? gst_structure_get_name(content) : GST_EVENT_TYPE_NAME(event));
    gst_event_unref(event);
  }
  return found;
}

}  // namespace

std::vector<std::string> Stage::upstream_events() {
  return names(harness_, gst_harness_try_pull_upstream_event);
}

std::vector<std::string> Stage::events() {
  return names(harness_, gst_harness_try_pull_event);
}

std::vector<Buffer> Row::push(const std::vector<Buffer> &buffers) {
  std::vector<Buffer> in;
  for (const Buffer &buffer : buffers)
    in.emplace_back(gst_buffer_ref(buffer.get()));
  for (gsize i = 0; i < stages_.size(); i++) {
    std::vector<Buffer> out;
    for (const Buffer &buffer : in) {
      if (i > 0)
        stages_[i]->set_caps(stages_[i - 1]->out_caps());
      // Its owner lets go, so that elements can work in place.
      for (Buffer &made : stages_[i]->push(buffer.get()))
        out.push_back(std::move(made));
    }
    in = std::move(out);
  }
  return in;
}

std::vector<Buffer> Row::push(GstBuffer *buffer) {
  std::vector<Buffer> one;
  one.emplace_back(gst_buffer_ref(buffer));
  return push(one);
}

Payloader::Payloader(const char *caps, const char *mode, int offset, guint mtu)
    : Stage("rtpe2eepay") {
  g_object_set(element(), "picture-id-offset", offset, "mtu", mtu, nullptr);
  gst_util_set_object_arg(G_OBJECT(element()), "picture-id-mode", mode);
  Stage::set_caps(caps);
}

Depayloader::Depayloader(const char *encoding_name) : Stage("rtpe2eedepay") {
  const bool audio = std::strcmp(encoding_name, "OPUS") == 0;
  const Text caps(g_strdup_printf("application/x-rtp, media=%s, clock-rate=%d, encoding-name=%s",
                                  audio ? "audio" : "video", audio ? 48000 : 90000, encoding_name));
  Stage::set_caps(caps.get());
}

// ---- packets ------------------------------------------------------------------------------------

Packet parse(GstBuffer *buffer) {
  Packet packet;
  GstRTPBuffer rtp = GST_RTP_BUFFER_INIT;
  EXPECT_TRUE(gst_rtp_buffer_map(buffer, GST_MAP_READ, &rtp));
  const auto *data = static_cast<const guint8 *>(gst_rtp_buffer_get_payload(&rtp));
  packet.payload.assign(data, data + gst_rtp_buffer_get_payload_len(&rtp));
  packet.marker = gst_rtp_buffer_get_marker(&rtp);
  packet.seq = gst_rtp_buffer_get_seq(&rtp);
  gst_rtp_buffer_unmap(&rtp);
  return packet;
}

Bytes descriptor_of(GstBuffer *buffer, gsize size) {
  Bytes payload = parse(buffer).payload;
  EXPECT_GT(payload.size(), size);
  payload.resize(size);
  return payload;
}

Buffer make_packet(const Bytes &payload, guint16 seq, guint32 rtp_time, bool marker) {
  GstBuffer *packet = gst_rtp_buffer_new_allocate(static_cast<guint>(payload.size()), 0, 0);
  GstRTPBuffer rtp = GST_RTP_BUFFER_INIT;
  gst_rtp_buffer_map(packet, GST_MAP_READWRITE, &rtp);
  if (!payload.empty())
    std::memcpy(gst_rtp_buffer_get_payload(&rtp), payload.data(), payload.size());
  gst_rtp_buffer_set_seq(&rtp, seq);
  gst_rtp_buffer_set_timestamp(&rtp, rtp_time);
  gst_rtp_buffer_set_ssrc(&rtp, 1);
  gst_rtp_buffer_set_payload_type(&rtp, 96);
  gst_rtp_buffer_set_marker(&rtp, marker);
  gst_rtp_buffer_unmap(&rtp);
  GST_BUFFER_PTS(packet) = gst_util_uint64_scale(rtp_time, GST_SECOND, 90000);
  return Buffer(packet);
}

Buffer renumbered(Buffer packet, guint16 seq, bool marker) {
  GstBuffer *copy = gst_buffer_copy_deep(packet.get());
  GstRTPBuffer rtp = GST_RTP_BUFFER_INIT;
  gst_rtp_buffer_map(copy, GST_MAP_READWRITE, &rtp);
  gst_rtp_buffer_set_seq(&rtp, seq);
  gst_rtp_buffer_set_marker(&rtp, marker);
  gst_rtp_buffer_unmap(&rtp);
  return Buffer(copy);
}

// ---- caps ---------------------------------------------------------------------------------------

std::string field_of(const Caps &caps, const char *field) {
  if (!caps)
    return "no caps";
  const GValue *value = gst_structure_get_value(gst_caps_get_structure(caps.get(), 0), field);
  if (value == nullptr)
    return "";
  return Text(G_VALUE_HOLDS_STRING(value) ? g_value_dup_string(value) : gst_value_serialize(value))
      .get();
}

std::string text_of(const Caps &caps) {
  return caps ? Text(gst_caps_to_string(caps.get())).get() : "no caps";
}

// ---- temporal layers ----------------------------------------------------------------------------

const TemporalLayers kTwoTemporalLayers = {
    {0, 1},
    {2, 1},
    {300000, 600000},
    "<no-ref-golden+no-ref-alt+no-upd-golden+no-upd-alt,"
    "no-ref-golden+no-ref-alt+no-upd-last+no-upd-golden+no-upd-alt+no-upd-entropy>",
    "<false,true>"};

namespace {

// GStreamer reads arrays of this old kind from no text.
void set_ints(GstElement *encoder, const char *property, const std::vector<int> &numbers) {
  G_GNUC_BEGIN_IGNORE_DEPRECATIONS
  GValueArray *array = g_value_array_new(static_cast<guint>(numbers.size()));
  for (const int number : numbers) {
    GValue value = G_VALUE_INIT;
    g_value_init(&value, G_TYPE_INT);
    g_value_set_int(&value, number);
    g_value_array_append(array, &value);
  }
  g_object_set(encoder, property, array, nullptr);
  g_value_array_free(array);
  G_GNUC_END_IGNORE_DEPRECATIONS
}

}  // namespace

void set_temporal_layers(GstElement *encoder, const TemporalLayers &layers) {
  g_object_set(encoder, "temporal-scalability-number-layers",
               static_cast<int>(layers.decimators.size()), "temporal-scalability-periodicity",
               static_cast<int>(layers.ids.size()), nullptr);
  set_ints(encoder, "temporal-scalability-layer-id", layers.ids);
  set_ints(encoder, "temporal-scalability-rate-decimator", layers.decimators);
  set_ints(encoder, "temporal-scalability-target-bitrate", layers.bitrates);
  gst_util_set_object_arg(G_OBJECT(encoder), "temporal-scalability-layer-flags", layers.flags);
  gst_util_set_object_arg(G_OBJECT(encoder), "temporal-scalability-layer-sync-flags", layers.syncs);
}

}  // namespace e2ee::test
