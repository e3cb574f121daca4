/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Frames pushed from pad to pad, through an element or straight.
#pragma once

#include <gst/gst.h>

#include <array>
#include <cstdint>
#include <vector>

#include "owned.h"
#include "support/providers.h"

namespace bench {

template <typename Object>
using GstRef = e2ee::ObjectPtr<Object>;

inline constexpr std::array<std::uint8_t, 16> kRawKey = {'a', ' ', 'k', 'e', 'y', ' ', 't', 'h',
                                                         'a', 't', ' ', 'i', 's', ' ', 'n', 'o'};
inline constexpr char kOpusCaps[] = "audio/x-opus, channel-mapping-family=(int)0";
inline constexpr char kVp8Caps[] = "video/x-vp8";

/// An element of this factory; null when there is none.
GstRef<GstElement> make_element(const char *factory);

/// With kRawKey as its shared key.
e2ee::test::Provider keyed_provider();

/// An element of this plugin with such a provider.
GstRef<GstElement> make_keyed(const char *factory);

/// Bytes without a pattern; always the same ones. The first says "delta frame" to VP8.
std::vector<std::uint8_t> make_frame(std::size_t size);

/// A buffer as vp8enc makes it, a copy of what the codec library wrote: no room behind the frame.
GstBuffer *copied_buffer(const std::vector<std::uint8_t> &frame);
/// A buffer as opusenc makes it: allocated for the longest packet, then cut.
GstBuffer *cut_buffer(const std::vector<std::uint8_t> &frame);

/// A source pad, perhaps an element, and a sink pad that counts bytes.
class Line {
 public:
  /// Straight from pad to pad without an element. `sink` and `src` name its pads; a pad that is
  /// made on request is requested.
  explicit Line(GstRef<GstElement> element, const char *caps = kOpusCaps, const char *sink = "sink",
                const char *src = "src");
  ~Line();
  Line(const Line &) = delete;
  Line &operator=(const Line &) = delete;

  bool push(GstBuffer *buffer) { return gst_pad_push(src_.get(), buffer) == GST_FLOW_OK; }

  gsize bytes() const { return bytes_; }

 private:
  static GstFlowReturn count(GstPad *pad, GstObject *, GstBuffer *buffer);
  void announce(const char *caps);

  GstRef<GstPad> src_;
  GstRef<GstPad> sink_;
  GstRef<GstElement> element_;
  gsize bytes_ = 0;
};

}  // namespace bench
