/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Emulation prevention of NAL units.
#include <random>

#include "core/nal.h"
#include "helpers.h"
#include "support/nalunits.h"

namespace e2ee::test {

namespace {

Bytes escape(const Bytes &data) {
  std::vector<std::size_t> at;
  find_escapes(data, data.size(), at);
  Bytes out = data;
  out.resize(data.size() + at.size());
  insert_escapes(out.data(), data.size(), at);
  return out;
}

Bytes unescape(const Bytes &data, bool in_place) {
  std::vector<std::size_t> at;
  Bytes out = data;
  find_escaped(data, at);
  out.resize(remove_escaped(in_place ? out : data, at, out.data()));
  return out;
}

void expect_escapes(const Bytes &data) {
  const Bytes wanted = nal::escaped(data);
  const Bytes got = escape(data);
  ASSERT_EQ(to_hex(got), to_hex(wanted)) << to_hex(data);
  for (bool in_place : {false, true}) {
    ASSERT_EQ(unescape(got, in_place), data);
    ASSERT_EQ(unescape(data, in_place), nal::unescaped(data)) << to_hex(data);
  }
}

}  // namespace

TEST(NalEscape, TheSearchFindsTheFirstPair) {
  std::mt19937 random(1);
  for (std::size_t size = 0; size < 200; ++size) {
    for (std::size_t align = 0; align < 17; ++align) {
      Bytes bytes = random() % 2 == 0 ? zero_heavy(size + align, random) : Bytes(size + align, 1);
      for (unsigned i = random() % 3; i > 0 && size > 0; --i)
        bytes[align + random() % size] = 0;
      const ByteView data = ByteView(bytes).subspan(align);
      const std::size_t from = size == 0 ? 0 : random() % size;
      std::size_t wanted = from;
      while (wanted + 1 < size && (data[wanted] != 0 || data[wanted + 1] != 0))
        ++wanted;
      wanted = wanted + 1 < size ? wanted : size;
      ASSERT_EQ(find_zero_pair(data, from), wanted) << to_hex(bytes) << " at " << align;
    }
  }
}

TEST(NalEscape, AllShortStrings) {
  for (std::size_t size = 0; size <= 7; ++size) {
    Bytes data(size, 0);
    for (bool more = true; more;) {
      expect_escapes(data);
      more = false;
      for (std::uint8_t &byte : data) {
        if ((more = byte < 4)) {
          ++byte;
          break;
        }
        byte = 0;
      }
    }
  }
}

TEST(NalEscape, RandomAndZeroHeavy) {
  std::mt19937 random(2);
  for (unsigned round = 0; round < 20; ++round) {
    for (std::size_t size = 0; size < 300; ++size)
      expect_escapes(round % 2 == 0 ? zero_heavy(size, random) : noise(size, random()));
  }
  expect_escapes(Bytes(100000, 0));
  expect_escapes(zero_heavy(100001, random));
}

TEST(NalEscape, StopsAtTheLimit) {
  std::vector<std::size_t> at;
  find_escapes(Bytes(100, 0), 3, at);
  EXPECT_EQ(at.size(), 4U);
}

}  // namespace e2ee::test
