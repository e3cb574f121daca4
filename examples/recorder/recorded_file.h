// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "common/elements.h"
#include "format.h"
#include "matroska.h"
#include "names.h"
#include "seal.h"

namespace recorder {

using examples::Media;

// One file of a recording, in sealed mode with its sidecar FILE.json. One thread at a time.
class RecordedFile {
 public:
  using Formats = std::array<std::optional<Format>, 2>;  // by Media
  using Frames = std::array<std::uint64_t, 2>;

  // Creates the file with tracks for `formats`; sidecar and tag are on the disk when this returns.
  // `expected`: bytes of frames that wait for it, room for them is claimed. `comment` becomes a tag
  // in open mode. Throws, and leaves no file behind then.
  RecordedFile(int folder, const std::string &stem, std::optional<Seal> seal,
               const Formats &formats, std::uint64_t expected, const std::string &comment = {});
  ~RecordedFile();

  const std::string &name() const { return created_.name; }
  // Whether frames of this format belong in this file.
  bool takes(Media media, const Format &format) const;
  void write(Media media, const Format &format, std::int64_t time_ns, bool delta_flag,
             std::span<const std::uint8_t> frame);
  void flush();

  struct Size {
    unsigned width = 0, height = 0;
  };
  Size size() const { return size_; }  // of the last picture that told
  Frames written() const { return written_; }
  std::uint64_t pending() const { return matroska_.pending(); }
  std::uint64_t bytes() const { return matroska_.bytes(); }

  // Index, sync, close. Throws, but closes.
  void finish() { matroska_.finish(); }
  // SHA-256 in hex, of what is in the file now.
  std::string hash() const;

 private:
  struct OpenTrack {
    Format format;
    unsigned number = 0;
    bool is_readable = true;  // what encryption leaves of a picture says what it is
  };
  void add_track(Media media, const Format &format);
  void describe(const Formats &formats);
  void write_sidecar(const std::string &json);
  void update_size(OpenTrack &track, unsigned width, unsigned height);
  void count_written();

  int folder_;
  std::optional<Seal> seal_;
  CreatedFile created_;
  int read_fd_;
  bool webm_;
  bool has_sidecar_ = false;
  Matroska matroska_;
  Size size_;
  std::array<std::optional<OpenTrack>, 2> tracks_;
  Frames written_{}, gathered_{};
};

}  // namespace recorder
