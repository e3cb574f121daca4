// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/e2ee/e2ee.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "bus_watch.h"
#include "common.h"
#include "frame_log.h"
#include "options.h"
#include "recording.h"
#include "stats.h"

namespace call {

// One stream of a receiver, made when its first packet arrives.
struct ReceivedStream {
  Media media;
  GstElement *decryptor = nullptr;
  ObjectPtr<GstPad> output;  // of the decryptor, held until there is a recording
  gulong hold = 0;
  std::atomic_bool has_frame = false;
  FrameLog frames;  // out of the decryptor
};

// A participant: receives, decrypts with its own keys and records what that gives.
class Receiver {
 public:
  Receiver(const std::string &name, Codec codec, size_t expected_streams,
           GstE2EEKeyProvider *provider, const std::string &file, BusWatch &bus);

  const std::string &name() const { return name_; }
  GstElement *peer() const { return peer_; }
  void start();

  // To be called now and then: starts recording once every stream has a decrypted frame.
  void poll();

  // Records what has arrived and closes the file. False when the file could not be finished.
  bool finish();

  bool recorded() const { return recording_.has_value(); }
  E2EEStats stats() const;
  size_t decrypted() const;

  // The log of this stream's decrypted frames, or null when none of its packets came.
  const FrameLog *frames(Media media) const;

 private:
  static void on_pad(GstElement *, GstPad *pad, gpointer self);
  static GstPadProbeReturn on_first_frame(GstPad *, GstPadProbeInfo *, gpointer stream);
  void add_stream(GstPad *pad);
  void record();
  size_t streams_with_frames() const;

  const std::string name_;
  const Codec codec_;
  const size_t expected_streams_;
  const std::string file_;
  ObjectPtr<GstE2EEKeyProvider> provider_;
  BusWatch &bus_;

  mutable std::mutex mutex_;  // guards streams_: pads appear on streaming threads
  std::vector<std::unique_ptr<ReceivedStream>> streams_;
  std::optional<Recording> recording_;
  GstElement *peer_ = nullptr;
  PipelinePtr pipeline_;  // stops before the streams go, which its probes use
};

}  // namespace call
