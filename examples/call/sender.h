// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/e2ee/e2ee.h>

#include <array>
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "bus_watch.h"
#include "common.h"
#include "frame_log.h"
#include "gate.h"
#include "options.h"
#include "stats.h"

namespace call {

// What is to be sent: found out before anything is built, since the offer names it.
struct SourceInfo {
  bool video = true;
  bool audio = true;
};

SourceInfo inspect_source(const Options &options);

// One encoded stream of the sender: encrypted once, however many receivers there are.
struct SentStream {
  Media media;
  std::string rtp_caps;
  std::unique_ptr<Gate> gate;
  GstElement *input = nullptr;  // takes raw media
  GstElement *encryptor = nullptr;
  GstElement *tee = nullptr;
  FrameLog plain;   // into the encryptor
  FrameLog cipher;  // out of it
  std::atomic_bool ended = false;
};

class Sender {
 public:
  Sender(const Options &options, SourceInfo source, GstE2EEKeyProvider *provider, BusWatch &bus);

  // Adds a peer that everything is sent to.
  GstElement *add_receiver(const std::string &name);

  void start();          // media is held back
  void release_media();  // all receivers are connected: go
  void stop_media();     // before its time
  bool ended() const;    // every stream is through the encryptor

  const std::vector<std::unique_ptr<SentStream>> &streams() const { return streams_; }
  size_t frames_sent() const;
  E2EEStats stats() const;

 private:
  void add_stream(const Options &options, Media media, GstE2EEKeyProvider *provider);
  void add_test_sources();
  void add_file_source(const std::string &file);
  static void on_decoded_pad(GstElement *, GstPad *pad, gpointer self);
  static GstPadProbeReturn on_event(GstPad *, GstPadProbeInfo *info, gpointer stream);

  std::vector<std::unique_ptr<SentStream>> streams_;
  PipelinePtr pipeline_;  // stops before the streams go, which its probes use
};

}  // namespace call
