# SPDX-License-Identifier: LGPL-2.1-or-later
"""The three kinds of pipelines: one that sends, one that receives, and a spy without keys.

Media threads run GStreamer's C code; Python looks at probes of 16 x 12 pixels and hands out frames.
"""

import random
import socket
import threading
from collections import Counter

import gi

gi.require_version("GstWebRTC", "1.0")
from gi.repository import GLib, Gst, GstWebRTC  # noqa: E402

from content import RATE, TONE_HZ, TONES_IN_A_ROW, Pictures, Seen  # noqa: E402
from content import phase_of_picture, phase_of_sound  # noqa: E402
from formats import CODECS, decoding, depayloader, merger, payloader  # noqa: E402
from keys import make_provider  # noqa: E402
from rtc import CallError, Leg, fields_of, link  # noqa: E402
from wire import Wire  # noqa: E402

SPY_BUFFER = 1 << 21
STATS = (
    "frames-in", "frames-out", "dropped-missing-key", "dropped-auth", "dropped-malformed",
    "dropped-plaintext", "dropped-unsupported", "dropped-internal", "passed-plaintext",
    "ratchet-steps", "key-id", "generation",
)  # fmt: skip


def stats_of(element):
    structure = element.get_property("stats")
    return {name: structure.get_value(name) for name in STATS if structure.has_field(name)}


def losses(pipeline):
    """What the jitter buffers missed: packets lost, late, and asked for again."""
    names = ("num-lost", "num-late", "rtx-count")
    found = pipeline.iterate_all_by_element_factory_name("rtpjitterbuffer")
    totals = Counter()
    while (item := found.next())[0] == Gst.IteratorResult.OK:
        stats = item[1].get_property("stats")
        totals.update({name: stats.get_value(name) for name in names if stats.has_field(name)})
    return dict(totals)


class Call:
    """A pipeline, what its bus said, and what its appsinks saw."""

    def __init__(self, codec, scheme):
        self.codec = codec
        self.scheme = scheme
        self.pipeline = Gst.Pipeline()
        self.errors = []
        self.states = Counter()  # of GstE2EEState
        self.last_state = None
        self.seen = {}
        self.provider = None
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
                self.last_state = structure.get_value("state")
                self.states[self.last_state] += structure.get_value("count") or 1

    def play(self):
        if self.pipeline.set_state(Gst.State.PLAYING) == Gst.StateChangeReturn.FAILURE:
            message = self.pipeline.get_bus().pop_filtered(Gst.MessageType.ERROR)
            raise CallError(message.parse_error()[0].message if message else "does not start")

    def stop(self):
        self.pipeline.get_bus().remove_signal_watch()
        self.pipeline.set_state(Gst.State.NULL)

    def add(self, text):
        """A bin from a gst-launch line, in the pipeline, its outer pads named sink and src."""
        part = Gst.parse_bin_from_description(text, True)
        self.pipeline.add(part)
        return part

    def look(self, part, name):
        """Counts what an appsink of that name gets."""
        is_sound = CODECS[self.codec].media == "audio"
        seen = self.seen[name] = Seen(TONES_IN_A_ROW if is_sound else 1)
        sink = part.get_by_name(name)
        sink.set_property("emit-signals", True)
        sink.connect("new-sample", self.on_sample, seen)

    def on_sample(self, sink, seen):
        sample = sink.emit("pull-sample")
        if sample is None:
            return Gst.FlowReturn.EOS
        buffer = sample.get_buffer()
        data = buffer.extract_dup(0, buffer.get_size())
        if CODECS[self.codec].media == "audio":
            seen.add(phase_of_sound(data))
        else:
            seen.add(phase_of_picture(data, 48))
        return Gst.FlowReturn.OK

    def report(self):
        return {
            "seen": {name: seen.report() for name, seen in self.seen.items()},
            "states": dict(self.states),
            "lastState": self.last_state,
            "errors": self.errors,
        }


def no_key_requests(_pad, info):
    """Only the peer under test may ask for key frames: others would hide that it forgot."""
    asks = info.get_event().has_name("GstForceKeyUnit")
    return Gst.PadProbeReturn.DROP if asks else Gst.PadProbeReturn.OK


def to_spy(port):
    """Where an SFU is on the way, that one feeds the spy."""
    sink = f"udpsink host=127.0.0.1 port={port}" if port else "fakesink"
    return f"{sink} sync=false async=false"


