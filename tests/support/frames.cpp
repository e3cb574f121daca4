/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "support/frames.h"

#include "support/pipeline.h"

namespace e2ee::test {

const char *const kVideoSource =
    "videotestsrc num-buffers=40 pattern=ball ! "
    "video/x-raw, format=I420, width=320, height=240, framerate=30/1 ! ";
const char *const kAudioSource =
    "audiotestsrc num-buffers=60 samplesperbuffer=960 ! "
    "audio/x-raw, rate=48000, channels=2 ! ";

Buffer buffer_of(const Bytes &bytes) {
  return Buffer(bytes.empty() ? gst_buffer_new()
                              : gst_buffer_new_memdup(bytes.data(), bytes.size()));
}

Bytes bytes_of(GstBuffer *buffer) {
  Bytes bytes(gst_buffer_get_size(buffer));
  if (!bytes.empty())
    gst_buffer_extract(buffer, 0, bytes.data(), bytes.size());
  return bytes;
}

Buffer Region::wrap(gsize size, GstMemoryFlags flags) {
  released_ = false;
  GstBuffer *buffer = gst_buffer_new();
  gst_buffer_append_memory(
      buffer,
      gst_memory_new_wrapped(flags, bytes_.data(), bytes_.size(), 0, size, this,
                             [](gpointer self) { static_cast<Region *>(self)->released_ = true; }));
  return Buffer(buffer);
}

Encoded encode(const std::string &source_and_encoder, void (*set_up)(GstElement *),
               gsize at_least) {
  Encoded encoded;
  Pipeline pipeline(source_and_encoder + " ! fakesink name=sink signal-handoffs=true sync=false",
                    nullptr);
  if (set_up != nullptr)
    set_up(pipeline.get("encoder"));
  const auto on_frame = +[](GstElement *, GstBuffer *buffer, GstPad *pad, Encoded *out) {
    out->frames.emplace_back(gst_buffer_ref(buffer));
    if (out->caps.empty()) {
      const Caps caps(gst_pad_get_current_caps(pad));
      out->caps = Text(gst_caps_to_string(caps.get())).get();
    }
  };
  g_signal_connect(pipeline.get("sink"), "handoff", G_CALLBACK(on_frame), &encoded);
  EXPECT_TRUE(pipeline.run(30));
  pipeline.stop();
  EXPECT_GE(encoded.frames.size(), at_least);
  return encoded;
}

}  // namespace e2ee::test
