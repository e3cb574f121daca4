#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""examples/recorder/recorder.py: an encrypted call between two webrtcbin is recorded, and plays."""

import sys
import tempfile
import time
import unittest
from pathlib import Path

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstE2EE", "1.0")
from gi.repository import GLib, Gst, GstE2EE  # noqa: E402

Gst.init(None)
EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
sys.path += [str(EXAMPLES / "browser"), str(EXAMPLES / "recorder")]
from recorder import record  # noqa: E402
from rtc import Leg  # noqa: E402

PATIENCE = 60  # seconds
FRAMES = 40
SOURCES = [
    "videotestsrc is-live=true ! video/x-raw,width=320,height=240,framerate=30/1 ! "
    "vp8enc deadline=1 cpu-used=16 keyframe-max-dist=15 ! e2eeencrypt participant=alice ! "
    "rtpvp8pay ! capsfilter caps=application/x-rtp,media=video,encoding-name=VP8,payload=96",
    "audiotestsrc is-live=true samplesperbuffer=960 ! audio/x-raw,rate=48000,channels=2 ! "
    "opusenc ! e2eeencrypt participant=alice ! "
    "rtpopuspay ! capsfilter caps=application/x-rtp,media=audio,encoding-name=OPUS,payload=97",
]
PLAYER = """filesrc location={} ! matroskademux name=demux
    demux.video_0 ! queue ! vp8dec ! fakesink name=video sync=false
    demux.audio_0 ! queue ! opusdec ! fakesink name=audio sync=false"""


def provider(seed):
    keys = GstE2EE.ParticipantKeyProvider.new()
    keys.set_key("alice", GLib.Bytes.new(bytes([seed]) * 32), 0)
    return keys


def rendered(sink):
    return sink.get_property("stats").get_value("rendered")


class Recorder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.file = Path(folder.name) / "alice.webm"

    def until(self, what, condition):
        deadline = time.monotonic() + PATIENCE
        while not condition():
            self.assertLess(time.monotonic(), deadline, f"waiting for {what}")
            time.sleep(0.05)

    @staticmethod
    def ended(bus):
        message = bus.pop_filtered(Gst.MessageType.ELEMENT)
        structure = message and message.get_structure()
        if not structure or structure.get_name() != "GstBinForwarded":
            return False
        return structure.get_value("message").type == Gst.MessageType.EOS

    def call(self, keys, enough):
        """Two pipelines in a call, one records; answers what its decryptors counted."""
        ends = []
        for name in ("sender", "receiver"):
            leg, pipeline = Leg(name), Gst.Pipeline.new(name)
            pipeline.add(leg.element)
            self.addCleanup(pipeline.set_state, Gst.State.NULL)
            self.addCleanup(leg.close)
            ends.append((leg, pipeline))
        (sender, sending), (receiver, receiving) = ends
        sending.set_context(GstE2EE.context_new_key_provider(provider(7)))
        pads = []
        for text in SOURCES:
            sending.add(source := Gst.parse_bin_from_description(text, True))
            pads.append(source.get_static_pad("src"))
            pads[-1].link(sender.element.request_pad_simple("sink_%u"))
        tracks = record(receiving, receiver.element, keys, "alice", str(self.file))
        receiving.set_state(Gst.State.PLAYING)
        sending.set_state(Gst.State.PLAYING)
        self.until("caps", lambda: all(pad.get_current_caps() for pad in pads))
        receiver.take("offer", sender.make("offer"))
        sender.take("answer", receiver.make("answer"))
        decryptors = [tracks.get_by_name(name) for name in ("video", "audio")]
        stats = lambda field: [e.get_property("stats").get_value(field) for e in decryptors]  # noqa: E731
        self.until("frames", lambda: min(stats(enough)) >= FRAMES)
        for name in ("VP8", "OPUS"):
            tracks.get_by_name(name).get_static_pad("sink").send_event(Gst.Event.new_eos())
        self.until("the file's end", lambda: self.ended(receiving.get_bus()))
        return stats("frames-out")

    def test_call_is_recorded(self):
        written = self.call(provider(7), "frames-out")
        player = Gst.parse_launch(PLAYER.format(self.file))
        self.addCleanup(player.set_state, Gst.State.NULL)
        player.set_state(Gst.State.PLAYING)
        end = player.get_bus().timed_pop_filtered(
            PATIENCE * Gst.SECOND, Gst.MessageType.EOS | Gst.MessageType.ERROR
        )
        self.assertEqual(end.type, Gst.MessageType.EOS)
        self.assertGreaterEqual(rendered(player.get_by_name("video")), FRAMES)
        self.assertGreaterEqual(rendered(player.get_by_name("audio")), FRAMES)
        self.assertGreaterEqual(min(written), FRAMES)

    def test_another_key_records_nothing(self):
        self.assertEqual(self.call(provider(8), "dropped-auth"), [0, 0])


if __name__ == "__main__":
    unittest.main()
