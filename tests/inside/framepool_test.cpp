/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Blocks for frames: used again, bounded, and given back.
#include "framepool.h"

#include <algorithm>
#include <memory>

#include "core/clock.h"
#include "inside.h"
#include "support/element.h"

namespace e2ee::test {
namespace {

using std::chrono::seconds;

constexpr gsize kMega = gsize{1} << 20;

struct Unref {
  void operator()(GstMemory *memory) const { gst_memory_unref(memory); }
};
using Memory = std::unique_ptr<GstMemory, Unref>;

Memory block_of(gsize size) {
  return Memory(e2ee::new_frame_memory(size).memory);
}

std::vector<Memory> blocks_of(gsize size, unsigned count) {
  std::vector<Memory> blocks;
  while (blocks.size() < count)
    blocks.push_back(block_of(size));
  return blocks;
}

class FramePool : public testing::Test {
 protected:
  ~FramePool() override { EXPECT_TRUE(user || e2ee::idle_frame_memory() == 0); }
  std::unique_ptr<e2ee::FrameMemoryUser> user = std::make_unique<e2ee::FrameMemoryUser>();
};

TEST_F(FramePool, GivesTheSameBlockAgain) {
  Memory first = block_of(1200);
  const GstMemory *const was = first.get();
  EXPECT_EQ(first->size, 1200U);
  first.reset();
  EXPECT_GT(e2ee::idle_frame_memory(), 0U);
  EXPECT_EQ(block_of(1300).get(), was);
  EXPECT_NE(block_of(13000).get(), was) << "too small";
}

TEST_F(FramePool, KeepsSixteenMegabytesAtMost) {
  blocks_of(3 * kMega, 10).clear();
  EXPECT_LE(e2ee::idle_frame_memory(), 16 * kMega);
  EXPECT_GE(e2ee::idle_frame_memory(), 8 * kMega);
  const gsize before = e2ee::idle_frame_memory();
  block_of(20 * kMega).reset();
  EXPECT_EQ(e2ee::idle_frame_memory(), before) << "one that is too large";
}

TEST_F(FramePool, GivesBackWhatASecondDidNotNeed) {
  blocks_of(500000, 8).clear();
  const gsize all = e2ee::idle_frame_memory();
  for (unsigned second = 0; second < 3; ++second) {
    e2ee::Clock::advance_for_tests(seconds(2));
    for (unsigned frame = 0; frame < 20; ++frame)
      blocks_of(500000, 2).clear();
  }
  EXPECT_GT(e2ee::idle_frame_memory(), 0U);
  EXPECT_LE(e2ee::idle_frame_memory(), all / 4) << "two of eight are in use";
}

// A burst of large frames does not keep smaller ones out.
TEST_F(FramePool, MakesRoomForOtherSizes) {
  blocks_of(kMega, 20).clear();
  EXPECT_GT(e2ee::idle_frame_memory(), 14 * kMega);
  for (unsigned second = 0; second < 3; ++second) {
    e2ee::Clock::advance_for_tests(seconds(2));
    for (unsigned frame = 0; frame < 40; ++frame)
      block_of(60000).reset();
  }
  EXPECT_LT(e2ee::idle_frame_memory(), kMega);
  Memory block = block_of(60000);
  const GstMemory *const was = block.get();
  block.reset();
  EXPECT_EQ(block_of(60000).get(), was);
}

// Whoever has a memory may make it longer and decrypt there.
TEST_F(FramePool, WipesAllThatOthersCouldWriteTo) {
  Memory block = block_of(700);
  const GstMemory *const was = block.get();
  const gsize all = block->maxsize;
  gst_memory_resize(block.get(), 0, all);
  GstMapInfo map;
  ASSERT_TRUE(gst_memory_map(block.get(), &map, GST_MAP_WRITE));
  std::fill_n(map.data, all, 0x55);
  gst_memory_unmap(block.get(), &map);
  block.reset();
  block = block_of(700);
  ASSERT_EQ(block.get(), was);
  gst_memory_resize(block.get(), 0, all);
  ASSERT_TRUE(gst_memory_map(block.get(), &map, GST_MAP_READ));
  EXPECT_TRUE(std::all_of(map.data, map.data + all, [](guint8 byte) { return byte == 0; }));
  gst_memory_unmap(block.get(), &map);
}

TEST_F(FramePool, RefusesWhatCannotBe) {
  const Memory block = block_of(700);
  EXPECT_EQ(gst_allocator_alloc(block->allocator, G_MAXSIZE - 60, nullptr), nullptr);
}

TEST_F(FramePool, KeepsNothingWithoutAUser) {
  Memory under_way = block_of(100000);
  blocks_of(100000, 4).clear();
  auto other = std::make_unique<e2ee::FrameMemoryUser>();
  user.reset();
  EXPECT_GT(e2ee::idle_frame_memory(), 0U);
  other.reset();
  EXPECT_EQ(e2ee::idle_frame_memory(), 0U);
  under_way.reset();
  EXPECT_EQ(e2ee::idle_frame_memory(), 0U);
  user = std::make_unique<e2ee::FrameMemoryUser>();
  e2ee::Clock::advance_for_tests(seconds(2));
  block_of(100000).reset();
  EXPECT_GT(e2ee::idle_frame_memory(), 0U) << "it begins anew";
}

TEST_F(FramePool, ElementsAtNullKeepNothing) {
  user.reset();
  {
    const Provider provider = ring_with(0x33);
    End decryptor{"e2eedecrypt", provider, kAlice};
    const auto frames = frames_of_generations(ring_with(0x33), 1);
    EXPECT_TRUE(arrives(decryptor, frames[0]));
  }
  EXPECT_EQ(e2ee::idle_frame_memory(), 0U);
}

// As payloaders do: parts of a frame without copies.
TEST_F(FramePool, PartsAreSharedAndMerged) {
  const e2ee::FreshMemory fresh = e2ee::new_frame_memory(3000);
  for (gsize i = 0; i < fresh.bytes.size(); ++i)
    fresh.bytes[i] = static_cast<std::uint8_t>(i % 251);
  GstBuffer *whole = gst_buffer_new();
  gst_buffer_append_memory(whole, fresh.memory);
  GstBuffer *part = gst_buffer_copy_region(whole, GST_BUFFER_COPY_MEMORY, 1000, 700);
  GstBuffer *next = gst_buffer_copy_region(whole, GST_BUFFER_COPY_MEMORY, 1700, 300);
  EXPECT_EQ(gst_buffer_peek_memory(part, 0)->parent, fresh.memory);
  EXPECT_TRUE(GST_MEMORY_IS_READONLY(gst_buffer_peek_memory(part, 0)));
  gst_buffer_unref(whole);
  GstBuffer *merged = gst_buffer_append(part, next);
  GstMapInfo map;
  ASSERT_TRUE(gst_buffer_map(merged, &map, GST_MAP_READ));
  EXPECT_EQ(map.data, fresh.bytes.data() + 1000) << "it was copied";
  ASSERT_EQ(map.size, 1000U);
  for (gsize i = 0; i < map.size; ++i)
    ASSERT_EQ(map.data[i], (1000 + i) % 251);
  gst_buffer_unmap(merged, &map);
  gst_buffer_unref(merged);
  EXPECT_GT(e2ee::idle_frame_memory(), 0U) << "the block came back with its last part";
}

}  // namespace
}  // namespace e2ee::test
