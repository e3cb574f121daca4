// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/gst.h>

#include <cstdint>
#include <span>

#include "common/gst_ptr.h"

namespace recorder {

// The bytes of a buffer for as long as this lives.
class Mapped {
 public:
  explicit Mapped(GstBuffer *buffer) : buffer_(buffer) {
    if (!gst_buffer_map(buffer, &map_, GST_MAP_READ))
      throw examples::Failure("a frame cannot be read");
  }
  ~Mapped() { gst_buffer_unmap(buffer_, &map_); }
  Mapped(const Mapped &) = delete;
  Mapped &operator=(const Mapped &) = delete;

  std::span<const std::uint8_t> bytes() const { return {map_.data, map_.size}; }

 private:
  GstBuffer *buffer_;
  GstMapInfo map_;
};

}  // namespace recorder
