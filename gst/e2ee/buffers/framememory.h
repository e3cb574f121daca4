/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Mapping and memory of frames.
#pragma once

#include <gst/gst.h>

#include <memory>
#include <utility>

#include "core/bytes.h"

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

/// Cuts a buffer to `size` bytes from `offset` on; it must be writable, and so must its memory if
/// it is a single one.
inline void cut_buffer(GstBuffer *buffer, gsize offset, gsize size) {
  if (gst_buffer_n_memory(buffer) != 1) {
    gst_buffer_resize(buffer, static_cast<gssize>(offset), static_cast<gssize>(size));
    return;
  }
  gst_memory_resize(gst_buffer_peek_memory(buffer, 0), static_cast<gssize>(offset), size);
  GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_TAG_MEMORY);  // tells pools, as set_size() does
}

/// New memory with these bytes, which the caller owns; null when there is none.
GstMemory *memory_of(ByteView contents);

/// Gives a buffer one new memory with these bytes; it may be a new buffer then. False when there is
/// no memory.
bool set_contents(GstBuffer *&buffer, ByteView contents);

/// New memory of a frame, mapped for writing until release() hands it over.
class FrameMemory {
 public:
  explicit FrameMemory(GstMemory *memory) : memory_(memory) {
    if (memory_ != nullptr && !gst_memory_map(memory_, &map_, GST_MAP_WRITE)) {
      gst_memory_unref(memory_);
      memory_ = nullptr;
    }
  }
  ~FrameMemory() {
    if (memory_ != nullptr) {
      gst_memory_unmap(memory_, &map_);
      gst_memory_unref(memory_);
    }
  }
  FrameMemory(const FrameMemory &) = delete;
  FrameMemory &operator=(const FrameMemory &) = delete;

  explicit operator bool() const { return memory_ != nullptr; }
  ByteSpan bytes() const { return {map_.data, map_.size}; }

  /// The memory, cut to `size` bytes from `offset` on; the caller owns it.
  GstMemory *release(gsize offset, gsize size) {
    gst_memory_unmap(memory_, &map_);
    gst_memory_resize(memory_, static_cast<gssize>(offset), size);
    return std::exchange(memory_, nullptr);
  }

 private:
  GstMemory *memory_;
  GstMapInfo map_{};
};

/// Gives out memory for frames. Large blocks are kept when downstream is done with them: a fresh
/// one costs page faults worth two more passes of encryption.
class FrameAllocator {
 public:
  FrameAllocator();
  ~FrameAllocator();
  FrameAllocator(const FrameAllocator &) = delete;
  FrameAllocator &operator=(const FrameAllocator &) = delete;

  /// At least `size` bytes, exactly `size` in view; null when there is no memory.
  GstMemory *allocate(gsize size);

 private:
  struct Pool;
  std::shared_ptr<Pool> pool_;
};

}  // namespace e2ee
