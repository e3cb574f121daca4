/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "buffers/framememory.h"
#include "buffers/h26xformat.h"
#include "framecryptor.h"

namespace e2ee {

/// Decrypts the buffers of one stream. take() and open() may each have a thread of their own.
class BufferOpener {
 public:
  /// False for a codec_data that cannot be read.
  bool set_caps(const GstCaps *caps) { return input_.set_caps(caps); }

  /// What open() is given from now on: RTP packets of which each is encrypted by itself, or whole
  /// frames, whose NAL units SFrame over RTP separates as `format` says.
  void set_payload(bool packets, GstE2EENalFormat format) {
    packets_ = packets;
    nal_format_ = format;
  }

  /// The first step with each buffer: makes a byte stream of a frame of NAL units, and puts the
  /// parameter sets back that a depayloader took out. False when this is no frame.
  bool take(GstBuffer *&buffer);

  /// Decrypts a frame that was taken. Flags, times and metas stay with the buffer. A packet trailer
  /// behind the frame is cut off, also where the frame does not decrypt then. H.264 and H.265 of
  /// SFrame over RTP become byte streams; a packet keeps its header.
  FrameCryptor::Result open(FrameCryptor &cryptor, const CodecRule &codec, GstBuffer *&buffer);

 private:
  static FrameCryptor::Result open_frame(FrameCryptor &cryptor, const CodecRule &codec,
                                         GstBuffer *&buffer);
  FrameCryptor::Result open_whole(FrameCryptor &cryptor, const CodecRule &codec,
                                  GstBuffer *&buffer) const;

  NalInput input_;
  bool packets_ = false;
  GstE2EENalFormat nal_format_ = GST_E2EE_NAL_FORMAT_BYTE_STREAM;
};

}  // namespace e2ee
