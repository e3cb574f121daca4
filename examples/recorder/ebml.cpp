// SPDX-License-Identifier: LGPL-2.1-or-later
#include "ebml.h"

#include <bit>

namespace recorder::ebml {

namespace {

void put_big_endian(Bytes &out, std::uint64_t value, unsigned bytes) {
  for (unsigned i = bytes; i-- > 0;)
    out.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}

unsigned bytes_of(std::uint64_t value) {
  return value == 0 ? 1 : (static_cast<unsigned>(std::bit_width(value)) + 7) / 8;
}

}  // namespace

void put_id(Bytes &out, std::uint32_t id) {
  put_big_endian(out, id, bytes_of(id));
}

void put_size(Bytes &out, std::uint64_t size, unsigned length) {
  // All ones mean an unknown size, so each length holds one value less.
  if (length == 0)
    for (length = 1; size >= (std::uint64_t{1} << (7 * length)) - 1; length++) {
    }
  put_big_endian(out, size | (std::uint64_t{1} << (7 * length)), length);
}

void put_uint(Bytes &out, Id id, std::uint64_t value) {
  put_id(out, id);
  const unsigned bytes = bytes_of(value);
  put_size(out, bytes);
  put_big_endian(out, value, bytes);
}

void put_int64(Bytes &out, Id id, std::int64_t value) {
  put_id(out, id);
  put_size(out, 8);
  put_big_endian(out, static_cast<std::uint64_t>(value), 8);
}

void put_float(Bytes &out, Id id, double value) {
  put_int64(out, id, std::bit_cast<std::int64_t>(value));
}

void put_string(Bytes &out, Id id, std::string_view text) {
  put_id(out, id);
  put_size(out, text.size());
  out.insert(out.end(), text.begin(), text.end());
}

void put(Bytes &out, Id id, std::span<const std::uint8_t> content, unsigned size_length) {
  put_id(out, id);
  put_size(out, content.size(), size_length);
  out.insert(out.end(), content.begin(), content.end());
}

void put_void(Bytes &out, std::size_t bytes) {
  if (bytes == 0)
    return;
  const unsigned size_length = bytes < 9 ? 1 : 8;
  put_id(out, kVoid);
  put_size(out, bytes - 1 - size_length, size_length);
  out.resize(out.size() + bytes - 1 - size_length);
}

}  // namespace recorder::ebml
