#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""examples/recorder/recorder.py: an encrypted call between two webrtcbin is recorded, and plays."""

import tempfile
import unittest
from pathlib import Path

from sender import PATIENCE, End, Sender, until  # before what it asks versions of, and finds
from gi.repository import GLib, Gst, GstE2EE
from recorder import record

FRAMES = 40
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

    @staticmethod
    def ended(bus):
        message = bus.pop_filtered(Gst.MessageType.ELEMENT)
        structure = message and message.get_structure()
        if not structure or structure.get_name() != "GstBinForwarded":
            return False
        return structure.get_value("message").type == Gst.MessageType.EOS

    def call(self, keys, enough):
        """Two pipelines in a call, one records; answers what its decryptors counted."""
        sender = Sender(self, provider(7), "alice")
        receiver = End(self, "receiver")
        tracks = record(receiver.pipeline, receiver.leg.element, keys, "alice", str(self.file))
        receiver.pipeline.set_state(Gst.State.PLAYING)
        receiver.leg.take("offer", sender.leg.make("offer"))
        sender.leg.take("answer", receiver.leg.make("answer"))
        decryptors = [tracks.get_by_name(name) for name in ("video", "audio")]
        stats = lambda field: [e.get_property("stats").get_value(field) for e in decryptors]  # noqa: E731
        until(self, "frames", lambda: min(stats(enough)) >= FRAMES)
        for name in ("VP8", "OPUS"):
            tracks.get_by_name(name).get_static_pad("sink").send_event(Gst.Event.new_eos())
        until(self, "the file's end", lambda: self.ended(receiver.pipeline.get_bus()))
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
