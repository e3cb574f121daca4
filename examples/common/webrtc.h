// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/webrtc/webrtc.h>

#include <string>

#include "gst_ptr.h"

// What every webrtcbin of the examples wants.
namespace examples {

using DescriptionPtr =
    std::unique_ptr<GstWebRTCSessionDescription, FreeWith<&gst_webrtc_session_description_free>>;

// Asks no router for a port.
void disable_upnp(GstElement *webrtcbin);

// It gathers candidates of 127.0.0.1 alone; some of TCP come all the same. Throws Failure.
void keep_to_loopback(GstElement *webrtcbin);
// "candidate:1 1 UDP 2015363327 127.0.0.1 40000 typ host"
bool on_loopback(const std::string &candidate);

// Packets of video that are missing are asked for again. Before there are transceivers.
void ask_for_lost_video(GstElement *webrtcbin);

// `kind`: "offer" or "answer". Waits; throws Failure with what webrtcbin says.
DescriptionPtr create_description(GstElement *webrtcbin, const char *kind);
// `signal`: "set-local-description" or "set-remote-description". Waits and throws, too.
void apply_description(GstElement *webrtcbin, const char *signal,
                       GstWebRTCSessionDescription *description);

}  // namespace examples
