#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""examples/browser/peer.py: a call with another webrtcbin in place of the page."""

import unittest

from sender import Sender, link, until  # before what it asks versions of, and finds
from gi.repository import Gst
from peer import Call, make_provider

FRAMES = 20
PASSPHRASE = "a meeting"


class Page(Sender):
    """Sends, and lets go of what it receives."""

    def __init__(self, test, passphrase):
        super().__init__(test, make_provider("livekit", passphrase))
        self.leg.connect("pad-added", self.on_pad)

    def on_pad(self, _element, pad):
        if pad.get_direction() == Gst.PadDirection.SRC:
            sink = Gst.parse_bin_from_description("fakesink sync=false async=false", True)
            self.pipeline.add(sink)
            sink.sync_state_with_parent()
            link(pad, sink.get_static_pad("sink"))


class Browser(unittest.TestCase):
    def call(self, passphrase, counter):
        """What both received streams have counted, once it is so many of these."""
        call, page = Call("livekit", "vp8", PASSPHRASE, print), Page(self, passphrase)
        self.addCleanup(call.stop)
        page.leg.take("offer", call.offer())
        call.take_answer(page.leg.make("answer"))

        def received():
            streams = call.report()["streams"]
            return [streams.get(f"received-{media}", {}) for media in ("video", "audio")]

        until(self, "frames", lambda: min(s.get(counter, 0) for s in received()) >= FRAMES)
        self.assertIsNone(call.error)
        return received()

    def test_receives_what_the_page_sends(self):
        self.call(PASSPHRASE, "frames-out")

    def test_another_key_lets_nothing_through(self):
        for stream in self.call("another meeting", "dropped-auth"):
            self.assertNotIn("frames-out", stream)


if __name__ == "__main__":
    unittest.main(verbosity=2)
