# SPDX-License-Identifier: LGPL-2.1-or-later
"""Clips: encoded frames one after the other in FILE, their sizes a line each in FILE.sizes.

For clients without encoder and decoder, which send a clip and write what they received to one. It is
in FILE.mkv, too, for GStreamer to play.
"""

import hashlib
import re
from pathlib import Path

from content import RATE, TONE_HZ, Pictures
from gi.repository import Gst

WIDTH, HEIGHT = 320, 192
SECONDS = 45  # longer than a cell
PICTURES = SECONDS * RATE
KEY_FRAMES = RATE  # whoever sends a clip cannot make one when it is asked for
SOUNDS = SECONDS * 50  # of 20 ms

SOURCE = (
    f"appsrc name=in format=time caps=video/x-raw,format=RGB,width={WIDTH},height={HEIGHT},"
    f"framerate={RATE}/1 ! videoconvert ! video/x-raw,format=I420"
)
VPX = f"deadline=1 cpu-used=8 target-bitrate=400000 keyframe-max-dist={KEY_FRAMES}"
CAPS = {
    "vp8": "video/x-vp8",
    "vp9": "video/x-vp9",
    "h264": "video/x-h264,stream-format=byte-stream,alignment=au",
    "opus": "audio/x-opus,rate=48000,channels=1,channel-mapping-family=0",
}
ENCODERS = {
    "vp8": f"{SOURCE} ! vp8enc {VPX}",
    "vp9": f"{SOURCE} ! vp9enc {VPX}",
    "h264": f"{SOURCE} ! x264enc tune=zerolatency bitrate=400 aud=false key-int-max={KEY_FRAMES} ! "
    f"{CAPS['h264']},profile=constrained-baseline",
    "opus": f"audiotestsrc freq={TONE_HZ} samplesperbuffer=960 num-buffers={SOUNDS} ! "
    "audio/x-raw,rate=48000,channels=1 ! opusenc frame-size=20",
}


def make(codec, path):
    parser = "h264parse !" if codec == "h264" else ""
    pipeline = Gst.parse_launch(
        f"{ENCODERS[codec]} ! tee name=t ! queue max-size-buffers=0 ! appsink name=out sync=false "
        f"t. ! queue ! {parser} matroskamux ! filesink location={path}.mkv"
    )
    pipeline.set_state(Gst.State.PLAYING)
    source = pipeline.get_by_name("in")
    if source is not None:
        push(source)
    frames = []
    while sample := pipeline.get_by_name("out").emit("try-pull-sample", 10 * Gst.SECOND):
        buffer = sample.get_buffer()
        frames.append(buffer.extract_dup(0, buffer.get_size()))
    pipeline.get_bus().timed_pop_filtered(10 * Gst.SECOND, Gst.MessageType.EOS)
    pipeline.set_state(Gst.State.NULL)
    write(path, [with_long_codes(frame) for frame in frames] if codec == "h264" else frames)


def with_long_codes(frame):
    """Start codes are authenticated, and receivers make them of four bytes."""
    units = re.split(b"\0\0\1", frame)[1:]
    return b"".join(b"\0\0\0\1" + unit.rstrip(b"\0") for unit in units)


def push(source):
    pictures = Pictures(WIDTH, HEIGHT)
    source.set_property("block", True)
    for number in range(PICTURES):
        buffer = Gst.Buffer.new_wrapped(pictures.at(number))
        buffer.pts = number * Gst.SECOND // RATE
        buffer.duration = Gst.SECOND // RATE
        source.emit("push-buffer", buffer)
    source.emit("end-of-stream")


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


def compare(codec, received, sent):
    """`missing`: sent between those received, `gaps` says where; `foreign`: not sent, or out of order.

    Frames of a tone come again: of the places where the first one may be, the best counts.
    """
    same = slices if codec == "h264" else bytes
    known = [same(frame) for frame in sent]
    frames = [same(frame) for frame in received]
    places = [at for at, frame in enumerate(known) if frames and frame == frames[0]] or [0]
    found = [compare_from(place, frames, known) for place in places]
    return min(found, key=lambda result: (result["foreign"], result["missing"]))


def compare_from(place, frames, known):
    gaps, strange = [], 0
    for frame in frames:
        try:
            at = known.index(frame, place)
        except ValueError:
            strange += 1
            continue
        if at > place and frame is not frames[0]:
            gaps.append((place, at - place))
        place = at + 1
    missing = sum(count for _, count in gaps)
    return {"frames": len(frames), "missing": missing, "gaps": gaps, "foreign": strange}


def foreign(codec, received, sent):
    """How many of the received frames are none of those that were sent."""
    same = slices if codec == "h264" else bytes
    known = {hashlib.sha256(same(frame)).digest() for frame in sent}
    return sum(hashlib.sha256(same(frame)).digest() not in known for frame in received)
