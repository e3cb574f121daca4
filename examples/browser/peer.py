# SPDX-License-Identifier: LGPL-2.1-or-later
"""The GStreamer side of a call, for server.py: sends a test picture and a tone, receives, decrypts.

One webrtcbin, one video and one audio stream in each direction, all four under one key.
"""

import hashlib
import random
import threading

if __name__ == "__main__":
    print(__doc__)
    raise SystemExit

import gi  # noqa: E402

gi.require_version("GstE2EE", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import GLib, Gst, GstE2EE, GstWebRTC  # noqa: E402

from addresses import LOOPBACK, own_addresses  # noqa: E402
from rtc import CallError, Leg, fields_of, link  # noqa: E402

SCHEMES = ("sframe", "livekit", "realtimekit", "jitsi")
VPX = "deadline=1 cpu-used=8 lag-in-frames=0 threads=1 end-usage=cbr target-bitrate=600000"
# The page's own profile: Jitsi knows raw keys only.
JITSI_SALT = b"gst-e2ee browser example, jitsi"
PBKDF2_ROUNDS = 100000

PICTURE = (
    "videotestsrc is-live=true pattern=ball background-color=0xff16324f "
    "foreground-color=0xfff2a541 ! video/x-raw,format=I420,width=640,height=360,framerate=20/1"
)
CLOCK = "timeoverlay halignment=left valignment=top font-desc=Sans,20"
TONE = (
    "audiotestsrc is-live=true freq=330 volume=0.1 samplesperbuffer=960 "
    "! audio/x-raw,rate=48000,channels=2"
)

# Encoders, decoders and payload types. rtpe2eepay and rtpe2eedepay carry the frames of every
# scheme; docs/compatibility.md says where the stock ones do too.
VIDEO = {
    "vp8": (f"vp8enc {VPX} keyframe-max-dist=300", "vp8dec", "VP8", 96),
    # vp9enc 1.22 ignores most requests for a key frame.
    "vp9": (f"vp9enc {VPX} keyframe-max-dist=15", "e2eevp9merge ! vp9dec", "VP9", 101),
}
OPUS = ("opusenc frame-size=20 bitrate=48000", "opusdec", "OPUS", 111)
ELEMENTS = (
    "webrtcbin rtpbin nicesrc nicesink dtlssrtpenc dtlssrtpdec srtpenc srtpdec videotestsrc audiotestsrc "
    "vp8enc vp8dec vp9enc vp9dec opusenc opusdec e2eeencrypt e2eedecrypt e2eevp9merge rtpe2eepay rtpe2eedepay"
).split()
CLOCK_RATES = {"video": 90000, "audio": 48000}


def make_provider(scheme, passphrase):
    provider = GstE2EE.SharedKeyProvider()
    if scheme == "jitsi":
        raw = hashlib.pbkdf2_hmac("sha256", passphrase.encode(), JITSI_SALT, PBKDF2_ROUNDS)
        provider.set_key(GLib.Bytes.new(raw), 0)
    else:
        provider.set_passphrase(passphrase, 0)
    return provider


def rtp_caps(media, name, payload_type):
    channels = ",encoding-params=(string)2" if media == "audio" else ""
    return (
        f"application/x-rtp,media={media},encoding-name={name},"
        f"clock-rate={CLOCK_RATES[media]},payload={payload_type}{channels}"
    )


def stats_of(element):
    """What `stats` counts, without zeros."""
    structure = element.get_property("stats")
    names = (structure.nth_field_name(i) for i in range(structure.n_fields()))
    return {
        name: structure.get_value(name)
        for name in names
        if name.startswith(("frames-", "dropped-")) and structure.get_value(name)
    }


class Call:
    """`tell(text)` is given lines for people, from the main loop."""

    def __init__(self, scheme, codec, passphrase, tell, show=False, any_address=False):
        self.scheme = scheme
        self.codec = codec
        self.tell = tell
        self.show = show
        self.states = {}  # of each e2ee element, the latest and how often all
        self.error = None
        self.crypts = {}  # "sent-video" and so on: the elements
        self.lock = threading.Lock()
        self.provider = make_provider(scheme, passphrase)
        self.pipeline = Gst.Pipeline()
        addresses = None if any_address else (LOOPBACK, *own_addresses())
        self.leg = Leg("browser", addresses=addresses)
        self.pipeline.add(self.leg.element)
        self.leg.connect("pad-added", self.on_pad)
        self.leg.connect("notify::connection-state", self.on_connection)
        bus = self.pipeline.get_bus()
        bus.add_signal_watch()
        self.bus_handler = bus.connect("message", self.on_message)
        self.send("video", self.picture(), VIDEO[codec])
        self.send("audio", TONE, OPUS)

    @staticmethod
    def picture():
        """With a clock in it where the element for that is installed."""
        return f"{PICTURE} ! {CLOCK}" if Gst.ElementFactory.find("timeoverlay") else PICTURE

    def add(self, text):
        """A bin from a gst-launch line, its outer pads named sink and src."""
        part = Gst.parse_bin_from_description(text, True)
        self.pipeline.add(part)
        return part

    def protect(self, part, name):
        element = part.get_by_name(name)
        element.set_property("scheme", self.scheme)
        element.set_property("key-provider", self.provider)
        with self.lock:
            self.crypts[name] = element

    # ---- sending --------------------------------------------------------------------------------

    def send(self, media, source, how):
        encoder, _decoder, name, payload_type = how
        ssrc = random.getrandbits(32)
        caps = rtp_caps(media, name, payload_type)
        part = self.add(
            f"{source} ! {encoder} ! e2eeencrypt name=sent-{media} ! "
            f"rtpe2eepay pt={payload_type} ssrc={ssrc} ! {caps} ! queue"
        )
        self.protect(part, f"sent-{media}")
        pad = self.leg.element.request_pad_simple("sink_%u")
        link(part.get_static_pad("src"), pad)
        transceiver = pad.get_property("transceiver")
        transceiver.set_property("direction", GstWebRTC.WebRTCRTPTransceiverDirection.SENDRECV)
        # The offer is made before media flows.
        preferred = Gst.Caps.from_string(f"{caps},ssrc=(uint){ssrc}")
        transceiver.set_property("codec-preferences", preferred)
        transceiver.set_property("do-nack", media == "video")

    # ---- receiving ------------------------------------------------------------------------------

    def on_pad(self, _element, pad):
        if pad.get_direction() != Gst.PadDirection.SRC:
            return
        try:
            self.receive(pad)
        except (CallError, GLib.Error) as error:
            self.fail(str(error))

    def receive(self, pad):
        media = fields_of(pad.get_current_caps()).get_value("media")
        decoder = (VIDEO[self.codec] if media == "video" else OPUS)[1]
        ask = "request-keyframe=true" if media == "video" else ""
        part = self.add(
            f"rtpe2eedepay {ask} ! e2eedecrypt name=received-{media} ! "
            f"{decoder} ! {self.sink(media)}"
        )
        self.protect(part, f"received-{media}")
        part.sync_state_with_parent()
        link(pad, part.get_static_pad("sink"))

    def sink(self, media):
        if not self.show:
            return "fakesink sync=false async=false"
        if media == "video":
            return "queue ! videoconvert ! autovideosink"
        return "queue ! audioconvert ! audioresample ! autoaudiosink"

    # ---- what happens ---------------------------------------------------------------------------

    def on_message(self, _bus, message):
        if message.type == Gst.MessageType.ERROR:
            self.fail(f"{message.src.get_name()}: {message.parse_error()[0].message}")
        elif message.type == Gst.MessageType.LATENCY:
            self.pipeline.recalculate_latency()
        elif message.type == Gst.MessageType.ELEMENT:
            structure = message.get_structure()
            if structure.get_name() == "GstE2EEState":
                self.on_state(message.src.get_name(), structure)

    def on_state(self, what, structure):
        state = structure.get_value("state")
        with self.lock:
            entry = self.states.setdefault(what, {"state": None, "counts": {}})
            changed = entry["state"] != state
            entry["state"] = state
            counts = entry["counts"]
            counts[state] = counts.get(state, 0) + structure.get_value("count")
        if changed:
            self.tell(f"{what}: {state}")

    def on_connection(self, element, _spec):
        state = element.get_property("connection-state").value_nick
        GLib.idle_add(self.tell, f"connection: {state}")

    def fail(self, why):
        self.error = self.error or why
        GLib.idle_add(self.tell, f"error: {why}")

    # ---- for the server -------------------------------------------------------------------------

    def offer(self):
        if self.pipeline.set_state(Gst.State.PLAYING) == Gst.StateChangeReturn.FAILURE:
            message = self.pipeline.get_bus().pop_filtered(Gst.MessageType.ERROR)
            raise CallError(message.parse_error()[0].message if message else "does not start")
        return self.leg.make("offer")

    def take_answer(self, sdp):
        self.leg.take("answer", sdp)

    def fingerprint(self):
        with self.lock:
            elements = list(self.crypts.values())
        found = (element.get_property("stats").get_value("key-fingerprint") for element in elements)
        return next((text for text in found if text), None)

    def report(self):
        with self.lock:
            elements = dict(self.crypts)
            states = {what: dict(entry) for what, entry in self.states.items()}
        return {
            "connection": self.leg.state(),
            "fingerprint": self.fingerprint(),
            "streams": {what: stats_of(element) for what, element in elements.items()},
            "states": states,
            "error": self.error,
        }

    def stop(self):
        bus = self.pipeline.get_bus()
        bus.disconnect(self.bus_handler)
        bus.remove_signal_watch()
        self.pipeline.set_state(Gst.State.NULL)
        self.leg.close()
