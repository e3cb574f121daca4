/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

#include <cstdint>
#include <cstdio>
#include <memory>
#include <span>
#include <string>

namespace publisher {

/// What is equal in a file and as it was sent; `caps` of the frame. Empty for a picture of H.264
/// without a slice.
std::string fingerprint(const GstCaps *caps, std::span<const std::uint8_t> frame);

/// What was sent: a line of JSON for each frame.
class Manifest {
 public:
  struct Entry {
    std::uint64_t number = 0;
    std::uint64_t pts = 0;
    std::int64_t time_us = 0;  // when it was handed over, since 1970
    std::size_t size = 0;
    std::string plain, cipher;  // hashes; no cipher: the encryptor gave nothing
    bool key = false;
    unsigned key_index = 0;
  };

  explicit Manifest(const std::string &path);
  void add(const Entry &entry);
  void flush() { std::fflush(file_.get()); }

 private:
  struct Close {
    void operator()(std::FILE *file) const { std::fclose(file); }
  };
  std::unique_ptr<std::FILE, Close> file_;
};

}  // namespace publisher
