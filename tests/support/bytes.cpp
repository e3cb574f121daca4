/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "support/bytes.h"

#include <glib.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <random>
#include <unordered_set>

namespace e2ee::test {

std::optional<Bytes> from_hex(std::string_view text) {
  if (text.size() % 2 != 0)
    return {};
  Bytes bytes;
  bytes.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = g_ascii_xdigit_value(text[i]);
    const int low = g_ascii_xdigit_value(text[i + 1]);
    if (high < 0 || low < 0)
      return {};
    bytes.push_back(static_cast<std::uint8_t>(high << 4 | low));
  }
  return bytes;
}

std::string to_hex(const std::uint8_t *data, std::size_t size) {
  static const char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(size * 2);
  for (std::size_t i = 0; i < size; ++i) {
    text += kDigits[data[i] >> 4];
    text += kDigits[data[i] & 15];
  }
  return text;
}

std::string sha256_hex(const Bytes &bytes) {
  const std::unique_ptr<char, decltype(&g_free)> digest(
      g_compute_checksum_for_data(G_CHECKSUM_SHA256, bytes.data(), bytes.size()), g_free);
  return digest.get();
}

Bytes join(std::initializer_list<Bytes> pieces) {
  Bytes all;
  for (const Bytes &piece : pieces)
    all.insert(all.end(), piece.begin(), piece.end());
  return all;
}

Bytes part(const Bytes &bytes, std::size_t from, std::size_t to) {
  return Bytes(bytes.begin() + static_cast<std::ptrdiff_t>(from),
               bytes.begin() + static_cast<std::ptrdiff_t>(to));
}

Bytes big_endian(std::uint64_t number, std::size_t size) {
  Bytes bytes(size);
  for (std::size_t i = size; i-- > 0; number >>= 8)
    bytes[i] = static_cast<std::uint8_t>(number);
  return bytes;
}

Bytes noise(std::size_t size, unsigned seed) {
  std::mt19937 random(seed);
  Bytes bytes(size);
  for (std::uint8_t &byte : bytes)
    byte = static_cast<std::uint8_t>(random() >> 7);
  return bytes;
}

namespace {

Bytes behind(std::initializer_list<std::uint8_t> header, std::size_t size, unsigned seed) {
  Bytes frame = noise(size, seed);
  std::copy_n(header.begin(), std::min(size, header.size()), frame.begin());
  return frame;
}

}  // namespace

Bytes vp8_key(std::size_t size, unsigned seed) {
  return behind({0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xf0, 0x00}, size, seed);
}

Bytes vp8_delta(std::size_t size, unsigned seed) {
  return behind({0x31, 0x02, 0x00}, size, seed);
}

bool holds_any_of(const Bytes &where, const Bytes &secret) {
  const auto word_at = [](const Bytes &bytes, std::size_t at) {
    std::uint64_t word;
    std::memcpy(&word, bytes.data() + at, sizeof word);
    return word;
  };
  std::unordered_set<std::uint64_t> words;
  for (std::size_t i = 0; i + sizeof(std::uint64_t) <= secret.size(); ++i)
    words.insert(word_at(secret, i));
  for (std::size_t i = 0; i + sizeof(std::uint64_t) <= where.size(); ++i) {
    if (words.count(word_at(where, i)) != 0)
      return true;
  }
  return false;
}

}  // namespace e2ee::test
