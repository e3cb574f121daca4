// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/gst.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/json.h"
#include "common/peer.h"
#include "encoder.h"
#include "sessionkeys.h"

namespace camera {

// What a viewer asked for.
struct SessionSettings {
  std::string name;
  unsigned video_suite = 6, audio_suite = 8;  // IANA's numbers
  unsigned ratchet_bits = 8;
  std::string nal_format = "length4";
  std::string key_file;  // where its first key goes
};

// One viewer: a pipeline that encrypts the encoder's frames with the keys of this session, and its
// WebRTC connection. Main thread.
class Viewer {
 public:
  struct Events {
    std::function<void(const std::string &sdp)> offer;
    std::function<void(unsigned mline, const std::string &candidate)> candidate;
    std::function<void()> connected;
    std::function<void(const std::string &why)> failed;  // once; it is of no more use
  };

  // Draws its first key and offers. Throws Failure.
  Viewer(const SessionSettings &settings, const Options &options, Encoder &encoder, Events events);
  ~Viewer();
  Viewer(const Viewer &) = delete;
  Viewer &operator=(const Viewer &) = delete;

  SessionKeys &keys() { return keys_; }
  guint64 first_kid() const { return first_kid_; }
  void take_answer(const std::string &sdp) { peer_->take_answer(sdp); }
  void add_candidate(unsigned mline, const std::string &candidate) {
    peer_->add_candidate(mline, candidate);
  }
  // Of each stream: SSRC and what the encryptor counts.
  std::vector<examples::JsonWriter> streams() const;

 private:
  struct Stream {
    examples::Media media;
    guint32 ssrc = 0;
    GstElement *encryptor = nullptr;
    std::shared_ptr<Feed> feed;
  };

  void add_stream(examples::Media media, const SessionSettings &settings, Codec codec);
  void link_to_peer(GstElement *payloader, const std::string &rtp_caps);
  void watch_bus();
  void start_feeds();
  void fail(const std::string &why);

  Encoder &encoder_;
  Events events_;
  SessionKeys keys_;
  guint64 first_kid_ = 0;
  std::vector<Stream> streams_;
  guint watch_ = 0;
  std::unique_ptr<examples::Peer> peer_;
  const examples::PipelinePtr pipeline_;  // stops before the peer goes
};

}  // namespace camera
