# SPDX-License-Identifier: LGPL-2.1-or-later
"""How each codec is made, packed, unpacked and decoded."""

from dataclasses import dataclass

VIDEO_KBITS = 200
FAR = 300  # frames from one key frame to the next, unless one is asked for


@dataclass(frozen=True)
class Codec:
    media: str
    rtp: str  # encoding name
    payload_type: int  # as in tests/sframe/peer/codecs.mjs
    clock_rate: int
    encoder_line: str  # with %d for the frames from one key frame to the next
    frame_caps: str  # in front of the encryptor
    payloader: str  # stock, where there is one
    depayloader: str
    decoder: str
    sdp_extra: str = ""

    def encoder(self, distance=FAR):
        return self.encoder_line.replace("%d", str(distance))

    def rtp_caps(self):
        return (
            f"application/x-rtp,media={self.media},encoding-name={self.rtp},"
            f"clock-rate={self.clock_rate},payload={self.payload_type}"
        )


VPX = (
    f"deadline=1 cpu-used=8 lag-in-frames=0 threads=1 end-usage=cbr target-bitrate={VIDEO_KBITS}000"
)
X26X = f"tune=zerolatency speed-preset=ultrafast bitrate={VIDEO_KBITS} key-int-max=%d"
BYTE_STREAM = "stream-format=byte-stream,alignment=au"

CODECS = {
    "vp8": Codec(
        "video", "VP8", 96, 90000,
        f"vp8enc {VPX} keyframe-max-dist=%d", "video/x-vp8",
        "rtpvp8pay picture-id-mode=15-bit", "rtpvp8depay", "vp8dec",
    ),
    # vp9enc 1.22 ignores most requests for a key frame.
    "vp9": Codec(
        "video", "VP9", 101, 90000,
        f"vp9enc {VPX} keyframe-max-dist=15", "video/x-vp9",
        "rtpvp9pay", "rtpvp9depay", "vp9dec",
    ),
    "h264": Codec(
        "video", "H264", 107, 90000,
        f"x264enc {X26X} threads=1", f"video/x-h264,profile=baseline,{BYTE_STREAM}",
        "rtph264pay aggregate-mode=zero-latency", "rtph264depay", "h264parse ! openh264dec",
    ),
    "h265": Codec(
        "video", "H265", 108, 90000,
        f"x265enc {X26X} option-string=pools=1:frame-threads=1", f"video/x-h265,{BYTE_STREAM}",
        "rtph265pay", "rtph265depay", "h265parse ! libde265dec",
    ),
    # With a constant bit rate libaom of Debian 12 ends the process by an assertion.
    "av1": Codec(
        "video", "AV1", 109, 90000,
        "av1enc usage-profile=realtime cpu-used=8 lag-in-frames=0 threads=1 "
        f"target-bitrate={VIDEO_KBITS} keyframe-max-dist=%d ! av1parse",
        "video/x-av1,stream-format=obu-stream,alignment=tu",
        None, None, "av1parse ! av1dec",
    ),
    "opus": Codec(
        "audio", "OPUS", 111, 48000,
        "opusenc frame-size=20 bitrate=48000", "audio/x-opus",
        "rtpopuspay", "rtpopusdepay", "opusdec",
        sdp_extra=",encoding-params=(string)2",
    ),
}  # fmt: skip


def looking(codec, sink):
    """From encoded frames to small pictures or slow sound in an appsink of that name."""
    entry = CODECS[codec]
    if entry.media == "audio":
        look = "audioconvert ! audioresample ! audio/x-raw,format=S16LE,channels=1,rate=8000"
    else:
        look = "videoconvert ! videoscale ! video/x-raw,format=RGB,width=16,height=12"
    return f"{entry.decoder} ! {look} ! appsink name={sink} sync=false async=false"
