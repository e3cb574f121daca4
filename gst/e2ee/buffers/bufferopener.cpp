/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "buffers/bufferopener.h"

#include <cstring>
#include <optional>

#include "buffers/frametail.h"
#include "buffers/sframertp.h"

namespace e2ee {

namespace {

constexpr std::size_t kLengthSize = 4;

// What is in the clear in front of the ciphertext; nothing where that is not all there.
std::optional<std::size_t> header_of(ByteView bytes, bool packet) {
  if (!packet)
    return 0;
  const auto size = rtp_header_size(bytes);
  return size < bytes.size() ? size : std::nullopt;
}

// Decrypts what is behind the header, which then stands in front of the plaintext.
FrameCryptor::Result decrypt_behind(FrameCryptor &cryptor, const CodecRule &codec,
                                    std::size_t header, ByteView from, ByteSpan to) {
  FrameCryptor::Result result = cryptor.decrypt(codec, from.subspan(header), to.subspan(header));
  if (header == 0 || result.reason != Reason::ok)
    return result;
  std::memmove(to.data() + result.offset, from.data(), header);
  result.size += header;
  return result;
}

FrameCryptor::Result decrypt_in_place(FrameCryptor &cryptor, const CodecRule &codec, bool packet,
                                      GstBuffer *buffer) {
  MappedBuffer map(buffer, GST_MAP_READWRITE);
  if (!map)
    return {.reason = Reason::internal};
  const auto header = header_of(map.bytes(), packet);
  if (!header)
    return {.reason = Reason::malformed};
  FrameCryptor::Result result = decrypt_behind(cryptor, codec, *header, map.bytes(), map.bytes());
  map.unmap();
  if (result.reason == Reason::ok)
    cut_buffer(buffer, result.offset, result.size);
  return result;
}

FrameCryptor::Result decrypt_to_new(FrameCryptor &cryptor, const CodecRule &codec, bool packet,
                                    GstBuffer *&buffer) {
  MappedBuffer map(buffer, GST_MAP_READ);
  FrameMemory memory(map ? cryptor.allocate(map.bytes().size()) : FreshMemory{});
  if (!memory)
    return {.reason = Reason::internal};
  const auto header = header_of(map.bytes(), packet);
  if (!header)
    return {.reason = Reason::malformed};
  FrameCryptor::Result result =
      decrypt_behind(cryptor, codec, *header, map.bytes(), memory.bytes());
  map.unmap();
  if (result.reason == Reason::ok) {
    memory.mark_plaintext();
    buffer = gst_buffer_make_writable(buffer);
    gst_buffer_replace_all_memory(buffer, memory.release(result.offset, result.size));
  }
  return result;
}

FrameCryptor::Result open_once(FrameCryptor &cryptor, const CodecRule &codec, bool packet,
                               GstBuffer *&buffer) {
  // Several memories are merged into a new one by mapping.
  const bool in_place =
      owns_memory(buffer) || (gst_buffer_n_memory(buffer) > 1 && gst_buffer_is_writable(buffer));
  return in_place ? decrypt_in_place(cryptor, codec, packet, buffer)
                  : decrypt_to_new(cryptor, codec, packet, buffer);
}

}  // namespace

bool BufferOpener::take(GstBuffer *&buffer) {
  return input_.to_byte_stream(buffer) && input_.sets().complete(buffer);
}

// Of SFrame over RTP: neither caps nor trailers to look at.
FrameCryptor::Result BufferOpener::open_whole(FrameCryptor &cryptor, const CodecRule &codec,
                                              GstBuffer *&buffer) const {
  FrameCryptor::Result result = open_once(cryptor, codec, packets_, buffer);
  if (result.reason == Reason::ok && codec.nal != nullptr && !packets_ &&
      nal_format_ == GST_E2EE_NAL_FORMAT_LENGTH4 && !lengths_to_byte_stream(buffer, kLengthSize))
    result.reason = Reason::malformed;
  return result;
}

FrameCryptor::Result BufferOpener::open(FrameCryptor &cryptor, const CodecRule &codec,
                                        GstBuffer *&buffer) {
  if (codec.whole)
    return open_whole(cryptor, codec, buffer);
  FrameCryptor::Result result = open_once(cryptor, codec, false, buffer);
  if (G_LIKELY(result.reason != Reason::malformed))
    return result;
  // Behind LiveKit's packet trailer there may be a frame; without one this costs nothing.
  const auto trailer = packet_trailer_of(buffer);
  if (!trailer || trailer->size >= gst_buffer_get_size(buffer))
    return result;
  buffer = strip_packet_trailer(buffer, *trailer);
  return open_once(cryptor, codec, false, buffer);
}

}  // namespace e2ee
