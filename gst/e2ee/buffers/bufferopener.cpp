/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "buffers/bufferopener.h"

#include <optional>
#include <utility>

#include "buffers/frametail.h"
#include "buffers/sframertp.h"

namespace e2ee {

namespace {

constexpr std::size_t kLengthSize = 4;

FrameCryptor::Result decrypt_in_place(FrameCryptor &cryptor, const CodecRule &codec,
                                      GstBuffer *buffer) {
  MappedBuffer map(buffer, GST_MAP_READWRITE);
  if (!map)
    return {.reason = Reason::internal};
  FrameCryptor::Result result = cryptor.decrypt(codec, map.bytes(), map.bytes());
  map.unmap();
  if (result.reason == Reason::ok)
    cut_buffer(buffer, result.offset, result.size);
  return result;
}

FrameCryptor::Result decrypt_to_new(FrameCryptor &cryptor, const CodecRule &codec,
                                    GstBuffer *&buffer) {
  MappedBuffer map(buffer, GST_MAP_READ);
  FrameMemory memory(map ? cryptor.allocate(map.bytes().size()) : FreshMemory{});
  if (!memory)
    return {.reason = Reason::internal};
  FrameCryptor::Result result = cryptor.decrypt(codec, map.bytes(), memory.bytes());
  map.unmap();
  if (result.reason == Reason::ok) {
    memory.mark_plaintext();
    buffer = gst_buffer_make_writable(buffer);
    gst_buffer_replace_all_memory(buffer, memory.release(result.offset, result.size));
  }
  return result;
}

FrameCryptor::Result open_once(FrameCryptor &cryptor, const CodecRule &codec, GstBuffer *&buffer) {
  // Several memories are merged into a new one by mapping.
  const bool in_place =
      owns_memory(buffer) || (gst_buffer_n_memory(buffer) > 1 && gst_buffer_is_writable(buffer));
  return in_place ? decrypt_in_place(cryptor, codec, buffer)
                  : decrypt_to_new(cryptor, codec, buffer);
}

// The header of a packet, in memory of its own; null for what has none, or nothing behind it.
GstMemory *header_of(GstBuffer *packet, gsize &size) {
  MappedBuffer map(packet, GST_MAP_READ);
  const auto header = map ? rtp_header_size(map.bytes()) : std::nullopt;
  if (!header || *header == map.bytes().size())
    return nullptr;
  size = *header;
  return memory_of(map.bytes().first(size));
}

// A packet that cannot be opened stays as it is: its key may be late.
FrameCryptor::Result open_packet(FrameCryptor &cryptor, const CodecRule &codec,
                                 GstBuffer *&packet) {
  gsize size = 0;
  GstMemory *header = header_of(packet, size);
  if (header == nullptr)
    return {.reason = Reason::malformed};
  GstBuffer *payload = gst_buffer_copy(packet);
  gst_buffer_resize(payload, static_cast<gssize>(size), -1);
  FrameCryptor::Result result = decrypt_to_new(cryptor, codec, payload);
  if (result.reason == Reason::ok) {
    gst_buffer_prepend_memory(payload, header);
    std::swap(packet, payload);
  } else {
    gst_memory_unref(header);
  }
  gst_buffer_unref(payload);
  return result;
}

}  // namespace

bool BufferOpener::take(GstBuffer *&buffer) {
  return input_.to_byte_stream(buffer) && input_.sets().complete(buffer);
}

FrameCryptor::Result BufferOpener::open(FrameCryptor &cryptor, const CodecRule &codec,
                                        GstBuffer *&buffer) {
  return codec.whole ? open_whole(cryptor, codec, buffer) : open_frame(cryptor, codec, buffer);
}

FrameCryptor::Result BufferOpener::open_frame(FrameCryptor &cryptor, const CodecRule &codec,
                                              GstBuffer *&buffer) {
  FrameCryptor::Result result = open_once(cryptor, codec, buffer);
  if (G_LIKELY(result.reason != Reason::malformed))
    return result;
  // Behind LiveKit's packet trailer there may be a frame; without one this costs nothing.
  const auto trailer = packet_trailer_of(buffer);
  if (!trailer || trailer->size >= gst_buffer_get_size(buffer))
    return result;
  buffer = strip_packet_trailer(buffer, *trailer);
  return open_once(cryptor, codec, buffer);
}

FrameCryptor::Result BufferOpener::open_whole(FrameCryptor &cryptor, const CodecRule &codec,
                                              GstBuffer *&buffer) const {
  if (packets_)
    return open_packet(cryptor, codec, buffer);
  FrameCryptor::Result result = open_once(cryptor, codec, buffer);
  if (result.reason == Reason::ok && codec.nal != nullptr &&
      nal_format_ == GST_E2EE_NAL_FORMAT_LENGTH4 && !lengths_to_byte_stream(buffer, kLengthSize))
    result.reason = Reason::malformed;
  return result;
}

}  // namespace e2ee
