#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""livekitwebrtcsrc with e2eedecrypt in it, by lines of JSON: what a person would write, and counters."""

import sys
from pathlib import Path

import gi

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402

Gst.init(None)
ROOT = Path(__file__).resolve().parents[3]
sys.path += [str(ROOT / "tests/interop/peer"), str(ROOT / "examples/browser")]

from calls import Call, stats_of  # noqa: E402
from formats import CODECS, decoding  # noqa: E402
from keys import make_provider, set_key  # noqa: E402
from lines import serve  # noqa: E402


# livekitwebrtcsrc puts a parser in front of the filter, and vp9parse cannot read encrypted frames:
# these are taken as RTP.
AS_RTP = {"vp9": "rtpe2eedepay request-keyframe=true ! e2eedecrypt name=crypt ! e2eevp9merge"}


def appsinks(codec, name):
    """From decoded media to an appsink, of this program's size and rate."""
    return decoding(codec, name).split(" name=decoder ! ", 1)[1]


class Receiver(Call):
    """Of a room in which one participant publishes one track."""

    def __init__(self, codec, keys, url, token):
        super().__init__(codec, "livekit")
        self.keys = make_provider(keys, window=0)
        self.crypt = None
        self.source = Gst.ElementFactory.make("livekitwebrtcsrc")
        self.source.set_property("stun-server", None)
        signaller = self.source.get_property("signaller")
        signaller.set_property("ws-url", url)
        signaller.set_property("auth-token", token)
        if CODECS[codec].media == "video":
            # The server offers all its codecs, and webrtcbin answers with the first of those it may take.
            Gst.util_set_object_arg(self.source, "video-codecs", f"<{CODECS[codec].rtp}>")
        self.source.connect("pad-added", self.on_pad)
        if codec not in AS_RTP:
            self.source.connect("request-encoded-filter", self.on_filter)
        self.pipeline.add(self.source)
        self.play()

    def use(self, crypt):
        crypt.set_property("key-provider", self.keys)
        self.crypt = crypt

    def on_filter(self, _source, _producer, _pad, _caps):
        self.use(Gst.ElementFactory.make("e2eedecrypt"))
        return self.crypt

    def on_pad(self, _source, pad):
        """What the pad is linked to decides whether livekitwebrtcsrc decodes or gives RTP."""
        if self.codec in AS_RTP:
            part = self.add(f"{AS_RTP[self.codec]} ! {decoding(self.codec, 'out')}")
            self.use(part.get_by_name("crypt"))
        else:
            part = self.add(f"queue ! {appsinks(self.codec, 'out')}")
        self.look(part, "out")
        part.sync_state_with_parent()
        pad.link(part.get_static_pad("sink"))


class Programs:
    """What the driver asks for."""

    receiver = None

    def do_join(self, codec, keys, url, token):
        self.receiver = Receiver(codec, keys, url, token)

    def do_set_key(self, key):
        set_key(self.receiver.keys, key)

    def do_report(self):
        crypt = self.receiver.crypt
        return {**self.receiver.report(), "stats": stats_of(crypt) if crypt else {}}

    def do_leave(self):
        self.receiver.stop()


if __name__ == "__main__":
    serve(Programs())
