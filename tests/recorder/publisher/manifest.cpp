// SPDX-License-Identifier: LGPL-2.1-or-later
#include "manifest.h"

#include <gst/gst.h>

#include <algorithm>
#include <array>
#include <vector>

#include "common/gst_ptr.h"

namespace publisher {

namespace {

std::string sha256(std::span<const std::uint8_t> bytes) {
  return examples::CharPtr(
             g_compute_checksum_for_data(G_CHECKSUM_SHA256, bytes.data(), bytes.size()))
      .get();
}

using Bytes = std::span<const std::uint8_t>;

constexpr std::array<std::uint8_t, 3> kStart{0, 0, 1};

/// Of a picture of H.264, in either framing.
std::vector<Bytes> units(Bytes frame) {
  std::vector<Bytes> found;
  const auto next = [](Bytes in) {
    return std::search(in.begin(), in.end(), kStart.begin(), kStart.end()) - in.begin();
  };
  const bool starts = next(frame.first(std::min<std::size_t>(frame.size(), 4))) <= 1;
  while (frame.size() > 4) {
    std::size_t begin = 4, end = 0;
    if (starts) {
      begin = next(frame) + kStart.size();
      end = begin + next(frame.subspan(begin));
    } else {
      end = std::min(frame.size(), begin + GST_READ_UINT32_BE(frame.data()));
    }
    found.push_back(frame.subspan(begin, end - begin));
    frame = frame.subspan(end);
  }
  return found;
}

/// Files keep H.264 in another framing, and parameter sets elsewhere: what has to be equal are the
/// slices, here with nothing but a start code before each.
std::vector<std::uint8_t> slices(Bytes frame) {
  std::vector<std::uint8_t> all;
  for (const Bytes unit : units(frame)) {
    const int type = unit.empty() ? 0 : unit[0] & 31;
    if (type != 1 && type != 5)
      continue;
    const auto last =
        std::find_if(unit.rbegin(), unit.rend(), [](std::uint8_t byte) { return byte != 0; });
    all.insert(all.end(), kStart.begin(), kStart.end());
    all.insert(all.end(), unit.begin(), last.base());
  }
  return all;
}

}  // namespace

std::string fingerprint(const std::string &codec, std::span<const std::uint8_t> frame) {
  return codec == "h264" ? sha256(slices(frame)) : sha256(frame);
}

Manifest::Manifest(const std::string &path) : file_(std::fopen(path.c_str(), "we")) {
  if (!file_)
    throw examples::Failure("cannot write " + path);
}

void Manifest::add(const Entry &entry) {
  std::fprintf(file_.get(),
               "{\"n\":%" G_GUINT64_FORMAT ",\"pts\":%" G_GUINT64_FORMAT
               ",\"time\":%.6f,\"size\":%zu,\"plain\":\"%s\",\"cipher\":\"%s\",\"key\":%s,"
               "\"index\":%u}\n",
               entry.number, entry.pts, double(entry.time_us) / G_USEC_PER_SEC, entry.size,
               entry.plain.c_str(), entry.cipher.c_str(), entry.key ? "true" : "false",
               entry.key_index);
}

}  // namespace publisher
