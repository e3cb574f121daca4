/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Mapping and memory of frames.
#pragma once

#include <gst/gst.h>

#include <utility>

#include "framepool.h"

namespace e2ee {

/// A mapped buffer, unmapped when it goes. To map one for writing it must be writable, and so must
/// its memory if it is a single one.
class MappedBuffer {
 public:
  MappedBuffer(GstBuffer *buffer, GstMapFlags flags) : buffer_(buffer) {
    // Nearly all frames are one memory. Mapping that by itself leaves out what gst_buffer_map()
    // checks and references on the way there, and its copy for read-only memory.
    if (gst_buffer_n_memory(buffer) == 1)
      memory_ = gst_buffer_peek_memory(buffer, 0);
    if (memory_ != nullptr && (flags & GST_MAP_WRITE) != 0 && GST_MEMORY_IS_READONLY(memory_))
      memory_ = nullptr;
    mapped_ = memory_ != nullptr ? gst_memory_map(memory_, &map_, flags)
                                 : gst_buffer_map(buffer, &map_, flags);
  }
  ~MappedBuffer() { unmap(); }
  MappedBuffer(const MappedBuffer &) = delete;
  MappedBuffer &operator=(const MappedBuffer &) = delete;

  explicit operator bool() const { return mapped_; }
  ByteSpan bytes() const { return {map_.data, map_.size}; }
  void unmap() {
    if (mapped_ && memory_ != nullptr)
      gst_memory_unmap(memory_, &map_);
    else if (mapped_)
      gst_buffer_unmap(buffer_, &map_);
    mapped_ = false;
  }

 private:
  GstBuffer *buffer_;
  GstMemory *memory_ = nullptr;  // mapped by itself
  GstMapInfo map_;
  bool mapped_;
};

/// Cuts a buffer of one memory, both of them writable, to `size` bytes from `offset` on.
inline void cut_buffer(GstBuffer *buffer, gsize offset, gsize size) {
  gst_memory_resize(gst_buffer_peek_memory(buffer, 0), static_cast<gssize>(offset), size);
  GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_TAG_MEMORY);  // tells pools, as set_size() does
}

/// Whether the bytes of a buffer are its owner's alone to change, in front and behind as well: one
/// memory, writable, not shared and no part of another.
bool owns_memory(GstBuffer *buffer);

/// New memory with these bytes, which the caller owns; null when there is none.
GstMemory *memory_of(ByteView contents);

/// Gives a buffer one new memory with these bytes; it may be a new buffer then. False when there is
/// no memory.
bool set_contents(GstBuffer *&buffer, ByteView contents);

/// Memory of a frame that is being written, until release() hands it over.
class FrameMemory {
 public:
  explicit FrameMemory(FreshMemory memory) : fresh_(memory) {}
  ~FrameMemory() {
    if (fresh_.memory != nullptr)
      gst_memory_unref(fresh_.memory);
  }
  FrameMemory(const FrameMemory &) = delete;
  FrameMemory &operator=(const FrameMemory &) = delete;

  explicit operator bool() const { return fresh_.memory != nullptr; }
  ByteSpan bytes() const { return fresh_.bytes; }

  /// A decrypted frame is there.
  void mark_plaintext() { *fresh_.shows_a_frame = true; }

  /// The memory, cut to `size` bytes from `offset` on; the caller owns it.
  GstMemory *release(gsize offset, gsize size) {
    gst_memory_resize(fresh_.memory, static_cast<gssize>(offset), size);
    return std::exchange(fresh_.memory, nullptr);
  }

 private:
  FreshMemory fresh_;
};

}  // namespace e2ee
