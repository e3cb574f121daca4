// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/app/gstappsink.h>

#include <atomic>

#include "receive.h"

namespace recorder {

// What GStreamer needs for all codecs; `opened`: with decryption.
std::vector<std::string> elements_of_tracks(bool opened);

// Of webrtcbin's pads: which mline of the offer they belong to.
unsigned mline_of(GstPad *pad);
// Links a pad that nobody reads.
void discard(GstElement *pipeline, GstPad *pad);

// One received stream: from a pad of webrtcbin to a callback, by way of a chain that depends on the
// codec.
class Track {
 public:
  using Frame = std::function<void(Media, GstSample *)>;
  using Ended = std::function<void()>;

  // Throws Failure for a codec that cannot be recorded.
  static Media media_of(GstPad *pad);

  // Adds the chain to `pipeline` and links it to `pad`. `frame` and `ended` (all was delivered) are
  // called on streaming threads until the pipeline stops. Throws Failure.
  Track(GstElement *pipeline, GstPad *pad, const ReceiveSettings &settings,
        const std::string &participant, Frame frame, Ended ended);
  Track(const Track &) = delete;
  Track &operator=(const Track &) = delete;

  // Of video. For a reader that cannot do with what it has.
  void request_key_frame();

  bool has_ended() const { return ended_; }
  TrackStats stats() const;

 private:
  void add_chain(GstElement *pipeline, const ReceiveSettings &settings,
                 const std::string &participant);
  GstElement *add_decryptor(GstElement *pipeline, const ReceiveSettings &settings,
                            const std::string &participant);
  GstElement *add_sink(GstElement *pipeline);
  void take(GstSample *sample);

  const struct CodecChain *codec_;
  Frame frame_;
  Ended on_ended_;
  std::vector<GstElement *> elements_;  // in the pipeline, in order
  GstElement *decryptor_ = nullptr;
  std::atomic<std::uint64_t> arrived_ = 0;
  std::atomic<bool> ended_ = false;
};

}  // namespace recorder
