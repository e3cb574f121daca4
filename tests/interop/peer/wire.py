# SPDX-License-Identifier: LGPL-2.1-or-later
"""What leaves GStreamer for the network, behind all that is kept to be sent again."""

from gi.repository import Gst

RTP_HEADER = 12  # without extensions, of which this peer sends none
SPS, STAP_A = 7, 24  # of RFC 6184


class Wire:
    """Counts key frames of H.264, and loses the first packet of those it is told to lose.

    They begin with an SPS. What is sent again has another SSRC and passes.
    """

    def __init__(self, leg, ssrc):
        self.ssrc = ssrc.to_bytes(4, "big")
        self.key_frames = 0
        self.to_lose = 0
        pad = leg.element.get_by_name("rtpbin").get_static_pad("send_rtp_src_0")
        pad.add_probe(Gst.PadProbeType.BUFFER, self.on_packet)

    def on_packet(self, _pad, info):
        packet = info.get_buffer().extract_dup(0, RTP_HEADER + 4)
        if packet[8:12] != self.ssrc or self.first_unit(packet[RTP_HEADER:]) != SPS:
            return Gst.PadProbeReturn.OK
        self.key_frames += 1
        if self.to_lose == 0:
            return Gst.PadProbeReturn.OK
        self.to_lose -= 1
        return Gst.PadProbeReturn.DROP

    @staticmethod
    def first_unit(payload):
        at = 3 if payload[0] & 31 == STAP_A else 0
        return payload[at] & 31

    def report(self):
        return {"keyFrames": self.key_frames, "toLose": self.to_lose}
