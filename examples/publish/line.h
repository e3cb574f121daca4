// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/e2ee/e2ee.h>
#include <gst/gst.h>

#include <functional>
#include <memory>
#include <string>

#include "chain.h"
#include "gate.h"
#include "outlet.h"

namespace publish {

struct LineSettings {
  std::string text;  // as for gst-launch-1.0
  EncodeSettings encode;
  GstE2EEKeyProvider *provider = nullptr;
  std::string scheme = "livekit";
  std::string participant;  // whose keys encrypt
};

// One run of a source line, from its start to its end: parsed, encoded where it is raw, encrypted.
// On the main context that was the thread's default when it was made.
class Line {
 public:
  struct Events {
    std::function<void(const Format &)> known;  // what comes; again when it changes
    std::function<void()> ended;
    // These two end it; `refused`: it would be the same next time.
    std::function<void(const std::string &why)> failed, refused;
    std::function<void(const std::string &what)> warned;
    std::function<void(const GstStructure *state)> encryption;  // a GstE2EEState message
  };

  // Throws Refused when GStreamer does not understand the line.
  Line(const LineSettings &settings, Outlet &outlet, Events events);
  ~Line();
  Line(const Line &) = delete;
  Line &operator=(const Line &) = delete;

  // Whether somebody wants its frames.
  void set_wanted(bool wanted);
  void ask_for_key_frame();  // any thread

  bool is_live() const;
  guint64 frames_seen() const;  // that the source gave, wanted or not
  Gate::Status gate() const;
  examples::StructurePtr stats() const;  // of the encryptor; null: none yet

 private:
  class Core;
  std::unique_ptr<Core> core_;
};

}  // namespace publish
