// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <initializer_list>
#include <string>
#include <vector>

#include "gst_ptr.h"

namespace examples {

enum class Media { kVideo, kAudio };

inline const char *media_name(Media media) {
  return media == Media::kVideo ? "video" : "audio";
}

// Throws Refused unless GStreamer has all of these. Says what to install, and for this project's
// own elements what to export.
void require_elements(const std::vector<std::string> &factories);

// webrtcbin, and what it makes for itself.
inline const std::vector<std::string> kWebrtcElements = {"webrtcbin", "rtpbin",      "nicesrc",
                                                         "nicesink",  "dtlssrtpenc", "dtlssrtpdec",
                                                         "srtpenc",   "srtpdec"};

PipelinePtr make_pipeline(const std::string &name);

// Makes an element inside `bin`, which owns it. Throws Refused as require_elements() does.
GstElement *add_element(GstElement *bin, const char *factory, const char *name = nullptr);

// A queue that takes whatever comes within this time, or at all times when it is 0.
GstElement *add_queue(GstElement *bin, GstClockTime time);

GstElement *add_caps_filter(GstElement *bin, const std::string &caps);

// Links elements in this order, throws with the names of the two that do not fit.
void link_chain(std::initializer_list<GstElement *> chain);

// Sets the state of elements that joined a running pipeline, last one first, so that none of them
// gets data before what follows it is ready.
void join_running(std::initializer_list<GstElement *> chain);

ObjectPtr<GstPad> static_pad(GstElement *element, const char *name);

}  // namespace examples
