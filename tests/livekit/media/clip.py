# SPDX-License-Identifier: LGPL-2.1-or-later
"""Clips: encoded frames one after the other in FILE, their sizes a line each in FILE.sizes.

For clients without encoder and decoder, which send a clip and write what they received to one.
"""

import hashlib
import re
from pathlib import Path

from content import FRAMES_PER_PHASE, PHASES, RATE, TONE_HZ, Pictures
from gi.repository import Gst

WIDTH, HEIGHT = 320, 192
LENGTH = PHASES * FRAMES_PER_PHASE  # pictures; after that a clip may begin again
SOUNDS = 50  # of 20 ms; a second holds whole periods of the tone

ENCODERS = {
    "h264": f"appsrc name=in format=time caps=video/x-raw,format=RGB,width={WIDTH},height={HEIGHT},"
    f"framerate={RATE}/1 ! videoconvert ! x264enc tune=zerolatency bitrate=500 aud=false "
    f"key-int-max={LENGTH} ! video/x-h264,profile=constrained-baseline,stream-format=byte-stream,"
    "alignment=au",
    "opus": f"audiotestsrc freq={TONE_HZ} samplesperbuffer=960 num-buffers={SOUNDS} ! "
    "audio/x-raw,rate=48000,channels=1 ! opusenc frame-size=20",
}
CAPS = {
    "h264": "video/x-h264,stream-format=byte-stream,alignment=au",
    "opus": "audio/x-opus,rate=48000,channels=1,channel-mapping-family=0",
}


def make(codec, path):
    pipeline = Gst.parse_launch(f"{ENCODERS[codec]} ! appsink name=out sync=false")
    pipeline.set_state(Gst.State.PLAYING)
    if codec == "h264":
        source, pictures = pipeline.get_by_name("in"), Pictures(WIDTH, HEIGHT)
        for number in range(LENGTH):
            buffer = Gst.Buffer.new_wrapped(pictures.at(number))
            buffer.pts = number * Gst.SECOND // RATE
            source.emit("push-buffer", buffer)
        source.emit("end-of-stream")
    frames = []
    while sample := pipeline.get_by_name("out").emit("try-pull-sample", 10 * Gst.SECOND):
        buffer = sample.get_buffer()
        frames.append(buffer.extract_dup(0, buffer.get_size()))
    pipeline.set_state(Gst.State.NULL)
    # Opus ends with what is left of the encoder's delay.
    write(path, frames[:SOUNDS] if codec == "opus" else frames)


def write(path, frames):
    Path(path).write_bytes(b"".join(frames))
    Path(f"{path}.sizes").write_text("".join(f"{len(frame)}\n" for frame in frames))


def read(path):
    """Its frames. One that is still being written is read as far as it goes."""
    data, at, frames = Path(path).read_bytes(), 0, []
    for line in Path(f"{path}.sizes").read_text().splitlines():
        end = at + int(line)
        if end > len(data):
            break
        frames.append(data[at:end])
        at = end
    return frames


def slices(frame):
    """What of a picture of H.264 is encrypted: repacking may change what is in front."""
    units = re.split(b"\0\0\1", frame)[1:]
    return b"".join(unit.rstrip(b"\0") for unit in units if unit and unit[0] & 31 in (1, 5))


def foreign(codec, received, sent):
    """How many of the received frames are none of those that were sent."""
    same = slices if codec == "h264" else bytes
    known = {hashlib.sha256(same(frame)).digest() for frame in sent}
    return sum(hashlib.sha256(same(frame)).digest() not in known for frame in received)
