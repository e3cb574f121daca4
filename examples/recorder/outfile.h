// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/gst.h>

#include <map>
#include <memory>
#include <string>

#include "codecs.h"
#include "matroska.h"
#include "opener.h"

namespace recorder {

// A file that appears under its name when it is whole: until then it has another one in the same
// folder, which goes away when this does. Nothing that exists is overwritten.
class OutFile {
 public:
  // Throws when `path` exists already.
  OutFile(const std::string &path, bool webm, std::int64_t started_unix_ns);
  ~OutFile();
  OutFile(const OutFile &) = delete;
  OutFile &operator=(const OutFile &) = delete;

  void write(unsigned track, GstCaps *caps, GstBuffer *frame);
  void commit();  // throws; the file is then gone

 private:
  struct Track {
    SharedCaps caps;
    Format format;
    unsigned number;
  };
  Track &track_of(unsigned track, GstCaps *caps);
  void grow(Track &track, unsigned width, unsigned height);

  std::string path_, part_;
  std::unique_ptr<Matroska> matroska_;
  std::map<unsigned, Track> tracks_;
};

}  // namespace recorder
