/* SPDX-License-Identifier: LGPL-2.1-or-later */
// key-wait-bytes bounds the memory that is held, not the bytes of the frames alone.
#include <unistd.h>

#include <fstream>

#include "keywait.h"
#include "support/element.h"
#include "support/sanitizer.h"

namespace e2ee::test {
namespace {

constexpr std::size_t kMiB = 1024 * 1024;

std::size_t resident() {
  std::ifstream file("/proc/self/statm");
  std::size_t all = 0;
  std::size_t pages = 0;
  file >> all >> pages;
  return pages * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

// Buffers that share a block of memory keep all of it.
Buffer slice_of_block(const Bytes &bytes, std::size_t block_size) {
  const Buffer block(gst_buffer_new_allocate(nullptr, block_size, nullptr));
  gst_buffer_memset(block.get(), 0, 0, block_size);
  gst_buffer_fill(block.get(), 0, bytes.data(), bytes.size());
  return Buffer(gst_buffer_copy_region(block.get(), GST_BUFFER_COPY_ALL, 0, bytes.size()));
}

class KeyWaitMemory : public KeyWait {
 protected:
  void SetUp() override {
    if (has_address_sanitizer())
      GTEST_SKIP() << "AddressSanitizer keeps what is freed";
    set_key();
    g_object_set(decryptor_.get(), "key-wait", 3600 * GST_SECOND, nullptr);
    decryptor_.start(kOpus);
    gst_harness_set_drop_buffers(decryptor_.harness(), TRUE);
    decryptor_.push(forged());  // all that follows is held
    before_ = resident();
  }
  // 32 bytes, under a key that nobody has.
  static Bytes forged() {
    Bytes frame(32, 1);
    frame[30] = 12;
    frame[31] = 9;
    return frame;
  }
  void expect_bounded() {
    const std::size_t after = resident();
    EXPECT_LE(after - std::min(before_, after), 2 * kBound)
        << (after - before_) / kMiB << " MiB more, " << decryptor_.stat("held") << " frames held";
    EXPECT_GE(decryptor_.stat("held"), 50U);
    EXPECT_GT(decryptor_.stat("dropped-held"), 0U);
  }

  static constexpr std::size_t kBound = 8 * kMiB;  // the default of key-wait-bytes
  std::size_t before_ = 0;
};

}  // namespace

TEST_F(KeyWaitMemory, R20_OfEmptyAndTinyFrames) {
  for (unsigned i = 0; i < 300000; ++i)
    ASSERT_EQ(decryptor_.push(i % 2 == 0 ? Bytes{} : forged()), GST_FLOW_OK);
  expect_bounded();
}

TEST_F(KeyWaitMemory, R20_OfEmptyFrames) {
  for (unsigned i = 0; i < 300000; ++i) {
    if (i % 1000 == 0)
      decryptor_.push(forged());
    ASSERT_EQ(decryptor_.push(Bytes{}), GST_FLOW_OK);
  }
  expect_bounded();
}

TEST_F(KeyWaitMemory, R20_OfFramesInLargeBlocks) {
  for (unsigned i = 0; i < 2000; ++i)
    ASSERT_EQ(decryptor_.push(slice_of_block(forged(), 64 * 1024)), GST_FLOW_OK);
  EXPECT_EQ(decryptor_.stat("dropped-held"), 0U) << "32 bytes of each are worth keeping";
  for (unsigned i = 0; i < 20000; ++i)
    ASSERT_EQ(decryptor_.push(slice_of_block(forged(), 64 * 1024)), GST_FLOW_OK);
  expect_bounded();
}

TEST_F(KeyWaitMemory, R20_OfEventsBetweenThem) {
  for (unsigned i = 0; i < 100000; ++i) {
    if (i % 100 == 0)
      decryptor_.push(forged());
    ASSERT_TRUE(decryptor_.send_event(gst_event_new_gap(i * GST_MSECOND, GST_MSECOND)));
    while (GstEvent *event = gst_harness_try_pull_event(decryptor_.harness()))
      gst_event_unref(event);
  }
  expect_bounded();
}

}  // namespace e2ee::test
