// SPDX-License-Identifier: LGPL-2.1-or-later
#include "manifest.h"

#include <glib.h>

#include "common/gst_ptr.h"

namespace publisher {

std::string sha256(std::span<const std::uint8_t> bytes) {
  return examples::CharPtr(
             g_compute_checksum_for_data(G_CHECKSUM_SHA256, bytes.data(), bytes.size()))
      .get();
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
