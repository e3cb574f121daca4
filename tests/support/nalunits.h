/* SPDX-License-Identifier: LGPL-2.1-or-later */
// H.264 and H.265 read the simple way, byte by byte, so that tests share no fault with the library.
#pragma once

#include "support/bytes.h"

namespace e2ee::test::nal {

inline bool code_at(const Bytes &frame, std::size_t at) {
  return at + 3 <= frame.size() && frame[at] == 0 && frame[at + 1] == 0 && frame[at + 2] == 1;
}

inline unsigned type_of(std::uint8_t header, bool h265) {
  return h265 ? (header >> 1) & 0x3f : header & 0x1f;
}
inline bool is_parameter_set(const Bytes &unit, bool h265) {
  const unsigned type = type_of(unit[0], h265);
  return h265 ? type >= 32 && type <= 34 : type == 7 || type == 8;
}
inline bool is_key_slice(std::uint8_t header, bool h265) {
  const unsigned type = type_of(header, h265);
  return h265 ? type >= 16 && type <= 21 : type == 5;
}
inline bool is_slice(std::uint8_t header, bool h265) {
  const unsigned type = type_of(header, h265);
  return is_key_slice(header, h265) || (h265 ? type <= 9 : type == 1);
}

/// Of a byte stream, without zeros behind them.
inline std::vector<Bytes> units_of_stream(const Bytes &frame) {
  std::vector<Bytes> units;
  std::size_t begin = 0;
  const auto close = [&](std::size_t end) {
    while (end > begin && frame[end - 1] == 0)
      --end;
    if (begin > 0 && end > begin)
      units.push_back(part(frame, begin, end));
  };
  for (std::size_t i = 0; i < frame.size(); ++i) {
    if (!code_at(frame, i))
      continue;
    close(i);
    begin = i + 3;
    i += 2;
  }
  close(frame.size());
  return units;
}

/// Of a frame whose units stand behind lengths of four bytes; ends where a length is wrong.
inline std::vector<Bytes> units_of_lengths(const Bytes &frame) {
  std::vector<Bytes> units;
  for (std::size_t at = 0; at + 4 <= frame.size();) {
    const std::size_t size = std::size_t{frame[at]} << 24 | std::size_t{frame[at + 1]} << 16 |
                             std::size_t{frame[at + 2]} << 8 | frame[at + 3];
    at += 4;
    if (size > frame.size() - at)
      return units;
    units.push_back(part(frame, at, at + size));
    at += size;
  }
  return units;
}

/// Start codes of four bytes in front of each.
inline Bytes stream_of(const std::vector<Bytes> &units) {
  Bytes frame;
  for (const Bytes &unit : units) {
    frame.insert(frame.end(), {0, 0, 0, 1});
    frame.insert(frame.end(), unit.begin(), unit.end());
  }
  return frame;
}

inline Bytes lengths_of(const std::vector<Bytes> &units) {
  Bytes frame;
  for (const Bytes &unit : units) {
    const Bytes size = big_endian(unit.size(), 4);
    frame.insert(frame.end(), size.begin(), size.end());
    frame.insert(frame.end(), unit.begin(), unit.end());
  }
  return frame;
}

/// Two bytes into the first slice of a byte stream; 0 when there is none.
inline std::size_t clear_bytes(const Bytes &frame, bool h265) {
  for (std::size_t i = 0; i + 5 <= frame.size(); ++i) {
    if (code_at(frame, i) && is_slice(frame[i + 3], h265))
      return i + 5;
  }
  return 0;
}

inline Bytes escaped(const Bytes &data) {
  Bytes out;
  unsigned zeros = 0;
  for (const std::uint8_t byte : data) {
    if (zeros >= 2 && byte <= 3) {
      out.push_back(3);
      zeros = 0;
    }
    out.push_back(byte);
    zeros = byte == 0 ? zeros + 1 : 0;
  }
  return out;
}

inline Bytes unescaped(const Bytes &data) {
  Bytes out;
  unsigned zeros = 0;
  for (const std::uint8_t byte : data) {
    if (zeros >= 2 && byte == 3) {
      zeros = 0;
      continue;
    }
    out.push_back(byte);
    zeros = byte == 0 ? zeros + 1 : 0;
  }
  return out;
}

/// The frame with the rest unescaped.
inline Bytes unescaped_behind(const Bytes &frame, std::size_t clear) {
  return join({part(frame, 0, clear), unescaped(part(frame, clear, frame.size()))});
}

}  // namespace e2ee::test::nal
