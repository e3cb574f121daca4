# SPDX-License-Identifier: LGPL-2.1-or-later
"""A pipeline of a call: what its bus said, what its appsinks saw, which frames passed."""

from collections import Counter

import gi

gi.require_version("GstE2EE", "1.0")
from gi.repository import GLib, Gst, GstE2EE  # noqa: E402

from content import TONES_IN_A_ROW, Seen, phase_of_picture, phase_of_sound  # noqa: E402
from formats import CODECS  # noqa: E402
from rtc import CallError  # noqa: E402

PICTURE_STRIDE = 48
STATS = (
    "frames-in", "frames-out", "dropped-missing-key", "dropped-auth", "dropped-malformed",
    "dropped-plaintext", "dropped-unsupported", "dropped-limit", "dropped-internal",
    "passed-plaintext", "ratchet-steps", "key-id", "generation",
)  # fmt: skip


def make_provider(keys, ratchet_window=8):
    """keys: [{"index", "hex"}]; the first one becomes current."""
    provider = GstE2EE.SharedKeyProvider(ratchet_window=ratchet_window)
    for key in keys:
        provider.set_key(GLib.Bytes.new(bytes.fromhex(key["hex"])), key["index"])
    return provider


def stats_of(element):
    structure = element.get_property("stats")
    return {name: structure.get_value(name) for name in STATS if structure.has_field(name)}


def data_of(buffer):
    return buffer.extract_dup(0, buffer.get_size())


def watch_frames(pad, what_of):
    """A list that grows by what is told of each buffer that passes the pad."""
    passed = []

    def on_buffer(_pad, info):
        passed.append(what_of(info.get_buffer()))
        return Gst.PadProbeReturn.OK

    pad.add_probe(Gst.PadProbeType.BUFFER, on_buffer)
    return passed


class Call:
    def __init__(self, codec):
        self.codec = codec
        self.entry = CODECS[codec]
        self.pipeline = Gst.Pipeline()
        self.errors = []
        self.states = Counter()  # of GstE2EEState
        self.seen = {}
        self.leg = None
        self.crypt = None
        bus = self.pipeline.get_bus()
        bus.add_signal_watch()
        bus.connect("message", self.on_message)

    def on_message(self, _bus, message):
        if message.type == Gst.MessageType.ERROR:
            error, detail = message.parse_error()
            self.errors.append(f"{message.src.get_name()}: {error.message} {detail or ''}"[:400])
        elif message.type == Gst.MessageType.LATENCY:
            self.pipeline.recalculate_latency()
        elif message.type == Gst.MessageType.ELEMENT:
            structure = message.get_structure()
            if structure.get_name() == "GstE2EEState" and message.src.get_name() != "wrong":
                self.states[structure.get_value("state")] += structure.get_value("count") or 1

    def play(self):
        if self.pipeline.set_state(Gst.State.PLAYING) == Gst.StateChangeReturn.FAILURE:
            message = self.pipeline.get_bus().pop_filtered(Gst.MessageType.ERROR)
            raise CallError(message.parse_error()[0].message if message else "does not start")

    def stop(self):
        self.pipeline.get_bus().remove_signal_watch()
        self.leg.close()
        self.pipeline.set_state(Gst.State.NULL)

    def add(self, text):
        """A bin from a gst-launch line, in the pipeline, its outer pads named sink and src."""
        part = Gst.parse_bin_from_description(text, True)
        self.pipeline.add(part)
        return part

    def look(self, part, name):
        """Counts what an appsink of that name gets."""
        seen = self.seen[name] = Seen(TONES_IN_A_ROW if self.entry.media == "audio" else 1)
        sink = part.get_by_name(name)
        sink.set_property("emit-signals", True)
        sink.connect("new-sample", self.on_sample, seen)

    def on_sample(self, sink, seen):
        sample = sink.emit("pull-sample")
        if sample is None:
            return Gst.FlowReturn.EOS
        data = data_of(sample.get_buffer())
        if self.entry.media == "audio":
            seen.add(phase_of_sound(data))
        else:
            seen.add(phase_of_picture(data, PICTURE_STRIDE))
        return Gst.FlowReturn.OK

    def report(self):
        return {
            "seen": {name: seen.report() for name, seen in self.seen.items()},
            "crypt": stats_of(self.crypt) if self.crypt else None,
            "states": dict(self.states),
            "errors": self.errors,
            "connection": self.leg.state(),
        }
