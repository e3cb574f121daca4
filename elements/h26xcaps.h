/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Which formats of H.264 and H.265 the pads of an element can have, given those of its neighbours.
#pragma once

#include <gst/gst.h>

namespace e2ee {

/// Answers a CAPS query from what the peer of `other` can do: H.264 and H.265 change their format
/// in between. `output`: the formats that the src pad has, the preferred one first.
enum class NalFormats { lengths_first, byte_stream_only };
void answer_caps_query(GstPad *pad, GstPad *other, NalFormats output, GstQuery *query);

/// Whether the peer of `src` names SFrame over RTP in its caps for frames of the media type of
/// `caps`: a payloader with payload-format=sframe, which takes nothing else. That others would
/// accept the field says nothing.
enum class RtpPeer { none, possible, only };
RtpPeer sframe_rtp_peer(GstPad *src, const GstCaps *caps);

/// Whether the peer of `src` takes frames of `caps`, which are of H.264 or H.265, as byte streams
/// and not with lengths.
bool takes_byte_streams_only(GstPad *src, const GstCaps *caps);

}  // namespace e2ee
