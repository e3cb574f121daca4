// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/gst.h>

#include <functional>
#include <string>
#include <vector>

#include "opener.h"
#include "seal.h"

namespace recorder {

// A sealed recording that is read from its beginning to its end, whole or cut off.
class SealedFile {
 public:
  struct Track {
    std::string media, codec;
    examples::CapsPtr caps;  // of the frames, as the recorder had them
  };

  // Reads what is said about it: in the file, and in `sidecar` or else beside it. Throws.
  SealedFile(const std::string &path, const std::string &sidecar);

  const Seal &seal() const { return seal_; }
  const std::vector<Track> &tracks() const { return tracks_; }
  // What is unusual about it, for people.
  const std::vector<std::string> &notes() const { return notes_; }
  std::uint64_t size() const { return size_; }

  // Calls `take` for each frame on one thread, which it may keep as long as it likes, and `idle` a
  // few times a second on this one. Throws what `take` throws, and when nothing can be read.
  using Take = std::function<void(unsigned track, GstBuffer *frame)>;
  // Whether the end of the file was found; false when it is damaged or cut off.
  bool read(const Take &take, const std::function<void()> &idle);

 private:
  struct Reading;
  void look();
  bool is_cut_off() const;
  void find_seal(const std::string &comment, const std::string &sidecar);

  std::string path_;
  std::uint64_t size_ = 0;
  Seal seal_;
  std::vector<Track> tracks_;
  std::vector<std::string> pads_;  // of the demuxer, by track
  std::vector<std::string> comments_;
  std::vector<std::string> notes_;
};

}  // namespace recorder
