/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "framepool.h"

#include <pthread.h>

#include <algorithm>
#include <array>
#include <bit>
#include <mutex>

#include "core/clock.h"
#include "core/secret.h"

namespace e2ee {

namespace {

// Blocks have powers of two of bytes, their header included.
constexpr unsigned kSmallest = 9;
constexpr unsigned kLargest = 23;  // one that is larger goes back to the system at once
constexpr gsize kMostIdle = gsize{16} << 20;
constexpr std::chrono::seconds kIdleFor{1};

/// A memory and its bytes, in one block.
struct Block {
  GstMemory memory;
  Block *next;            // among the idle ones
  unsigned size_class;    // log2 of the block's bytes
  bool may_show_a_frame;  // a decrypted one
  gsize written;          // bytes in use, which may show one
  std::uint8_t *bytes() { return reinterpret_cast<std::uint8_t *>(this + 1); }
};

/// Idle blocks, by size. What was not wanted for a second goes back to the system.
class IdleBlocks {
 public:
  Block *take(unsigned size_class) {
    const std::lock_guard lock(mutex_);
    Stack &stack = stacks_[size_class];
    Block *block = stack.top;
    if (block == nullptr)
      return nullptr;
    stack.top = block->next;
    stack.least = std::min(stack.least, --stack.count);
    bytes_ -= gsize{1} << size_class;
    return block;
  }

  void put(Block *block) {
    Block *surplus = nullptr;
    {
      const std::lock_guard lock(mutex_);
      surplus = trim();
      if (users_ == 0 || bytes_ + (gsize{1} << block->size_class) > kMostIdle) {
        block->next = surplus;
        surplus = block;
      } else {
        push(block);
      }
    }
    release(surplus);
  }

  void add_user(int change) {
    Block *surplus = nullptr;
    {
      const std::lock_guard lock(mutex_);
      users_ += change;
      if (users_ == 0) {
        for (Stack &stack : stacks_)
          surplus = pop(stack, stack.count, surplus);
      }
    }
    release(surplus);
  }

  gsize bytes() {
    const std::lock_guard lock(mutex_);
    return bytes_;
  }

  std::mutex &mutex() { return mutex_; }

 private:
  struct Stack {
    Block *top = nullptr;
    unsigned count = 0;
    unsigned least = 0;  // there were, since the last look
  };

  void push(Block *block) {
    Stack &stack = stacks_[block->size_class];
    block->next = stack.top;
    stack.top = block;
    ++stack.count;
    bytes_ += gsize{1} << block->size_class;
  }

  // `count` blocks of the stack in front of `others`.
  Block *pop(Stack &stack, unsigned count, Block *others) {
    for (; count > 0; --count) {
      Block *block = stack.top;
      stack.top = block->next;
      --stack.count;
      bytes_ -= gsize{1} << block->size_class;
      block->next = others;
      others = block;
    }
    stack.least = std::min(stack.least, stack.count);
    return others;
  }

  Block *trim() {
    constexpr unsigned kPutsToLook = 16;
    if (++puts_ % kPutsToLook != 0)
      return nullptr;
    const Clock::time_point now = Clock::coarse();
    if (now - looked_ < kIdleFor)
      return nullptr;
    looked_ = now;
    Block *surplus = nullptr;
    for (Stack &stack : stacks_) {
      surplus = pop(stack, stack.least, surplus);
      stack.least = stack.count;
    }
    return surplus;
  }

  static void release(Block *blocks) {
    while (blocks != nullptr) {
      Block *next = blocks->next;
      g_free(blocks);
      blocks = next;
    }
  }

