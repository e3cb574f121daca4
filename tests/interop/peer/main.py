#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The GStreamer side of a call, told what to do by lines of JSON; ends with its input."""

import sys
import threading
from pathlib import Path

import gi

gi.require_version("Gst", "1.0")
from gi.repository import GLib, Gst  # noqa: E402

Gst.init(None)
# rtc.py is that of the example.
sys.path.append(str(Path(__file__).resolve().parents[3] / "examples/browser"))

from calls import DataChannel, Receiver, Sender, Spy  # noqa: E402
from keys import abilities, set_key  # noqa: E402
from lines import serve  # noqa: E402


class Peer:
    def __init__(self):
        self.calls = {}

    def do_abilities(self):
        return abilities()

    def do_spy(self, call, codec):
        spy = self.keep(call, Spy(codec))
        return {"port": spy.port}

    def do_send(
        self, call, codec, scheme, keys, legs, spy=None, size=(320, 192), encoder=None, key_every=300
    ):
        self.keep(call, Sender(codec, scheme, keys, legs, spy, tuple(size), encoder, key_every))

    def do_receive(self, call, codec, scheme, keys, wrong, spy=None, options=""):
        self.keep(call, Receiver(codec, scheme, keys, wrong, spy, options))

    def do_data_channel(self, call, leg):
        self.keep(call, DataChannel(leg))

    def keep(self, name, call):
        self.calls[name] = call
        call.play()
        return call

    def do_add_leg(self, call, leg):
        self.calls[call].add_leg(leg)

    def do_offer(self, call, leg):
        return {"sdp": self.calls[call].legs[leg].make("offer")}

    def do_take_answer(self, call, leg, sdp):
        self.calls[call].legs[leg].take("answer", sdp)

    def do_answer(self, call, sdp, leg="receiver"):
        self.calls[call].legs[leg].take("offer", sdp)
        return {"sdp": self.calls[call].legs[leg].make("answer")}

    def do_set_key(self, call, key):
        set_key(self.calls[call].provider, key)

    def do_remove_key(self, call, index):
        self.calls[call].provider.remove_key(index)

    def do_use_key(self, call, index):
        self.calls[call].provider.set_current_index(index)

    def do_ratchet(self, call, index):
        self.calls[call].provider.ratchet(index)

    def do_watch_wire(self, call, leg):
        self.calls[call].watch_wire(leg)

    def do_key_frame(self, call, lose=False):
        if lose:
            self.calls[call].wire.to_lose = 1
        self.calls[call].make_key_frame()

    def do_report(self, call):
        return self.calls[call].report()

    def do_stop(self, call):
        stopped = self.calls.pop(call, None)
        if stopped is None:
            return None
        report = stopped.report()
        stopped.stop()
        return report


def serve_calls(peer, loop):
    serve(peer)
    for name in list(peer.calls):
        peer.do_stop(name)
    loop.quit()


def main():
    loop = GLib.MainLoop()
    threading.Thread(target=serve_calls, args=(Peer(), loop), daemon=True).start()
    loop.run()


if __name__ == "__main__":
    main()
