#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The GStreamer side of a call, told what to do by lines of JSON; ends with its input."""

import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import gi

gi.require_version("Gst", "1.0")
from gi.repository import GLib, Gst  # noqa: E402

Gst.init(None)
ROOT = Path(__file__).resolve().parents[3]
# rtc.py of the example; pictures, their recognition and the lines of tests/interop.
sys.path += [str(ROOT / "examples/browser"), str(ROOT / "tests/interop/peer")]

from lines import serve  # noqa: E402
from receiving import Receiver  # noqa: E402
from rtc import CallError  # noqa: E402
from sending import Sender, encode  # noqa: E402


class Peer:
    def __init__(self, checker):
        self.checker = checker  # e2ee-sframe-sdp
        self.call = None

    def do_encode(self, codec, count, mtu=None):
        return encode(codec, count, mtu)

    def do_send(self, **how):
        self.keep(Sender(**how))

    def do_receive(self, **how):
        self.keep(Receiver(**how))

    def keep(self, call):
        self.call = call
        call.play()

    def do_offer(self):
        self.offer = self.call.leg.make("offer")
        return {"sdp": self.offer, "ssrc": self.call.ssrc}

    def do_take_answer(self, sdp):
        self.expect_agreement(self.offer, sdp)
        self.call.leg.take("answer", sdp)

    def do_answer(self, sdp):
        self.call.leg.take("offer", sdp)
        answer = self.call.leg.make("answer")
        self.expect_agreement(sdp, answer)
        return {"sdp": answer}

    def expect_agreement(self, offer, answer):
        """By the rule of the examples, which are written in C++."""
        with tempfile.TemporaryDirectory() as folder:
            paths = []
            for name, text in (("offer", offer), ("answer", answer)):
                paths.append(Path(folder) / name)
                paths[-1].write_text(text)
            checked = subprocess.run(
                [self.checker, *paths], capture_output=True, text=True, check=False
            )
        if checked.returncode != 0:
            raise CallError(checked.stdout.strip() or checked.stderr.strip())

    def do_start(self):
        self.call.start()

    def do_add_key(self, index, key):
        self.call.provider.set_key(GLib.Bytes.new(bytes.fromhex(key)), index)

    def do_use_key(self, index):
        self.call.provider.set_current_index(index)

    def do_ratchet(self, index):
        self.call.provider.ratchet(index)

    def do_report(self):
        return self.call.report()

    def do_stop(self):
        if self.call:
            self.call.stop()
        self.call = None


def serve_calls(peer, loop):
    serve(peer)
    peer.do_stop()
    loop.quit()


def main():
    loop = GLib.MainLoop()
    threading.Thread(target=serve_calls, args=(Peer(sys.argv[1]), loop), daemon=True).start()
    loop.run()


if __name__ == "__main__":
    main()
