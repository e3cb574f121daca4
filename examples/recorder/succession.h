// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <utility>

#include "receive.h"

namespace recorder {

// What an ended connection held comes while the next one delivers already. Where the codec is not
// the same, the files could not hold both: then the older one's frames are left out.
class Succession {
 public:
  // Whether a frame is taken. Connections are numbered in order. Any thread.
  bool takes(unsigned connection, Media media, unsigned nth, GstSample *frame);
  std::uint64_t left_out() const { return left_out_; }

 private:
  struct Newest {
    unsigned connection = 0;
    examples::CapsPtr caps;
  };
  std::atomic<std::uint64_t> left_out_ = 0;
  std::mutex mutex_;
  std::map<std::pair<Media, unsigned>, Newest> newest_;
};

}  // namespace recorder
