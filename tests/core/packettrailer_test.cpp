/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/packettrailer.h"

#include "helpers.h"

namespace e2ee::test {

namespace {

// A trailer of `fields` (tag, length, value), behind `payload` zeros.
Bytes frame_with(const Bytes &fields, std::size_t payload = 4) {
  Bytes frame(payload, 0);
  for (std::uint8_t byte : fields)
    frame.push_back(byte ^ 0xff);
  frame.push_back(static_cast<std::uint8_t>((fields.size() + 5) ^ 0xff));
  frame.insert(frame.end(), {'L', 'K', 'T', 'S'});
  return frame;
}

}  // namespace

TEST(PacketTrailer, IsWrittenAsTheFormatSays) {
  Bytes out(kPacketTrailerSize);
  write_packet_trailer(0x0102030405060708, out.data());
  EXPECT_EQ(to_hex(out), "fef7fefdfcfbfaf9f8f7f04c4b5453");
}

TEST(PacketTrailer, IsReadBack) {
  for (std::uint64_t time :
       {std::uint64_t{0}, std::uint64_t{1700000000000000}, ~std::uint64_t{0}}) {
    Bytes frame = noise(50);
    frame.resize(50 + kPacketTrailerSize);
    write_packet_trailer(time, frame.data() + 50);
    const std::optional<PacketTrailer> trailer = find_packet_trailer(frame);
    ASSERT_TRUE(trailer);
    EXPECT_EQ(trailer->size, kPacketTrailerSize);
    EXPECT_EQ(trailer->capture_us, time);
  }
}

TEST(PacketTrailer, NoTimeLooksLikeAStartCode) {
  const auto looks_like_code = [](std::uint64_t time) {
    Bytes out(kPacketTrailerSize);
    write_packet_trailer(time, out.data());
    for (std::size_t i = 0; i + 2 < out.size(); ++i)
      if (out[i] == 0 && out[i + 1] == 0 && out[i + 2] <= 1)
        return true;
    return false;
  };
  const std::uint64_t now = 0x00060a2418123456;
  EXPECT_EQ(capture_time_for_byte_stream(now), now);
  for (unsigned bits = 24; bits <= 64; bits += 8) {
    const std::uint64_t high = bits < 64 ? now >> bits << bits : 0;
    for (std::uint64_t low : {0xfffffcULL, 0xfffffdULL, 0xfffffeULL, 0xffffffULL}) {
      const std::uint64_t time = high | low << (bits - 24) | (now & ((1ULL << (bits - 24)) - 1));
      const std::optional<std::uint64_t> written = capture_time_for_byte_stream(time);
      EXPECT_EQ(written.has_value(), bits <= 32 || !looks_like_code(time)) << std::hex << time;
      if (written) {
        EXPECT_FALSE(looks_like_code(*written)) << std::hex << time;
        EXPECT_LE(*written, time);
        EXPECT_LE(time - *written, 1000U);
        EXPECT_EQ(*written == time, !looks_like_code(time)) << std::hex << time;
      }
    }
  }
  EXPECT_FALSE(capture_time_for_byte_stream(~std::uint64_t{0}));
  EXPECT_EQ(capture_time_for_byte_stream(0), 0U);
}

TEST(PacketTrailer, OtherFieldsAreSkipped) {
  const Bytes time = {1, 8, 0, 0, 0, 0, 0, 0, 0, 42};
  Bytes fields = {2, 4, 9, 9, 9, 9, 3, 0, 77, 1, 5};
  fields.insert(fields.end(), time.begin(), time.end());
  const std::optional<PacketTrailer> trailer = find_packet_trailer(frame_with(fields));
  ASSERT_TRUE(trailer);
  EXPECT_EQ(trailer->size, fields.size() + 5);
  EXPECT_EQ(trailer->capture_us, 42U);
}

TEST(PacketTrailer, WithoutATime) {
  for (const Bytes &fields : {Bytes{}, Bytes{2, 4, 1, 2, 3, 4}, Bytes{1, 7, 1, 2, 3, 4, 5, 6, 7}}) {
    const std::optional<PacketTrailer> trailer = find_packet_trailer(frame_with(fields));
    ASSERT_TRUE(trailer);
    EXPECT_EQ(trailer->size, fields.size() + 5);
    EXPECT_FALSE(trailer->capture_us);
  }
}

TEST(PacketTrailer, BrokenOnesAreNone) {
  EXPECT_FALSE(find_packet_trailer(frame_with({1})));
  EXPECT_FALSE(find_packet_trailer(frame_with({1, 8})));
  EXPECT_FALSE(find_packet_trailer(frame_with({1, 8, 0, 0, 0, 0, 0, 0, 0})));
  EXPECT_FALSE(find_packet_trailer(frame_with({2, 1, 0, 9})));
  for (unsigned length = 0; length < 256; ++length) {
    Bytes frame = frame_with({}, 20);
    frame[20] = static_cast<std::uint8_t>(length ^ 0xff);
    // Shorter than its own end or longer than the frame; between, zeros that are no fields.
    EXPECT_EQ(find_packet_trailer(frame).has_value(), length == 5) << length;
  }
}

TEST(PacketTrailer, EveryPrefixAndBit) {
  Bytes frame = noise(30);
  frame.resize(30 + kPacketTrailerSize);
  write_packet_trailer(12345, frame.data() + 30);
  for (std::size_t size = 0; size < frame.size(); ++size) {
    const Bytes prefix(frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_FALSE(find_packet_trailer(prefix)) << size;
  }
  for (std::size_t bit = 0; bit < 5 * 8; ++bit) {
    Bytes flipped = frame;
    flipped[frame.size() - 1 - bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
    EXPECT_FALSE(find_packet_trailer(flipped)) << bit;
  }
  for (std::uint32_t seed = 0; seed < 2000; ++seed) {
    Bytes random = noise(seed % 40, seed);
    random.insert(random.end(), {'L', 'K', 'T', 'S'});
    const std::optional<PacketTrailer> trailer = find_packet_trailer(random);
    EXPECT_TRUE(!trailer || trailer->size <= random.size());
  }
}

}  // namespace e2ee::test
