# SPDX-License-Identifier: LGPL-2.1-or-later
"""One end of a call: a webrtcbin that sends a test picture and a tone, encrypted."""

import sys
import time
from pathlib import Path

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstE2EE", "1.0")
from gi.repository import Gst, GstE2EE  # noqa: E402

Gst.init(None)
EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
sys.path += [str(EXAMPLES / "browser"), str(EXAMPLES / "recorder")]
from rtc import Leg, link  # noqa: E402

PATIENCE = 60  # seconds
SOURCES = [
    "videotestsrc is-live=true ! video/x-raw,width=320,height=240,framerate=30/1 ! "
    "vp8enc deadline=1 cpu-used=16 keyframe-max-dist=15 ! e2eeencrypt name=crypt ! "
    "rtpvp8pay ! capsfilter caps=application/x-rtp,media=video,encoding-name=VP8,payload=96",
    "audiotestsrc is-live=true samplesperbuffer=960 ! audio/x-raw,rate=48000,channels=2 ! "
    "opusenc ! e2eeencrypt name=crypt ! "
    "rtpopuspay ! capsfilter caps=application/x-rtp,media=audio,encoding-name=OPUS,payload=111",
]


def until(test, what, condition):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        test.assertLess(time.monotonic(), deadline, f"waiting for {what}")
        time.sleep(0.05)


class End:
    """A webrtcbin in a pipeline, both gone at the end of the test."""

    def __init__(self, test, name):
        self.leg, self.pipeline = Leg(name), Gst.Pipeline.new(name)
        self.pipeline.add(self.leg.element)
        test.addCleanup(self.pipeline.set_state, Gst.State.NULL)
        test.addCleanup(self.leg.close)


class Sender(End):
    """Plays once it is made; then it can offer and answer."""

    def __init__(self, test, keys, participant=None):
        super().__init__(test, "sender")
        self.pipeline.set_context(GstE2EE.context_new_key_provider(keys))
        pads = []
        for text in SOURCES:
            self.pipeline.add(source := Gst.parse_bin_from_description(text, True))
            source.get_by_name("crypt").set_property("participant", participant)
            pads.append(source.get_static_pad("src"))
            link(pads[-1], self.leg.element.request_pad_simple("sink_%u"))
        self.pipeline.set_state(Gst.State.PLAYING)
        until(test, "caps", lambda: all(pad.get_current_caps() for pad in pads))
