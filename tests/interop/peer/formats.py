# SPDX-License-Identifier: LGPL-2.1-or-later
"""How each codec is made, sent, received and decoded."""

from dataclasses import dataclass

from gi.repository import Gst

VIDEO_BITS = 600000


@dataclass(frozen=True)
class Codec:
    media: str
    rtp: str  # encoding name
    payload_type: int
    clock_rate: int
    encoder: str
    payloader: str
    depayloader: str
    decoder: str
    frame_caps: str = None  # between encoder and encryptor
    sdp_extra: str = ""

    def rtp_caps(self):
        return (
            f"application/x-rtp,media={self.media},encoding-name={self.rtp},"
            f"clock-rate={self.clock_rate},payload={self.payload_type}"
        )


VPX = f"deadline=1 cpu-used=8 lag-in-frames=0 threads=1 end-usage=cbr target-bitrate={VIDEO_BITS}"

CODECS = {
    "vp8": Codec(
        "video", "VP8", 96, 90000,
        f"vp8enc {VPX} keyframe-max-dist={{key_every}}",
        "rtpvp8pay picture-id-mode=15-bit", "rtpvp8depay", "vp8dec",
    ),
    # vp9enc 1.22 ignores most requests for a key frame.
    "vp9": Codec(
        "video", "VP9", 101, 90000,
        f"vp9enc {VPX} keyframe-max-dist=15",
        "rtpvp9pay picture-id-mode=15-bit", "rtpvp9depay", "vp9dec",
    ),
    "h264": Codec(
        "video", "H264", 107, 90000,
        f"openh264enc bitrate={VIDEO_BITS} gop-size={{key_every}} complexity=low rate-control=bitrate",
        "rtph264pay aggregate-mode=zero-latency", "rtph264depay", "openh264dec",
        frame_caps="video/x-h264,profile=constrained-baseline,alignment=au",
        sdp_extra=",packetization-mode=(string)1,profile-level-id=(string)42e01f",
    ),
    "opus": Codec(
        "audio", "OPUS", 111, 48000,
        "opusenc frame-size=20 bitrate=48000",
        "rtpopuspay", "rtpopusdepay", "opusdec",
        sdp_extra=",encoding-params=(string)2",
    ),
    # As browsers send it, inside the encryption; nobody here sends it.
    "red": Codec("audio", "RED", 63, 48000, None, None, "rtpe2eedepay", "e2eereddec ! opusdec"),
}  # fmt: skip

# Where the stock payloader cannot read the encrypted frame, or it is SFrame; elsewhere the stock
# ones have to do.
NEEDS_OURS = {("livekit", "vp9"), ("sframe", "vp8"), ("sframe", "vp9"), ("sframe", "opus")}


def has(factory):
    return Gst.ElementFactory.find(factory) is not None


def payloader(scheme, codec):
    entry = CODECS[codec]
    name = "rtpe2eepay" if (scheme, codec) in NEEDS_OURS else entry.payloader
    return f"{name} name=pay pt={entry.payload_type}"


def depayloader(scheme, codec, from_sfu):
    # What the stock ones ask for after a lost packet (FIR) does not reach a publisher through Janus.
    wanted = (scheme, codec) in NEEDS_OURS or (from_sfu and scheme and codec != "h264")
    ours = wanted and has("rtpe2eedepay")
    name = "rtpe2eedepay" if ours else CODECS[codec].depayloader
    return name if CODECS[codec].media == "audio" else f"{name} request-keyframe=true"


def merger(codec):
    """Joins the layers of a decrypted picture; without layers nothing happens in it."""
    return "e2eevp9merge ! " if codec == "vp9" and has("e2eevp9merge") else ""


def decoding(codec, sink):
    """From encoded frames to an appsink of that name."""
    entry = CODECS[codec]
    parse = "h264parse ! " if codec == "h264" else ""
    if entry.media == "audio":
        look = "audioconvert ! audioresample ! audio/x-raw,format=S16LE,channels=1,rate=8000"
    else:
        look = "videoconvert ! videoscale ! video/x-raw,format=RGB,width=16,height=12"
    show = f"appsink name={sink} sync=false async=false"
    return f"{parse}{entry.decoder} name=decoder ! {look} ! {show}"
