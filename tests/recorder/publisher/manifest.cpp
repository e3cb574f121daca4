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

/// Of a picture of H.264: with a length before each, or a start code.
std::vector<Bytes> units(Bytes frame, bool lengths) {
  std::vector<Bytes> found;
  const auto next = [](Bytes in) {
    const auto at = std::search(in.begin(), in.end(), kStart.begin(), kStart.end());
    return static_cast<std::size_t>(at - in.begin());
  };
  while (frame.size() > 4) {
    const std::size_t begin = lengths ? 4 : std::min(next(frame) + kStart.size(), frame.size());
    const std::size_t end =
        lengths ? begin + GST_READ_UINT32_BE(frame.data()) : begin + next(frame.subspan(begin));
    found.push_back(frame.subspan(begin, std::min(end, frame.size()) - begin));
    frame = frame.subspan(std::min(end, frame.size()));
  }
  return found;
}

/// Files keep H.264 in another framing, and parameter sets elsewhere: what has to be equal are the
/// slices, here with nothing but a start code before each.
std::vector<std::uint8_t> slices(Bytes frame, bool lengths) {
  std::vector<std::uint8_t> all;
  for (const Bytes unit : units(frame, lengths)) {
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

std::string fingerprint(const GstCaps *caps, std::span<const std::uint8_t> frame) {
  const GstStructure *format = gst_caps_get_structure(caps, 0);
  if (!gst_structure_has_name(format, "video/x-h264"))
    return sha256(frame);
  const char *framing = gst_structure_get_string(format, "stream-format");
  const std::vector<std::uint8_t> all = slices(frame, g_strcmp0(framing, "byte-stream") != 0);
  return all.empty() ? "" : sha256(all);
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
