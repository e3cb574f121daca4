/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "buffers/framememory.h"
#include "buffers/h26xformat.h"
#include "framecryptor.h"

namespace e2ee {

/// Encrypts the buffers of one stream. For one thread at a time.
class BufferSealer {
 public:
  NalInput &input() { return input_; }
  NalOutput &output() { return output_; }

  /// How NAL units of SFrame over RTP are separated.
  void set_nal_format(GstE2EENalFormat format) { nal_format_ = format; }

  enum class Taken { frame, part, nothing };

  /// The first step with each buffer: makes a byte stream of a frame of NAL units, and puts
  /// parameter sets where receivers need them. A part of the next frame is kept; the buffer is of
  /// no use then. `nothing`: this is no frame.
  Taken take(GstBuffer *&buffer);

  /// Encrypts a frame that was taken. Flags, times and metas stay with the buffer; on failure it is
  /// of no use. `behind`: bytes that the caller is going to append.
  FrameCryptor::Result seal(FrameCryptor &cryptor, const CodecRule &codec, GstBuffer *&buffer,
                            gsize behind = 0);

 private:
  FrameCryptor::Result seal_frame(FrameCryptor &cryptor, const CodecRule &codec, GstBuffer *&buffer,
                                  gsize behind) const;
  FrameCryptor::Result seal_whole(FrameCryptor &cryptor, const CodecRule &codec,
                                  GstBuffer *&buffer) const;

  NalInput input_;
  NalOutput output_;
  GstE2EENalFormat nal_format_ = GST_E2EE_NAL_FORMAT_BYTE_STREAM;
};

}  // namespace e2ee
