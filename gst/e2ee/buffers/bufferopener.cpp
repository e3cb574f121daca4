/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "buffers/bufferopener.h"

#include "buffers/frametail.h"

namespace e2ee {

namespace {

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

}  // namespace

bool BufferOpener::take(GstBuffer *&buffer) {
  return input_.to_byte_stream(buffer) && input_.sets().complete(buffer);
}

FrameCryptor::Result BufferOpener::open(FrameCryptor &cryptor, const CodecRule &codec,
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

}  // namespace e2ee