class Sender(Call):
    def __init__(self, codec, scheme, keys, legs, spy_port, size, encoder, key_every):
        super().__init__(codec, scheme)
        self.running = True
        self.thread = None
        self.legs = {}
        self.wire = None
        # The offer names it before any media flows; SFUs go by it.
        self.ssrc = random.getrandbits(32)
        source = self.video_source(size) if CODECS[codec].media == "video" else self.tone()
        caps = CODECS[codec].frame_caps
        encrypt = f"! e2eeencrypt name=crypt scheme={scheme}" if scheme else ""
        head = self.head = self.add(
            f"{source} ! {encoder or CODECS[codec].encoder.format(key_every=key_every)} {'! ' + caps if caps else ''} {encrypt} ! "
            f"{payloader(scheme, codec)} ssrc={self.ssrc} ! {CODECS[codec].rtp_caps()} ! "
            "tee name=out "
            f"out. ! queue ! {to_spy(spy_port)}"
        )
        self.crypt = head.get_by_name("crypt")
        self.tee = head.get_by_name("out")
        if scheme:
            self.provider = make_provider(keys)
            self.crypt.set_property("key-provider", self.provider)
        for index, name in enumerate(legs):
            self.add_leg(name, quiet=index > 0)
        self.source = head.get_by_name("pictures")
        if self.source:
            self.thread = threading.Thread(target=self.push_pictures, args=size, daemon=True)

    @staticmethod
    def video_source(size):
        return (
            "appsrc name=pictures is-live=true format=time do-timestamp=true max-buffers=4 "
            f"leaky-type=downstream caps=video/x-raw,format=RGB,width={size[0]},height={size[1]},"
            f"framerate={RATE}/1 ! videoconvert ! video/x-raw,format=I420"
        )

    @staticmethod
    def tone():
        return (
            f"audiotestsrc is-live=true freq={TONE_HZ} samplesperbuffer=960 ! "
            "audio/x-raw,rate=48000,channels=2"
        )

    def add_leg(self, name, quiet=False):
        leg = self.legs[name] = Leg(name)
        self.pipeline.add(leg.element)
        # A webrtcbin lets nothing through until it is connected, which may be never.
        queue = Gst.ElementFactory.make("queue")
        queue.set_property("leaky", "downstream")
        self.head.add(queue)
        ghost = Gst.GhostPad.new(name, queue.get_static_pad("src"))
        ghost.set_active(True)
        self.head.add_pad(ghost)
        sink = leg.element.request_pad_simple("sink_%u")
        link(ghost, sink)
        entry = CODECS[self.codec]
        transceiver = sink.get_property("transceiver")
        transceiver.set_property("direction", GstWebRTC.WebRTCRTPTransceiverDirection.SENDONLY)
        caps = Gst.Caps.from_string(f"{entry.rtp_caps()}{entry.sdp_extra},ssrc=(uint){self.ssrc}")
        transceiver.set_property("codec-preferences", caps)
        if entry.media == "video":
            transceiver.set_property("do-nack", True)
        if quiet:
            pad = queue.get_static_pad("src")
            pad.add_probe(Gst.PadProbeType.EVENT_UPSTREAM, no_key_requests)
        # Linked last: what a running pipeline pushed earlier would find no pad open and stop for good.
        leg.element.sync_state_with_parent()
        queue.sync_state_with_parent()
        self.tee.link(queue)

    def play(self):
        super().play()
        if self.thread:
            self.thread.start()

    def watch_wire(self, name):
        self.wire = Wire(self.legs[name], self.ssrc)

    def make_key_frame(self):
        structure = Gst.Structure.new_from_string("GstForceKeyUnit,all-headers=(boolean)true")
        event = Gst.Event.new_custom(Gst.EventType.CUSTOM_UPSTREAM, structure)
        self.tee.get_static_pad("sink").get_peer().send_event(event)

    def push_pictures(self, width, height):
        pictures = Pictures(width, height)
        number = 0
        pause = threading.Event()
        while self.running:
            buffer = Gst.Buffer.new_wrapped(pictures.at(number))
            if self.source.emit("push-buffer", buffer) != Gst.FlowReturn.OK:
                return
            number += 1
            pause.wait(1 / RATE)

    def stop(self):
        self.running = False
        super().stop()
        if self.thread and self.thread.is_alive():
            self.thread.join(2)

    def report(self):
        return {
            **super().report(),
            "crypt": stats_of(self.crypt) if self.crypt else None,
            "legs": {name: leg.state() for name, leg in self.legs.items()},
            "wire": self.wire.report() if self.wire else None,
        }


