/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "buffers/buffersealer.h"

#include "buffers/vp8layers.h"
#include "gste2eemeta.h"

namespace e2ee {

namespace {

struct FrameFacts {
  FrameType type;
  FrameSize size;
};

// The memory of a buffer in which the frame can grow in place; null when there is no room, or when
// that is somebody else's.
GstMemory *memory_with_slack(GstBuffer *buffer, const FrameCryptor &cryptor) {
  if (!owns_memory(buffer))
    return nullptr;
  GstMemory *memory = gst_buffer_peek_memory(buffer, 0);
  gsize offset;
  gsize capacity;
  const gsize size = gst_memory_get_sizes(memory, &offset, &capacity);
  const gsize tail = cryptor.facts.overhead - cryptor.facts.headroom;
  return offset >= cryptor.facts.headroom && capacity - offset - size >= tail ? memory : nullptr;
}

FrameFacts facts_of(const CodecRule &codec, ByteView frame) {
  FrameFacts facts{codec.frame_type(frame), {}};
  if (facts.type == FrameType::key)
    facts.size = codec.frame_size(frame);
  return facts;
}

// What a payloader that cannot read the frame needs to know of it. The application may know more,
// and then has written it already.
[[gnu::always_inline]] inline void add_frame_meta(GstBuffer *buffer, const CodecRule &codec,
                                                  const FrameFacts &facts) {
  if (gst_e2ee_buffer_get_frame_meta(buffer) != nullptr)
    return;
  auto *meta = gst_e2ee_buffer_add_frame_meta(buffer, facts.type == FrameType::key,
                                              facts.size.width, facts.size.height);
  if (codec.id != CodecId::vp8)
    return;
  if (const auto layers = vp8_layers_of(buffer)) {
    meta->has_layers = TRUE;
    meta->temporal_layer = layers->temporal_layer;
    meta->layer_sync = layers->layer_sync;
  }
}

// Encrypts where the frame lies. On failure the buffer is of no use.
FrameCryptor::Result encrypt_in_place(FrameCryptor &cryptor, const CodecRule &codec,
                                      GstBuffer *buffer, GstMemory *memory, FrameFacts &facts) {
  const gsize size = gst_memory_get_sizes(memory, nullptr, nullptr);
  const gsize headroom = cryptor.facts.headroom;
  gst_memory_resize(memory, -static_cast<gssize>(headroom), size + cryptor.facts.overhead);
  MappedBuffer map(buffer, GST_MAP_READWRITE);
  if (!map)
    return {.reason = Reason::internal};
  const ByteView frame = map.bytes().subspan(headroom, size);
  facts = facts_of(codec, frame);
  FrameCryptor::Result result = cryptor.encrypt(codec, facts.type, frame, map.bytes());
  map.unmap();
  if (result.reason == Reason::ok)
    cut_buffer(buffer, result.offset, result.size);
  return result;
}

// Encrypts into one new memory, which takes the place of the buffer's own: flags, times and metas
// stay with the buffer.
FrameCryptor::Result encrypt_to_new(FrameCryptor &cryptor, const CodecRule &codec,
                                    GstBuffer *&buffer, FrameFacts &facts) {
  MappedBuffer map(buffer, GST_MAP_READ);
  if (!map)
    return {.reason = Reason::internal};
  const ByteView frame = map.bytes();
  // Frames of NAL units get new start codes in front and escapes behind.
  FrameMemory memory(
      cryptor.allocate(frame.size() + cryptor.facts.overhead + codec.extra_room(frame)));
  if (!memory)
    return {.reason = Reason::internal};
  facts = facts_of(codec, frame);
  FrameCryptor::Result result = cryptor.encrypt(codec, facts.type, frame, memory.bytes());
  map.unmap();
  if (result.reason == Reason::ok) {
    buffer = gst_buffer_make_writable(buffer);
    gst_buffer_replace_all_memory(buffer, memory.release(result.offset, result.size));
  }
  return result;
}

// Of a byte stream, of which the meta tells what only its start codes show.
bool make_lengths(const CodecRule &codec, GstBuffer *&buffer) {
  buffer = gst_buffer_make_writable(buffer);
  {
    MappedBuffer map(buffer, GST_MAP_READ);
    if (!map)
      return false;
    add_frame_meta(buffer, codec, facts_of(codec, map.bytes()));
  }
  return byte_stream_to_lengths(buffer);
}

}  // namespace

BufferSealer::Taken BufferSealer::take(GstBuffer *&buffer) {
  ParameterSets &sets = input_.sets();
  if (!input_.to_byte_stream(buffer))
    return Taken::nothing;
  if (sets.keep(buffer))
    return Taken::part;
  sets.learn(buffer);
  return sets.complete(buffer) ? Taken::frame : Taken::nothing;
}

FrameCryptor::Result BufferSealer::seal(FrameCryptor &cryptor, const CodecRule &codec,
                                        GstBuffer *&buffer, gsize behind) {
  return codec.whole ? seal_whole(cryptor, codec, buffer)
                     : seal_frame(cryptor, codec, buffer, behind);
}

FrameCryptor::Result BufferSealer::seal_frame(FrameCryptor &cryptor, const CodecRule &codec,
                                              GstBuffer *&buffer, gsize behind) const {
  FrameFacts facts{};
  const bool escapes = codec.nal != nullptr && !codec.whole;
  GstMemory *own = escapes ? nullptr : memory_with_slack(buffer, cryptor);
  FrameCryptor::Result result = own != nullptr
                                    ? encrypt_in_place(cryptor, codec, buffer, own, facts)
                                    : encrypt_to_new(cryptor, codec, buffer, facts);
  if (G_UNLIKELY(result.reason != Reason::ok))
    return result;
  if (escapes)
    output_.finish_sealed(buffer, behind);
  if (codec.video)
    add_frame_meta(buffer, codec, facts);
  return result;
}

FrameCryptor::Result BufferSealer::seal_whole(FrameCryptor &cryptor, const CodecRule &codec,
                                              GstBuffer *&buffer) const {
  if (codec.nal != nullptr && nal_format_ == GST_E2EE_NAL_FORMAT_LENGTH4 &&
      !make_lengths(codec, buffer))
    return {.reason = Reason::internal};
  return seal_frame(cryptor, codec, buffer, 0);
}

}  // namespace e2ee
