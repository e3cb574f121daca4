/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Memory that frames are written to.
#pragma once

#include <gst/gst.h>

#include "core/bytes.h"

namespace e2ee {

/// Memory that its maker may write to before anybody else has it.
struct FreshMemory {
  GstMemory *memory = nullptr;  // the caller owns it; null: there is none
  ByteSpan bytes;
  bool *shows_a_frame = nullptr;  // to be set when a decrypted one is there
};

/// `size` bytes. Blocks are used again by all streams of the process: a fresh large one costs page
/// faults worth two more passes of encryption. One that shows a decrypted frame, or that others
/// have mapped to write there, is wiped before another frame gets it. Idle ones have 16 MiB
/// together at most, and go when they are not needed for a second and others are. Any thread.
FreshMemory new_frame_memory(gsize size);

/// Somebody for whom frames are written. Idle blocks go with the last one.
class FrameMemoryUser {
 public:
  FrameMemoryUser();
  ~FrameMemoryUser();
  FrameMemoryUser(const FrameMemoryUser &) = delete;
  FrameMemoryUser &operator=(const FrameMemoryUser &) = delete;
};

/// Bytes of idle blocks; for tests.
gsize idle_frame_memory();

}  // namespace e2ee
