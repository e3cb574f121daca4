/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "buffers/framememory.h"

#include <cstring>

namespace e2ee {

bool owns_memory(GstBuffer *buffer) {
  if (gst_buffer_n_memory(buffer) != 1)
    return false;
  // A memory is writable only when the buffer that has it is.
  const GstMemory *memory = gst_buffer_peek_memory(buffer, 0);
  return memory->parent == nullptr && !GST_MEMORY_IS_READONLY(memory) &&
         gst_memory_is_writable(memory);
}

GstMemory *memory_of(ByteView contents) {
  GstMemory *memory = gst_allocator_alloc(nullptr, contents.size(), nullptr);
  GstMapInfo map;
  if (memory == nullptr)
    return nullptr;
  if (!gst_memory_map(memory, &map, GST_MAP_WRITE)) {
    gst_memory_unref(memory);
    return nullptr;
  }
  std::memcpy(map.data, contents.data(), contents.size());
  gst_memory_unmap(memory, &map);
  return memory;
}

bool set_contents(GstBuffer *&buffer, ByteView contents) {
  GstMemory *memory = memory_of(contents);
  if (memory == nullptr)
    return false;
  buffer = gst_buffer_make_writable(buffer);
  gst_buffer_replace_all_memory(buffer, memory);
  return true;
}

}  // namespace e2ee
