/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "buffers/framememory.h"

#include <cstring>
#include <mutex>
#include <vector>

namespace e2ee {

namespace {

constexpr gsize kPoolFrom = 64 * 1024;         // below, the C library's heap is as fast
constexpr gsize kMaxPooled = 8 * 1024 * 1024;  // a block above is given back at once
constexpr std::size_t kMaxIdle = 4;            // blocks; a payloader holds one or two at a time

}  // namespace

GstMemory *memory_of(ByteView contents) {
  FrameMemory memory(gst_allocator_alloc(nullptr, contents.size(), nullptr));
  if (!memory)
    return nullptr;
  std::memcpy(memory.bytes().data(), contents.data(), contents.size());
  return memory.release(0, contents.size());
}

bool set_contents(GstBuffer *&buffer, ByteView contents) {
  GstMemory *memory = memory_of(contents);
  if (memory == nullptr)
    return false;
  buffer = gst_buffer_make_writable(buffer);
  gst_buffer_replace_all_memory(buffer, memory);
  return true;
}

// Shared with the memories that are under way: they may outlive the element.
struct FrameAllocator::Pool {
  struct Block {
    std::shared_ptr<Pool> pool;  // set while the block is out
    gsize capacity;
    guint8 *data;
  };

  ~Pool() {
    for (Block *block : idle)
      destroy(block);
  }

  static void destroy(Block *block) {
    g_free(block->data);
    delete block;
  }

  Block *take(gsize size) {
    std::lock_guard lock(mutex);
    for (auto it = idle.begin(); it != idle.end(); ++it) {
      if ((*it)->capacity >= size) {
        Block *block = *it;
        idle.erase(it);
        return block;
      }
    }
    return nullptr;
  }

  static void give_back(gpointer data) {
    auto *block = static_cast<Block *>(data);
    const std::shared_ptr<Pool> pool = std::move(block->pool);
    {
      std::lock_guard lock(pool->mutex);
      if (pool->idle.size() < kMaxIdle) {
        pool->idle.push_back(block);
        return;
      }
    }
    destroy(block);
  }

  std::mutex mutex;
  std::vector<Block *> idle;
};

FrameAllocator::FrameAllocator() : pool_(std::make_shared<Pool>()) {}
FrameAllocator::~FrameAllocator() = default;

GstMemory *FrameAllocator::allocate(gsize size) {
  if (size < kPoolFrom || size > kMaxPooled)
    return gst_allocator_alloc(nullptr, size, nullptr);
  Pool::Block *block = pool_->take(size);
  if (block == nullptr) {
    gsize capacity = kPoolFrom;
    while (capacity < size)
      capacity *= 2;
    auto *data = static_cast<guint8 *>(g_try_malloc(capacity));
    if (data == nullptr)
      return nullptr;
    block = new Pool::Block{nullptr, capacity, data};
  }
  block->pool = pool_;
  return gst_memory_new_wrapped(static_cast<GstMemoryFlags>(0), block->data, block->capacity, 0,
                                size, block, Pool::give_back);
}

}  // namespace e2ee
