// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/app/gstappsink.h>

#include <atomic>

#include "carried_codecs.h"
#include "receive.h"

namespace recorder {

// What GStreamer needs for all codecs; `opened`: with decryption.
std::vector<std::string> elements_of_tracks(bool opened);

// Of webrtcbin's pads: which mline of the offer they belong to.
unsigned mline_of(GstPad *pad);
guint ssrc_of(GstPad *pad);  // 0: it does not say

// One received stream: from a pad of webrtcbin to a callback, by way of a chain that depends on the
// codec. Made and destroyed on the main context.
class Track {
 public:
  using Ended = std::function<void()>;

  // Throws Failure for a codec that cannot be recorded.
  static Media media_of(GstPad *pad);

  // Adds the chain to `pipeline` and links it to `pad`. Frames of the route and `ended` (all was
  // delivered) come on streaming threads until the chain goes. Throws Failure. `carried`: what may
  // come encrypted.
  Track(GstElement *pipeline, GstPad *pad, const ReceiveSettings &settings,
        const CarriedCodecs &carried, Route route, Ended ended);
  ~Track();  // takes the chain out of the pipeline
  Track(const Track &) = delete;
  Track &operator=(const Track &) = delete;

  const Route &route() const { return route_; }
  guint ssrc() const { return ssrc_; }
  bool has(GstObject *source) const;  // whether a message is of its chain

  // Of video. For a reader that cannot do with what it has.
  void request_key_frame();

  bool has_ended() const { return ended_; }
  TrackStats stats() const;

 private:
  void add_chain(const ReceiveSettings &settings);
  void add_decryptor(const ReceiveSettings &settings);
  void add_sink();
  void link_to(GstPad *pad);
  void drop_chain();
  GstPadProbeReturn arrive(GstBuffer *frame);
  void take(GstSample *sample);

  const Codec *codec_;
  const Route route_;
  const guint ssrc_;
  Ended on_ended_;
  GstElement *pipeline_;
  std::vector<GstElement *> elements_;  // in the pipeline, in order
  GstElement *decryptor_ = nullptr;
  bool begun_ = false;  // on the streaming thread: with a key frame, where it is video
  std::atomic<std::uint64_t> arrived_ = 0;
  std::atomic<bool> ended_ = false;
};

}  // namespace recorder
