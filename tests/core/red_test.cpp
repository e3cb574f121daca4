/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/red.h"
#include "core/opus.h"
#include "helpers.h"

namespace e2ee::test {
namespace {

Bytes bytes_of(ByteView view) {
  return {view.begin(), view.end()};
}

// Chromium's first two payloads have this form: without a repetition, then with one.
TEST(Red, BlocksInTheirOrder) {
  const Bytes alone = {0x6f, 0x78, 1, 2};
  auto blocks = read_red(alone);
  ASSERT_TRUE(blocks && blocks->size() == 1);
  EXPECT_EQ(blocks->back().payload_type, 111U);
  EXPECT_EQ(bytes_of(blocks->back().bytes), (Bytes{0x78, 1, 2}));

  // 960 samples ago three bytes, 480 ago two, and now one.
  const Bytes three = {0xef, 0x0f, 0x00, 0x03, 0xef, 0x07, 0x80, 0x02, 0x6f, 1, 2, 3, 4, 5, 6};
  blocks = read_red(three);
  ASSERT_TRUE(blocks && blocks->size() == 3);
  EXPECT_EQ((*blocks)[0].age, 960U);
  EXPECT_EQ(bytes_of((*blocks)[0].bytes), (Bytes{1, 2, 3}));
  EXPECT_EQ((*blocks)[1].age, 480U);
  EXPECT_EQ(bytes_of((*blocks)[1].bytes), (Bytes{4, 5}));
  EXPECT_EQ((*blocks)[2].age, 0U);
  EXPECT_EQ(bytes_of((*blocks)[2].bytes), (Bytes{6}));
}

TEST(Red, LargestFieldsOfAHeader) {
  Bytes payload = {0xff, 0xff, 0xff, 0xff, 0x7f};
  payload.resize(payload.size() + 1023);
  const auto blocks = read_red(payload);
  ASSERT_TRUE(blocks && blocks->size() == 2);
  EXPECT_EQ(blocks->front().age, 0x3fffU);
  EXPECT_EQ(blocks->front().bytes.size(), 1023U);
  EXPECT_TRUE(blocks->back().bytes.empty());
}

TEST(Red, WhatIsCutOffIsMalformed) {
  const Bytes whole = {0xef, 0x0f, 0x00, 0x03, 0x6f, 1, 2, 3, 4};
  const std::size_t least = 8;  // the newest block may be empty
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_EQ(read_red(ByteView(whole).first(size)).has_value(), size >= least) << size;
}

// Durations of RFC 6716, table 2.
TEST(Opus, DurationsByConfiguration) {
  const auto samples = [](unsigned config, unsigned code, unsigned count = 0) {
    return opus_samples(
        Bytes{static_cast<std::uint8_t>(config << 3 | code), static_cast<std::uint8_t>(count)});
  };
  EXPECT_EQ(samples(0, 0), 480U);   // SILK, 10 ms
  EXPECT_EQ(samples(3, 0), 2880U);  // 60 ms
  EXPECT_EQ(samples(11, 0), 2880U);
  EXPECT_EQ(samples(12, 0), 480U);  // hybrid
  EXPECT_EQ(samples(15, 0), 960U);
  EXPECT_EQ(samples(16, 0), 120U);  // CELT, 2.5 ms
  EXPECT_EQ(samples(31, 0), 960U);
  EXPECT_EQ(samples(31, 1), 1920U);  // two frames
  EXPECT_EQ(samples(31, 2), 1920U);
  EXPECT_EQ(samples(31, 3, 6), 5760U);
  EXPECT_EQ(samples(31, 3, 7), 0U);  // 140 ms
  EXPECT_EQ(samples(31, 3, 0), 0U);
  EXPECT_EQ(opus_samples({}), 0U);
  EXPECT_EQ(opus_samples(Bytes{31 << 3 | 3}), 0U);
}

}  // namespace
}  // namespace e2ee::test