class Receiver(Call):
    def __init__(self, codec, scheme, keys, wrong_keys, spy_port, element_options=""):
        super().__init__(codec, scheme)
        self.wrong_keys = wrong_keys
        self.spy_port = spy_port
        self.options = element_options
        if scheme:
            self.provider = make_provider(keys)
        self.legs = {}
        self.heads = []
        self.encoding = None
        self.add_leg("receiver")

    def add_leg(self, name):
        """A connection in place of the last one, with all that came from it; reports are of this."""
        for leg in self.legs.values():
            leg.close()
        for part in [leg.element for leg in self.legs.values()] + self.heads:
            part.set_state(Gst.State.NULL)
            self.pipeline.remove(part)
        self.crypt = self.wrong = None
        self.seen, self.decoders, self.heads = {}, {}, []
        leg = Leg(name)
        self.legs = {name: leg}
        self.pipeline.add(leg.element)
        leg.connect("pad-added", self.on_pad)
        leg.element.sync_state_with_parent()

    def on_pad(self, _element, pad):
        if pad.get_direction() != Gst.PadDirection.SRC:
            return
        try:
            self.add_stream(pad)
        except (CallError, GLib.Error) as error:
            self.errors.append(str(error))

    def add_stream(self, pad):
        self.encoding = fields_of(pad.get_current_caps()).get_value("encoding-name")
        depay = depayloader(self.scheme, self.codec, from_sfu=self.spy_port is None)
        head = self.add(
            f"tee name=rtp ! queue ! {depay} ! tee name=frames "
            f"rtp. ! queue ! {to_spy(self.spy_port)}"
        )
        self.heads.append(head)
        frames = head.get_by_name("frames")
        self.crypt = self.add_branch(head, frames, "right", self.provider)
        if self.scheme:
            self.wrong = self.add_branch(head, frames, "wrong", make_provider(self.wrong_keys, 0))
        head.sync_state_with_parent()
        link(pad, head.get_static_pad("sink"))

    def add_branch(self, head, frames, name, provider):
        crypt = ""
        if self.scheme:
            options = self.options if name == "right" else ""
            crypt = f"e2eedecrypt name={name} scheme={self.scheme} {options} ! {merger(self.codec)}"
        part = Gst.parse_bin_from_description(
            f"queue name=in-{name} ! {crypt}{decoding(self.codec, 'look-' + name)}", True
        )
        decryptor = part.get_by_name(name)
        self.decoders[name] = part.get_by_name("decoder")
        if decryptor:
            decryptor.set_property("key-provider", provider)
        self.look(part, "look-" + name)
        head.add(part)
        frames.link(part)
        if name == "wrong":
            pad = part.get_static_pad("sink")
            pad.add_probe(Gst.PadProbeType.EVENT_UPSTREAM, no_key_requests)
        return decryptor

    def report(self):
        return {
            **super().report(),
            "crypt": stats_of(self.crypt) if self.crypt else None,
            "wrong": stats_of(self.wrong) if self.wrong else None,
            "losses": losses(self.pipeline),
            "width": self.decoded_width(),
            "encoding": self.encoding,
            "legs": {name: leg.state() for name, leg in self.legs.items()},
        }

    def decoded_width(self):
        decoder = self.decoders.get("right")
        caps = decoder.get_static_pad("src").get_current_caps() if decoder else None
        return fields_of(caps).get_value("width") if caps else None


class DataChannel(Call):
    """A connection with a data channel that nobody uses, and no media."""

    def __init__(self, name):
        super().__init__(None, None)
        leg = Leg(name)
        self.legs = {name: leg}
        self.pipeline.add(leg.element)

    def play(self):
        super().play()
        (leg,) = self.legs.values()
        self.channel = leg.element.emit("create-data-channel", "_reliable", None)


class Spy(Call):
    """Decodes RTP as it passes the SFU, or leaves or reaches us, as if it were not encrypted."""

    def __init__(self, codec):
        super().__init__(codec, None)
        self.restarts = 0
        entry = CODECS[codec]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        part = self.add(
            f"udpsrc name=in address=127.0.0.1 port={self.port} buffer-size={SPY_BUFFER} ! "
            f"{entry.rtp_caps()} ! {entry.depayloader} ! {decoding(codec, 'look-spy')}"
        )
        self.packets = 0
        self.look(part, "look-spy")
        pad = part.get_by_name("in").get_static_pad("src")
        pad.add_probe(Gst.PadProbeType.BUFFER, self.count_packet)

    def count_packet(self, _pad, _info):
        self.packets += 1
        return Gst.PadProbeReturn.OK

    def on_message(self, bus, message):
        super().on_message(bus, message)
        # What it was given is no video. It must not miss what comes after that.
        if message.type == Gst.MessageType.ERROR and self.restarts < 50:
            self.restarts += 1
            self.pipeline.set_state(Gst.State.READY)
            self.pipeline.set_state(Gst.State.PLAYING)

    def report(self):
        own = {"port": self.port, "packets": self.packets, "restarts": self.restarts}
        return {**super().report(), **own}
