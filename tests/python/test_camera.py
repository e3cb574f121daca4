#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""examples/camera: one encoder, viewers with keys and suites of their own, keys replaced on the way."""

import json
import os
import subprocess
import tempfile
import threading
import unittest
from pathlib import Path

from test_programs import CAMERA
from sender import PATIENCE, End, link, until  # before what it asks versions of, and finds
from gi.repository import GLib, Gst, GstE2EE, GstWebRTC

FRAMES = 20
SOUNDS = 40
DECODERS = {"h264": "h264parse ! openh264dec", "h265": "h265parse ! libde265dec"}
RTP = {
    "h264": "media=video,encoding-name=H264,clock-rate=90000,payload=99",
    "h265": "media=video,encoding-name=H265,clock-rate=90000,payload=99",
    "opus": "media=audio,encoding-name=OPUS,clock-rate=48000,payload=110",
}


class Camera:
    """The program, and what it said of each viewer."""

    def __init__(self, test, *options):
        self.test = test
        self.process = subprocess.Popen(
            [str(CAMERA), "--loopback", *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        test.addCleanup(self.process.wait)
        test.addCleanup(self.process.kill)
        self.told = []
        self.on_event = {}
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            event = json.loads(line)
            self.told.append(event)
            self.on_event.get(event.get("viewer"), lambda _event: None)(event)

    def ask(self, op, viewer, **fields):
        self.process.stdin.write(json.dumps({"op": op, "viewer": viewer, **fields}) + "\n")
        self.process.stdin.flush()

    def events(self, viewer, kind):
        return [event for event in list(self.told) if (event["viewer"], event["event"]) == (viewer, kind)]

    def next(self, viewer, kind, after=0):
        """The event of that kind which comes after so many of them."""

        def told():
            ended = self.process.poll() is not None and not self.reader.is_alive()
            return ended or len(self.events(viewer, kind)) > after

        until(self.test, f"{kind} of {viewer}, not {self.told[-1:]}", told)
        events = self.events(viewer, kind)
        self.test.assertGreater(len(events), after, f"the camera ended: {self.told[-1:]}")
        return events[after]

    def asked(self, op, viewer, kind, **fields):
        """What is said of this."""
        before = len(self.events(viewer, kind))
        self.ask(op, viewer, **fields)
        return self.next(viewer, kind, before)

    def end(self):
        self.process.stdin.close()
        return self.process.wait(PATIENCE)


class Stream:
    """What came of one medium: with the viewer's keys, and with others."""

    def __init__(self, viewer, pad, codec):
        suite = viewer.settings["audio-suite" if codec == "opus" else "video-suite"]
        options = (
            f"scheme=sframe sframe-suite={suite} sframe-per-ssrc=true "
            f"sframe-ratchet-bits={viewer.settings['ratchet-bits']} nal-format={viewer.settings['nal-format']}"
        )
        self.part = Gst.parse_bin_from_description(
            "rtpe2eedepay payload-format=sframe request-keyframe=true ! tee name=all "
            f"all. ! queue ! e2eedecrypt name=right {options} ! {DECODERS.get(codec, 'opusdec')} ! "
            "fakesink name=seen sync=false async=false "
            f"all. ! queue ! e2eedecrypt name=wrong {options} ! fakesink sync=false async=false",
            True,
        )
        for name, keys in (("right", viewer.keys), ("wrong", viewer.others)):
            self.part.get_by_name(name).set_property("key-provider", keys)
        viewer.pipeline.add(self.part)
        self.part.sync_state_with_parent()
        link(pad, self.part.get_static_pad("sink"))

    def stat(self, which, name):
        found, value = self.part.get_by_name(which).get_property("stats").get_uint64(name)
        return value if found else 0

    def seen(self):
        return self.part.get_by_name("seen").get_property("stats").get_value("rendered")


class Viewer(End):
    """A viewer of the camera, on the other side of webrtcbin."""

    def __init__(self, test, camera, name, folder, **settings):
        super().__init__(test, name)
        self.test, self.camera, self.name, self.folder = test, camera, name, folder
        self.settings = {"video-suite": 6, "audio-suite": 8, "ratchet-bits": 8, "nal-format": "length4", **settings}
        self.keys, self.others = (GstE2EE.SharedKeyProvider(ratchet_window=8) for _ in range(2))
        self.streams = {}
        self.key_files = []
        self.leg.connect("pad-added", self.on_pad)
        for codec in (camera.codec, "opus"):
            caps = Gst.Caps.from_string(f'application/x-rtp,{RTP[codec]},a-sframe=(string)""')
            receive = GstWebRTC.WebRTCRTPTransceiverDirection.RECVONLY
            self.leg.element.emit("add-transceiver", receive, caps)
        self.pipeline.set_state(Gst.State.PLAYING)
        camera.on_event[name] = self.on_event

    def on_event(self, event):
        if event["event"] == "candidate":
            self.leg.element.emit("add-ice-candidate", event["mline"], event["candidate"])

    def on_pad(self, _element, pad):
        if pad.get_direction() == Gst.PadDirection.SRC:
            caps = pad.get_current_caps().to_string()
            codec = "opus" if "(string)audio" in caps else self.camera.codec
            self.streams[codec] = Stream(self, pad, codec)

    def key_file(self):
        self.key_files.append(self.folder / f"{self.name}-{len(self.key_files)}")
        return str(self.key_files[-1])

    def take_key(self, kid):
        """That of the newest file, as whoever controls the camera would have told it."""
        mode = os.stat(self.key_files[-1]).st_mode & 0o777
        self.test.assertEqual(mode, 0o600)
        key = self.key_files[-1].read_bytes()
        self.test.assertEqual(len(key), 32)
        index = int(kid) >> self.settings["ratchet-bits"]
        self.keys.set_key(GLib.Bytes.new(key), index)
        self.others.set_key(GLib.Bytes.new(bytes(reversed(key))), index)

    def join(self, change_answer=lambda sdp: sdp):
        opened = self.camera.asked("open", self.name, "opened", **self.settings, **{"key-file": self.key_file()})
        self.take_key(opened["kid"])
        self.leg.take("offer", self.camera.next(self.name, "offer")["sdp"])
        self.camera.ask("answer", self.name, sdp=change_answer(self.leg.make("answer")))
        return opened

    def sees(self, what):
        """More pictures and sounds than now, decoded."""
        wanted = {codec: (FRAMES, SOUNDS)[codec == "opus"] for codec in (self.camera.codec, "opus")}
        wanted = {codec: more + self.count(codec) for codec, more in wanted.items()}
        until(
            self.test,
            f"{self.name}, {what}: {wanted}",
            lambda: all(self.count(codec) >= count for codec, count in wanted.items()),
        )

    def count(self, codec):
        return self.streams[codec].seen() if codec in self.streams else 0

    def generation(self):
        return min(stream.stat("right", "generation") for stream in self.streams.values())


class Cameras(unittest.TestCase):
    def setUp(self):
        if not CAMERA.exists():
            self.skipTest("e2ee-camera is not built")
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def camera(self, codec="h264", *options):
        camera = Camera(self, "--codec", codec, *options)
        camera.codec = codec
        return camera

    def wrong_keys_saw_nothing(self, *viewers):
        for viewer in viewers:
            for codec, stream in viewer.streams.items():
                with self.subTest(viewer.name, codec=codec):
                    self.assertGreater(stream.stat("wrong", "frames-in"), FRAMES)
                    self.assertEqual(stream.stat("wrong", "frames-out"), 0)
                    self.assertEqual(stream.stat("right", "dropped-auth"), 0)

    def test_viewers_with_suites_and_keys_of_their_own(self):
        camera = self.camera()
        hall = Viewer(self, camera, "hall", self.folder)
        garden = Viewer(
            self, camera, "garden", self.folder,
            **{"video-suite": 4, "audio-suite": 3, "ratchet-bits": 4, "nal-format": "byte-stream"},
        )  # fmt: skip
        self.assertEqual(hall.join()["kid"], 0x100)
        self.assertEqual(garden.join()["kid"], 0x10)
        for viewer in (hall, garden):
            viewer.sees("at first")
        self.assertNotEqual(*(viewer.key_files[0].read_bytes() for viewer in (hall, garden)))

        updated = camera.asked("update", "hall", "updated", **{"key-file": hall.key_file()})
        self.assertEqual(updated["kid"], 0x200)
        hall.sees("with a new key that is not in use")
        hall.take_key(updated["kid"])
        self.assertEqual(camera.asked("use", "hall", "used")["kid"], 0x200)
        until(self, "the new key", lambda: hall.streams["h264"].stat("right", "key-id") == 2)
        hall.sees("with the new key")
        self.assertEqual(camera.asked("ratchet", "hall", "ratcheted")["kid"], 0x201)
        until(self, "the ratchet", lambda: hall.generation() == 1)
        hall.sees("after the ratchet")
        garden.sees("meanwhile")
        self.assertEqual(garden.streams["h264"].stat("right", "key-id"), 1)
        self.wrong_keys_saw_nothing(hall, garden)

        stats = camera.asked("stats", "hall", "stats")
        video = stats["streams"][0]
        self.assertEqual((video["media"], video["key-id"], video["generation"]), ("video", 2, 1))
        for name in ("hall", "garden"):
            stats = camera.asked("stats", name, "stats")
            sent = stats["streams"][0]["frames-out"]
            self.assertTrue(FRAMES < sent <= stats["encoded"], "each has frames of one encoder")

        self.assertEqual(camera.asked("close", "garden", "closed")["why"], "asked for")
        hall.sees("after the other one left")
        self.assertEqual(camera.end(), 0)

    def test_h265(self):
        camera = self.camera("h265")
        viewer = Viewer(self, camera, "hall", self.folder)
        viewer.join()
        viewer.sees("at first")
        self.wrong_keys_saw_nothing(viewer)

    def test_sessions_share_no_key(self):
        camera = self.camera()
        keys = set()
        for number in range(3):
            name = f"viewer-{number % 2}"
            file = self.folder / f"key-{number}"
            opened = camera.asked("open", name, "opened", **{"key-file": str(file)})
            self.assertEqual(opened["kid"], 0x100)
            keys.add(file.read_bytes())
            camera.asked("close", name, "closed")
        self.assertEqual(len(keys), 3)

    def test_an_answer_without_sframe_ends_the_session(self):
        camera = self.camera()
        viewer = Viewer(self, camera, "hall", self.folder)
        viewer.join(lambda sdp: sdp.replace("a=sframe\r\n", ""))
        self.assertIn("a=sframe", camera.next("hall", "closed")["why"])
        self.assertEqual(viewer.streams, {})

    def test_requests_that_cannot_be_met_are_refused(self):
        camera = self.camera("h264", "--no-audio")
        there = self.folder / "there"
        there.write_bytes(b"another key")
        file = {"key-file": str(self.folder / "new")}
        for op, viewer, fields, why in (
            ("open", "", file, "viewer"),
            ("open", "hall", {}, "key-file"),
            ("open", "hall", {"key-file": str(there)}, "exists"),
            ("open", "hall", {**file, "video-suite": 8}, "32 bits"),
            ("open", "hall", {**file, "audio-suite": 9}, "1 to 8"),
            ("open", "hall", {**file, "video-siute": 5}, "video-siute"),
            ("open", "hall", {**file, "video-suite": "5"}, "whole number"),
            ("open", "hall", {**file, "ratchet-bits": 2}, "3 to 32"),
            ("open", "hall", {**file, "nal-format": "avc"}, "length4"),
            ("update", "nobody", file, "no such viewer"),
            ("dance", "hall", {}, "no such viewer"),
        ):
            with self.subTest(op, fields=fields):
                self.assertIn(why, camera.asked(op, viewer, "refused", **fields)["why"])
        self.assertEqual(there.read_bytes(), b"another key")
        camera.asked("open", "hall", "opened", **file)
        for op, why in (("open", "close it first"), ("use", "update"), ("dance", "takes open")):
            with self.subTest(op):
                fields = {"key-file": str(self.folder / "other")} if op == "open" else {}
                self.assertIn(why, camera.asked(op, "hall", "refused", **fields)["why"])
        camera.process.stdin.write("no request\n")
        camera.process.stdin.flush()
        self.assertIn("JSON", camera.next("", "refused", 1)["why"])
        self.assertEqual(camera.end(), 0)

    def test_a_source_that_ends_is_told(self):
        camera = Camera(self, "--no-audio", "--video", "videotestsrc num-buffers=5")
        self.assertEqual(camera.process.wait(PATIENCE), 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
