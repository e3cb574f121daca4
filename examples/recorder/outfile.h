// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/gst.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "format.h"
#include "matroska.h"
#include "opener.h"

namespace recorder {

// A file that appears under its name when it is whole, and then overwrites nothing. Until then it
// has no name, so that nothing is left when the program is killed; where the file system cannot do
// that it has another name in the same folder, which goes away when this does.
class NewFile {
 public:
  explicit NewFile(const std::string &path);  // throws when `path` exists already
  ~NewFile();
  NewFile(const NewFile &) = delete;
  NewFile &operator=(const NewFile &) = delete;

  int descriptor() const;  // a new one each time
  const std::string &path() const { return path_; }
  void give_name();  // throws
  // The other name it still has then, because it could not be taken away.
  const std::string &spare_name() const { return part_; }
  // From now on it stays.
  void keep() { kept_ = true; }

 private:
  bool open_nameless();
  void open_part();
  bool rename_part();

  std::string path_, part_;  // `part_`: the name until then, empty when it has none
  int fd_ = -1;
  bool named_ = false, kept_ = false;
};

// The recording in the clear: one file, and another one from where a track goes on with parameters
// that its file cannot hold. There are all of them or none.
class OutFile {
 public:
  // Throws when `path` exists already.
  OutFile(const std::string &path, bool webm, std::int64_t started_unix_ns);

  void write(unsigned track, GstCaps *caps, GstBuffer *frame);
  // They are on the disk under their names. Throws; the files are then gone.
  void commit();
  std::vector<std::string> paths() const;
  // Names besides those that were to go away and did not.
  std::vector<std::string> spare_names() const;

 private:
  struct Track {
    examples::CapsPtr caps;
    Format format;
    unsigned number;
  };
  void begin(const std::string &path, std::int64_t started_unix_ns);
  void begin_next(std::int64_t time_ns);
  Track &track_of(unsigned track, GstCaps *caps, std::int64_t time_ns);
  void grow(Track &track, unsigned width, unsigned height);

  bool webm_;
  std::int64_t started_unix_ns_;
  std::optional<std::int64_t> first_ns_;
  std::vector<std::unique_ptr<NewFile>> files_;
  std::unique_ptr<Matroska> matroska_;  // of the last one, like the tracks
  std::map<unsigned, Track> tracks_;
};

}  // namespace recorder
