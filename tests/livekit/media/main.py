#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes clips, and looks for the picture and the tone in recordings and clips, by lines of JSON."""

import json
import sys
from pathlib import Path

import gi

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402

Gst.init(None)
TESTS = Path(__file__).resolve().parents[2]
sys.path += [str(TESTS / "interop/peer"), str(TESTS / "recorder/meeting")]

import clip  # noqa: E402
import recordings  # noqa: E402
from content import TONES_IN_A_ROW, Seen, phase_of_picture, phase_of_sound  # noqa: E402
from formats import CODECS, decoding  # noqa: E402
from lines import serve  # noqa: E402

STRIDE = 48  # of a probe
PATIENCE = 5 * Gst.SECOND  # for the next decoded frame


def count(line, codec, feed):
    """What a pipeline decodes up to its end, or to where a file that grows ends."""
    is_sound = CODECS[codec].media == "audio"
    seen = Seen(TONES_IN_A_ROW if is_sound else 1)
    size = {}
    pipeline = Gst.parse_launch(f"{line} ! {decoding(codec, 'out')}")
    decoder, sink = pipeline.get_by_name("decoder"), pipeline.get_by_name("out")
    feed(pipeline.get_by_name("in"))
    pipeline.set_state(Gst.State.PLAYING)
    while sample := sink.emit("try-pull-sample", PATIENCE):
        buffer = sample.get_buffer()
        data = buffer.extract_dup(0, buffer.get_size())
        seen.add(phase_of_sound(data) if is_sound else phase_of_picture(data, STRIDE))
        caps = decoder.get_static_pad("src").get_current_caps()
        if not is_sound:
            size = {name: caps.get_structure(0).get_value(name) for name in ("width", "height")}
        if pipeline.get_bus().pop_filtered(Gst.MessageType.ERROR):
            break
    pipeline.set_state(Gst.State.NULL)
    return {**seen.report(), **size}


def frames_of(codec, path):
    """Of a recording, encoded as they are."""
    entry = CODECS[codec]
    parse = f"! h264parse ! {clip.CAPS['h264']}" if codec == "h264" else ""
    pipeline = Gst.parse_launch(
        f"filesrc name=in ! matroskademux name=demux demux.{entry.media}_0 ! queue {parse} "
        "! appsink name=out sync=false async=false"
    )
    pipeline.get_by_name("in").set_property("location", path)
    pipeline.set_state(Gst.State.PLAYING)
    frames = []
    while sample := pipeline.get_by_name("out").emit("try-pull-sample", PATIENCE):
        buffer = sample.get_buffer()
        frames.append(buffer.extract_dup(0, buffer.get_size()))
    pipeline.set_state(Gst.State.NULL)
    return frames


class Media:
    @staticmethod
    def do_clip(codec, path):
        clip.make(codec, path)

    @staticmethod
    def do_look(codec, path):
        """Into a recording."""
        media = CODECS[codec].media
        line = f"filesrc name=in ! matroskademux name=demux demux.{media}_0 ! queue"
        return count(line, codec, lambda source: source.set_property("location", path))

    @staticmethod
    def do_compare(codec, path, sent):
        """A recording with the clip that was sent."""
        return clip.compare(codec, frames_of(codec, path), clip.read(sent))

    @staticmethod
    def do_compare_stay(path, manifest):
        """A recording with what e2ee-test-publisher sent, by medium; `manifest`: begin of its files' names."""
        compared = {}
        for media, track in recordings.read(path).items():
            with open(f"{manifest}.{media}.jsonl", encoding="ascii") as file:
                sent = [json.loads(line) for line in file]
            match = recordings.compare(track.frames, sent)
            compared[media] = {
                "frames": len(track.frames), "missing": match.missing,
                "strange": match.unknown + match.backwards, "text": str(match),
            }  # fmt: skip
        return compared

    @staticmethod
    def do_look_clip(codec, path, sent=None):
        """Into a clip; `foreign` of its frames are not in the clip that was sent."""
        frames = clip.read(path)

        def feed(source):
            for frame in frames:
                source.emit("push-buffer", Gst.Buffer.new_wrapped(frame))
            source.emit("end-of-stream")

        seen = count(f"appsrc name=in format=time caps={clip.CAPS[codec]}", codec, feed)
        if sent is not None:
            seen["foreign"] = clip.foreign(codec, frames, clip.read(sent))
        return seen


if __name__ == "__main__":
    serve(Media())