  std::mutex mutex_;
  std::array<Stack, kLargest + 1> stacks_;
  gsize bytes_ = 0;
  int users_ = 0;
  unsigned puts_ = 0;
  Clock::time_point looked_{};
};

// Memories outlive whatever ends. A child forked while another thread holds the mutex would wait
// for it for ever.
IdleBlocks &idle_blocks() {
  static auto *const blocks = [] {
    auto *made = new IdleBlocks;
    pthread_atfork([] { idle_blocks().mutex().lock(); }, [] { idle_blocks().mutex().unlock(); },
                   [] { idle_blocks().mutex().unlock(); });
    return made;
  }();
  return *blocks;
}

// ---- the allocator ------------------------------------------------------------------------------

Block *block_of(GstMemory *memory) {
  return reinterpret_cast<Block *>(memory->parent != nullptr ? memory->parent : memory);
}

// Whoever maps it to write there may decrypt a frame in place.
gpointer map_memory(GstMemory *memory, gsize, GstMapFlags flags) {
  Block *block = block_of(memory);
  if ((flags & GST_MAP_WRITE) != 0) {
    block->may_show_a_frame = true;
    block->written = std::max(block->written, memory->offset + memory->size);
  }
  return block->bytes();
}

void unmap_memory(GstMemory *) {}

GstMemory *share_memory(GstMemory *memory, gssize offset, gssize size) {
  Block *block = block_of(memory);
  const gsize length =
      size < 0 ? memory->size - static_cast<gsize>(offset) : static_cast<gsize>(size);
  GstMemory *part = g_new(GstMemory, 1);
  gst_memory_init(part,
                  static_cast<GstMemoryFlags>(GST_MINI_OBJECT_FLAGS(&block->memory) |
                                              GST_MINI_OBJECT_FLAG_LOCK_READONLY),
                  memory->allocator, &block->memory, memory->maxsize, memory->align,
                  memory->offset + static_cast<gsize>(offset), length);
  return part;
}

gboolean is_span(GstMemory *first, GstMemory *second, gsize *offset) {
  if (offset != nullptr)
    *offset = first->offset - block_of(first)->memory.offset;
  return block_of(first) == block_of(second) && first->offset + first->size == second->offset;
}

void free_memory(GstAllocator *, GstMemory *memory) {
  if (memory->parent != nullptr) {
    g_free(memory);
    return;
  }
  Block *block = block_of(memory);
  if (block->may_show_a_frame) {
    cleanse({block->bytes(), block->written});
  }
  if (block->size_class > kLargest)
    g_free(block);
  else
    idle_blocks().put(block);
}

Block *allocate(GstAllocator *allocator, gsize size) {
  if (size > G_MAXSIZE / 4)
    return nullptr;
  const unsigned size_class =
      std::max(kSmallest, static_cast<unsigned>(std::bit_width(size + sizeof(Block) - 1)));
  Block *block = size_class <= kLargest ? idle_blocks().take(size_class) : nullptr;
  if (block == nullptr) {
    block = static_cast<Block *>(g_try_malloc(gsize{1} << size_class));
    if (block == nullptr)
      return nullptr;
    block->size_class = size_class;
  }
  block->may_show_a_frame = false;
  block->written = size;
  gst_memory_init(&block->memory, static_cast<GstMemoryFlags>(0), allocator, nullptr,
                  (gsize{1} << size_class) - sizeof(Block), 0, 0, size);
  return block;
}

GstMemory *alloc_memory(GstAllocator *allocator, gsize size, GstAllocationParams *) {
  Block *block = allocate(allocator, size);
  return block != nullptr ? &block->memory : nullptr;
}

}  // namespace

}  // namespace e2ee

// A type of GStreamer's for the memories of frames.
using GstE2EEFrameAllocator = GstAllocator;
using GstE2EEFrameAllocatorClass = GstAllocatorClass;
static GType gst_e2ee_frame_allocator_get_type();
G_DEFINE_FINAL_TYPE(GstE2EEFrameAllocator, gst_e2ee_frame_allocator, GST_TYPE_ALLOCATOR)

static void gst_e2ee_frame_allocator_class_init(GstE2EEFrameAllocatorClass *klass) {
  klass->alloc = e2ee::alloc_memory;
  klass->free = e2ee::free_memory;
}

static void gst_e2ee_frame_allocator_init(GstE2EEFrameAllocator *self) {
  self->mem_type = "GstE2EEFrameMemory";
  self->mem_map = e2ee::map_memory;
  self->mem_unmap = e2ee::unmap_memory;
  self->mem_share = e2ee::share_memory;
  self->mem_is_span = e2ee::is_span;
  GST_OBJECT_FLAG_SET(self, GST_OBJECT_FLAG_MAY_BE_LEAKED);
}

namespace e2ee {

FreshMemory new_frame_memory(gsize size) {
  static GstAllocator *const allocator = static_cast<GstAllocator *>(
      gst_object_ref_sink(g_object_new(gst_e2ee_frame_allocator_get_type(), nullptr)));
  Block *block = allocate(allocator, size);
  if (block == nullptr)
    return {};
  return {&block->memory, {block->bytes(), size}, &block->may_show_a_frame};
}

FrameMemoryUser::FrameMemoryUser() {
  idle_blocks().add_user(1);
}

FrameMemoryUser::~FrameMemoryUser() {
  idle_blocks().add_user(-1);
}

gsize idle_frame_memory() {
  return idle_blocks().bytes();
}

}  // namespace e2ee
