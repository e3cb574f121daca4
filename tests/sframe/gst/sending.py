# SPDX-License-Identifier: LGPL-2.1-or-later
"""What leaves GStreamer: pictures or a tone, live, or encoded beforehand for the peer to send."""

import base64
import random
import threading

import gi

gi.require_version("GstApp", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import Gst, GstWebRTC  # noqa: E402

from calls import Call, data_of, make_provider, watch_frames  # noqa: E402
from content import FRAMES_PER_PHASE, RATE, TONE_HZ, Pictures  # noqa: E402
from formats import CODECS  # noqa: E402
from frames import hash_of, payload_of  # noqa: E402
from rtc import CallError, Leg, link  # noqa: E402

SIZE = (192, 128)
PERIOD = Gst.SECOND // RATE
ENCODE_SECONDS = 10
MARKER = 0x80
PICTURES = Pictures(*SIZE)


def picture_source(options):
    return (
        f"appsrc name=pictures format=time {options} "
        f"caps=video/x-raw,format=RGB,width={SIZE[0]},height={SIZE[1]},framerate={RATE}/1 ! "
        "videoconvert ! video/x-raw,format=I420"
    )


def tone_source(options):
    return (
        f"audiotestsrc freq={TONE_HZ} samplesperbuffer=960 {options} ! "
        "audio/x-raw,rate=48000,channels=2"
    )


def encode(codec, count, mtu=None):
    """Of that many pictures the frames, or with an MTU the RTP packets of a stock payloader; and
    which frames are key frames."""
    entry = CODECS[codec]
    is_video = entry.media == "video"
    source = picture_source("") if is_video else tone_source(f"num-buffers={count}")
    pay = f"! {entry.payloader} pt={entry.payload_type} mtu={mtu}" if mtu else ""
    pipeline = Gst.parse_launch(
        f"{source} ! {entry.encoder(FRAMES_PER_PHASE)} ! capsfilter name=frames "
        f"caps={entry.frame_caps} {pay} ! appsink name=out sync=false"
    )
    keys = watch_frames(pipeline.get_by_name("frames").get_static_pad("src"), is_key)
    pipeline.set_state(Gst.State.PLAYING)
    if is_video:
        feed(pipeline.get_by_name("pictures"), count)
    sink = pipeline.get_by_name("out")
    made = []
    while (sample := sink.emit("try-pull-sample", ENCODE_SECONDS * Gst.SECOND)) is not None:
        made.append(data_of(sample.get_buffer()))
    complete = sink.get_property("eos")
    pipeline.set_state(Gst.State.NULL)
    if not complete or not made:
        raise CallError(f"{codec} was not encoded within {ENCODE_SECONDS} s")
    parts = [described(packet) for packet in made] if mtu else [{"data": text_of(f)} for f in made]
    return {"parts": parts, "keys": keys}


def is_key(buffer):
    return not buffer.has_flags(Gst.BufferFlags.DELTA_UNIT)


def feed(source, count):
    for number in range(count):
        buffer = Gst.Buffer.new_wrapped(PICTURES.at(number))
        buffer.pts = buffer.dts = number * PERIOD
        buffer.duration = PERIOD
        source.emit("push-buffer", buffer)
    source.emit("end-of-stream")


def text_of(data):
    return base64.b64encode(data).decode()


def described(packet):
    timestamp = int.from_bytes(packet[4:8], "big")
    marker = bool(packet[1] & MARKER)
    return {"data": text_of(payload_of(packet)), "timestamp": timestamp, "marker": marker}


class Sender(Call):
    def __init__(self, codec, keys, options, per_ssrc, mtu):
        super().__init__(codec)
        self.running = True
        self.ssrc = random.getrandbits(32)
        is_video = self.entry.media == "video"
        live = "is-live=true"
        source = (
            picture_source(f"{live} do-timestamp=true max-buffers=4 leaky-type=downstream")
            if is_video
            else tone_source(live)
        )
        if per_ssrc:
            options += f" sframe-per-ssrc=true sframe-ssrc={self.ssrc}"
        head = self.head = self.add(
            f"{source} ! valve name=gate drop=true ! {self.entry.encoder()} ! {self.entry.frame_caps} ! "
            f"e2eeencrypt name=crypt scheme=sframe {options} ! "
            f"rtpe2eepay name=pay payload-format=sframe pt={self.entry.payload_type} mtu={mtu} "
            f"ssrc={self.ssrc} ! {self.entry.rtp_caps()} ! queue leaky=downstream name=out"
        )
        self.crypt = head.get_by_name("crypt")
        self.provider = make_provider(keys)
        self.crypt.set_property("key-provider", self.provider)
        self.passed = watch_frames(
            self.crypt.get_static_pad("sink"), lambda buffer: hash_of(codec, data_of(buffer))
        )
        self.add_leg()
        self.source = head.get_by_name("pictures")

    def add_leg(self):
        leg = self.leg = Leg("sender")
        self.pipeline.add(leg.element)
        sink = leg.element.request_pad_simple("sink_%u")
        transceiver = sink.get_property("transceiver")
        transceiver.set_property("direction", GstWebRTC.WebRTCRTPTransceiverDirection.SENDONLY)
        # The offer is made before the first packet.
        caps = f'{self.entry.rtp_caps()}{self.entry.sdp_extra},a-sframe=(string)""'
        transceiver.set_property(
            "codec-preferences", Gst.Caps.from_string(f"{caps},ssrc=(uint){self.ssrc}")
        )
        link(self.head.get_static_pad("src"), sink)

    def play(self):
        super().play()
        if self.source:
            threading.Thread(target=self.push_pictures, daemon=True).start()

    def start(self):
        """Nothing is encoded before: what waits for a connection would be lost on the way."""
        self.head.get_by_name("gate").set_property("drop", False)

    def push_pictures(self):
        number = 0
        pause = threading.Event()
        while self.running:
            self.source.emit("push-buffer", Gst.Buffer.new_wrapped(PICTURES.at(number)))
            number += 1
            pause.wait(1 / RATE)

    def stop(self):
        self.running = False
        super().stop()

    def report(self):
        return {**super().report(), "ssrc": self.ssrc, "passed": self.passed}
