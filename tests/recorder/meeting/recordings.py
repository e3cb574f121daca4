# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reads recordings the way players do, and compares them with what was sent."""

import hashlib
import re
from dataclasses import dataclass, field

import gi

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402

from process import MeetingError  # noqa: E402

Gst.init(None)
READ_SECONDS = 60


@dataclass
class Frame:
    pts: int
    sha256: str
    size: int
    key: bool


@dataclass
class Track:
    caps: str
    frames: list = field(default_factory=list)


def slices(data, caps):
    """Of a picture of H.264, as in the publishers' manifests."""
    if "stream-format=(string)byte-stream" in caps:
        units = re.split(b"\0\0\1", data)[1:]
    else:
        units, at = [], 0
        while at < len(data):
            end = at + 4 + int.from_bytes(data[at : at + 4], "big")
            units.append(data[at + 4 : end])
            at = end
    kept = [unit.rstrip(b"\0") for unit in units if unit and unit[0] & 31 in (1, 5)]
    if not kept:
        raise MeetingError("a picture of H.264 without a slice")
    return b"".join(b"\0\0\1" + unit for unit in kept)


def pull_all(sink, track):
    while True:
        sample = sink.emit("try-pull-sample", 20 * Gst.MSECOND)
        if sample is None:
            return
        buffer = sample.get_buffer()
        data = buffer.extract_dup(0, buffer.get_size())
        delta = buffer.has_flags(Gst.BufferFlags.DELTA_UNIT)
        track.caps = sample.get_caps().to_string()
        same = slices(data, track.caps) if track.caps.startswith("video/x-h264") else data
        track.frames.append(
            Frame(buffer.pts, hashlib.sha256(same).hexdigest(), len(data), not delta)
        )


def read(path):
    """Its tracks by medium. Unfinished files are read as far as they go."""
    pipeline = Gst.parse_launch("filesrc name=in ! matroskademux name=demux")
    pipeline.get_by_name("in").set_property("location", path)
    found = []

    def on_pad(_demuxer, pad):
        caps = pad.get_current_caps() or pad.query_caps(None)
        media = caps.to_string().split("/")[0]
        sink = Gst.ElementFactory.make("appsink")
        sink.set_property("sync", False)
        sink.set_property("async", False)
        sink.set_property("wait-on-eos", False)
        pipeline.add(sink)
        sink.sync_state_with_parent()
        pad.link(sink.get_static_pad("sink"))
        found.append((media, sink, Track(caps.to_string())))

    pipeline.get_by_name("demux").connect("pad-added", on_pad)
    pipeline.set_state(Gst.State.PLAYING)
    bus = pipeline.get_bus()
    try:
        message = bus.timed_pop_filtered(
            READ_SECONDS * Gst.SECOND, Gst.MessageType.ERROR | Gst.MessageType.EOS
        )
        for _media, sink, track in found:
            pull_all(sink, track)
        if message is None:
            raise MeetingError(f"{path} is not read to its end")
        if message.type == Gst.MessageType.ERROR:
            raise MeetingError(f"{path} cannot be read: {message.parse_error()[0].message}")
    finally:
        pipeline.set_state(Gst.State.NULL)
    tracks = {}
    for media, _sink, track in found:
        if media in tracks:
            raise MeetingError(f"{path} has more than one track of {media}")
        tracks[media] = track
    return tracks


def decode(path, media, sink_line, decoder):
    """Decodes a track; answers the bytes of each picture or piece of sound."""
    pipeline = Gst.parse_launch(
        f"filesrc name=in ! matroskademux name=demux "
        f"demux.{media}_0 ! queue ! {decoder} ! {sink_line} ! appsink name=out sync=false"
    )
    pipeline.get_by_name("in").set_property("location", path)
    sink = pipeline.get_by_name("out")
    pipeline.set_state(Gst.State.PLAYING)
    pieces = []
    try:
        while True:
            sample = sink.emit("try-pull-sample", 10 * Gst.SECOND)
            if sample is None:
                break
            buffer = sample.get_buffer()
            pieces.append(buffer.extract_dup(0, buffer.get_size()))
        message = pipeline.get_bus().pop_filtered(Gst.MessageType.ERROR)
        if message is not None:
            raise MeetingError(f"{path} does not decode: {message.parse_error()[0].message}")
    finally:
        pipeline.set_state(Gst.State.NULL)
    return pieces


@dataclass
class Match:
    """Of recorded frames with those that were sent."""

    frames: int = 0
    first: int = -1  # numbers of frames sent
    last: int = -1
    missing: int = 0  # between the first and the last
    unknown: int = 0  # that were never sent
    backwards: int = 0
    gaps: list = field(default_factory=list)

    @property
    def whole(self):
        return self.frames > 0 and not (self.missing or self.unknown or self.backwards)

    def __str__(self):
        text = f"{self.frames} frames, sent as {self.first} to {self.last}"
        for name in ("missing", "unknown", "backwards"):
            if getattr(self, name):
                text += f", {getattr(self, name)} {name}"
        return text + (f" after {self.gaps[:5]}" if self.gaps else "")


def compare(frames, manifest, which="plain"):
    """`which`: plain or cipher.

    Frames of a clip that is sent in a loop may be alike: of the places where a recording can begin
    it is the one that explains it best.
    """
    numbers = {}
    for entry in manifest:
        if entry["cipher"]:
            numbers.setdefault(entry[which], []).append(entry["n"])
    first = next((frame for frame in frames if frame.sha256 in numbers), None)
    starts = numbers[first.sha256] if first else [0]
    matches = [compare_from(frames, numbers, start) for start in starts]
    return min(matches, key=lambda match: (match.backwards, match.missing))


def compare_from(frames, numbers, start):
    match = Match(last=start - 1)
    for frame in frames:
        candidates = numbers.get(frame.sha256)
        if not candidates:
            match.unknown += 1
            continue
        number = next((n for n in candidates if n > match.last), None)
        if number is None:
            match.backwards += 1
            continue
        if match.frames == 0:
            match.first = number
        elif number > match.last + 1:
            match.missing += number - match.last - 1
            match.gaps.append(match.last)
        match.frames += 1
        match.last = number
    return match


def stray(frames, manifest, which="plain"):
    """How far recorded times stray from those of sending, at most, in nanoseconds.

    The offset is that of most frames.
    """
    sent = {entry[which]: entry["pts"] for entry in manifest}
    offsets = sorted(frame.pts - sent[frame.sha256] for frame in frames if frame.sha256 in sent)
    if not offsets:
        raise MeetingError("none of these frames was sent")
    middle = offsets[len(offsets) // 2]
    return max(middle - offsets[0], offsets[-1] - middle)
