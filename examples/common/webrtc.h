// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/sdp/sdp.h>

#include <string>

#include "gst_ptr.h"

// What every webrtcbin of the examples wants. Its enums, objects and boxed types are reached by
// name: the headers come in libgstreamer-plugins-bad1.0-dev, which on Debian brings OpenCV and 180
// packages.
namespace examples {

// Values of GstWebRTCSDPType.
enum class SdpType : gint { kOffer = 1, kAnswer = 3 };

// Layout of the boxed type GstWebRTCSessionDescription, which GStreamer keeps stable.
struct SessionDescription {
  SdpType type;
  GstSDPMessage *sdp;
};
void free_description(SessionDescription *description);
using DescriptionPtr = std::unique_ptr<SessionDescription, FreeWith<&free_description>>;

// Null when `text` is no SDP. Needs a webrtcbin that was made before.
DescriptionPtr parse_description(SdpType type, const std::string &text);
// What webrtcbin replied to create-offer or create-answer, `kind` "offer" or "answer"; may be null.
DescriptionPtr description_of(const GstStructure *reply, const char *kind);

// The nick of an enum property, such as "connected" of `connection-state`.
std::string enum_nick(gpointer object, const char *property);

// Asks no router for a port.
void disable_upnp(GstElement *webrtcbin);

// It gathers candidates of 127.0.0.1 alone; some of TCP come all the same. Throws Failure.
void keep_to_loopback(GstElement *webrtcbin);
// "candidate:1 1 UDP 2015363327 127.0.0.1 40000 typ host"
bool on_loopback(const std::string &candidate);

// What receivers' reports call lost, in an answer to get-stats.
guint64 packets_lost_in(const GstStructure *stats);

// The transceiver of a pad of webrtcbin.
ObjectPtr<GObject> transceiver_of(GstPad *pad);

// Streams that are received get no decoder of FEC, which is not negotiated. rtpbin 1.22 would keep
// the decoder and a pad of each stream after it was cleared, and take no stream of that source any
// more.
void leave_out_fec(GstElement *webrtcbin);

// Packets of video that are missing are asked for again. Before there are transceivers.
void ask_for_lost_video(GstElement *webrtcbin);

// `kind`: "offer" or "answer". Waits; throws Failure with what webrtcbin says.
DescriptionPtr create_description(GstElement *webrtcbin, const char *kind);
// `signal`: "set-local-description" or "set-remote-description". Waits and throws, too.
void apply_description(GstElement *webrtcbin, const char *signal, SessionDescription *description);

}  // namespace examples
