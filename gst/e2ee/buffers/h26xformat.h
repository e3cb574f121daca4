/* SPDX-License-Identifier: LGPL-2.1-or-later */
// How frames of H.264 and H.265 lie in buffers: NAL units behind start codes (byte-stream) or
// behind their lengths (avc, hvc1), and the caps that tell. Encryption works on byte streams.
#pragma once

#include <gst/gst.h>

#include "buffers/parametersets.h"

namespace e2ee {

// What is written into caps as stream-format.
inline constexpr char kByteStream[] = "byte-stream";
struct LengthFormats {
  const char *sets_outside;  // parameter sets in codec_data alone, and what we write
  const char *sets_inside;   // parameter sets in frames as well
};
LengthFormats length_formats_of(const CodecRule &codec);

/// The rule of caps that are of a codec made of NAL units; null for others.
const CodecRule *nal_codec_of(const GstStructure *caps);

/// Puts start codes where a frame has lengths of so many bytes; false when these are wrong, or
/// there is no memory.
bool lengths_to_byte_stream(GstBuffer *&buffer, std::size_t length_size);

/// Puts lengths of four bytes where a frame has start codes; false when there is no memory.
bool byte_stream_to_lengths(GstBuffer *&buffer);

/// Reads frames of any format.
class NalInput {
 public:
  /// False for a codec_data that cannot be read. Caps of other codecs, and of whole frames that are
  /// encrypted, make it pass everything.
  bool set_caps(const GstCaps *caps);

  /// Another stream: only the parameter sets of codec_data stay. Its caps may be those of the
  /// stream before.
  void new_stream() { sets_.start(rule(), config_.units); }

  /// Makes a byte stream of a frame; false when its lengths are wrong, or there is no memory.
  bool to_byte_stream(GstBuffer *&buffer) const;

  /// Those of codec_data and what its owner adds. Byte streams go in there.
  ParameterSets &sets() { return sets_; }

 private:
  const NalRule *rule() const { return codec_ != nullptr ? codec_->nal : nullptr; }

  const CodecRule *codec_ = nullptr;
  DecoderConfig config_;  // of the caps; lengths of no bytes: byte stream
  ParameterSets sets_;
};

/// Writes encrypted frames. Stock payloaders cut zeros off the end of a byte stream and insert what
/// parameter sets they know; they leave frames of NAL units with lengths alone, and know no
/// parameter sets when codec_data has none.
class NalOutput {
 public:
  /// The caps of frames that are encrypted and came as `caps` say: byte streams, or with lengths.
  GstCaps *choose(const GstCaps *caps, bool byte_stream);

  /// Leaves frames as they are from now on.
  void reset() { codec_ = nullptr; }

  /// Whether frames stay byte streams.
  bool is_byte_stream() const { return codec_ == nullptr; }

  /// Puts lengths where an encrypted byte stream has start codes; `behind` bytes will be appended.
  /// The buffer's memory is writable.
  void finish_sealed(GstBuffer *buffer, gsize behind) const;

  /// The same for a byte stream in the clear.
  bool finish_clear(GstBuffer *&buffer) const;

 private:
  const CodecRule *codec_ = nullptr;  // null: byte streams
};

/// Caps fields that a change of format leaves as they are. The caller owns it.
GstStructure *without_format(const GstStructure *from);

/// The caps of byte streams with the contents of `caps`.
GstCaps *byte_stream_caps(const GstCaps *caps);

}  // namespace e2ee
