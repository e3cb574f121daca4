# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the peer sends: decrypted with the right keys and with wrong ones, and decoded."""

import gi

gi.require_version("GstWebRTC", "1.0")
from gi.repository import GLib, Gst, GstWebRTC  # noqa: E402

from calls import Call, data_of, make_provider, stats_of, watch_frames  # noqa: E402
from formats import looking  # noqa: E402
from frames import hash_of, hash_of_payload  # noqa: E402
from rtc import CallError, Leg, link  # noqa: E402


def no_key_requests(_pad, info):
    """The one with wrong keys would hide that the other one forgot to ask."""
    asks = info.get_event().has_name("GstForceKeyUnit")
    return Gst.PadProbeReturn.DROP if asks else Gst.PadProbeReturn.OK


class Receiver(Call):
    def __init__(self, codec, keys, wrong_keys, options, per_ssrc, per_packet, latency):
        super().__init__(codec)
        self.options = f"{options} sframe-per-ssrc={str(per_ssrc).lower()}"
        self.per_packet = per_packet
        self.provider = make_provider(keys)
        self.wrong_provider = make_provider(wrong_keys, 0)
        self.wrong = None
        self.passed = []
        self.packets = 0
        leg = self.leg = Leg("receiver", latency)
        self.pipeline.add(leg.element)
        leg.connect("pad-added", self.on_pad)
        caps = f'{self.entry.rtp_caps()}{self.entry.sdp_extra},a-sframe=(string)""'
        leg.element.emit(
            "add-transceiver",
            GstWebRTC.WebRTCRTPTransceiverDirection.RECVONLY,
            Gst.Caps.from_string(caps),
        )

    def on_pad(self, _element, pad):
        if pad.get_direction() != Gst.PadDirection.SRC:
            return
        try:
            self.add_stream(pad)
        except (CallError, GLib.Error) as error:
            self.errors.append(str(error))

    def add_stream(self, pad):
        head = self.add("rtpe2eedepay payload-format=sframe name=depay ! tee name=ciphertexts")
        pad.add_probe(Gst.PadProbeType.BUFFER, self.count_packet)
        self.crypt = self.add_branch(head, "right", self.provider)
        self.wrong = self.add_branch(head, "wrong", self.wrong_provider)
        self.passed = watch_frames(self.crypt.get_static_pad("src"), self.hash_of)
        self.wrong.get_static_pad("sink").add_probe(
            Gst.PadProbeType.EVENT_UPSTREAM, no_key_requests
        )
        head.sync_state_with_parent()
        link(pad, head.get_static_pad("sink"))

    def hash_of(self, buffer):
        data = data_of(buffer)
        return hash_of_payload(data) if self.per_packet else hash_of(self.codec, data)

    def count_packet(self, _pad, _info):
        self.packets += 1
        return Gst.PadProbeReturn.OK

    def add_branch(self, head, name, provider):
        depay = f"{self.entry.depayloader} ! " if self.per_packet else ""
        look = f"look-{name}"
        part = Gst.parse_bin_from_description(
            f"queue ! e2eedecrypt name={name} scheme=sframe {self.options} ! "
            f"{depay}{looking(self.codec, look)}",
            True,
        )
        decryptor = part.get_by_name(name)
        decryptor.set_property("key-provider", provider)
        self.look(part, look)
        head.add(part)
        head.get_by_name("ciphertexts").link(part)
        return decryptor

    def report(self):
        return {
            **super().report(),
            "wrong": stats_of(self.wrong) if self.wrong else None,
            "packets": self.packets,
            "passed": self.passed,
        }
