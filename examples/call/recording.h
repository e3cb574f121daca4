// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>
#include <vector>

#include "bus_watch.h"
#include "common.h"

namespace call {

// A WebM file in the making: the end of a running receiver.
class Recording {
 public:
  // Built when the first decrypted frame of every stream is waiting: the muxer's pads are fixed
  // once it has written the header, and it waits for each of them, so a stream that stays empty
  // would stall the others.
  Recording(GstElement *pipeline, const std::string &file, const std::vector<GstPad *> &streams);

  // Ends the streams and waits for the index to be written. False when it takes too long.
  bool finish(BusWatch &bus);

 private:
  void add_stream(GstElement *pipeline, GstElement *muxer, GstPad *stream);

  std::string sink_name_;
  std::vector<ObjectPtr<GstPad>> inputs_;
};

}  // namespace call
