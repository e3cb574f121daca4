#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Programs as someone uses them for the first time: --help, mistakes, things that are missing.

They are those of E2EE_BUILD, by default build/ of this checkout.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("E2EE_BUILD", ROOT / "build"))
EXAMPLES = ROOT / "examples"
PATIENCE = 60  # seconds
CALL = BUILD / "examples/call/e2ee-call"
CAMERA = BUILD / "examples/camera/e2ee-camera"
RECORDER = BUILD / "examples/recorder/e2ee-recorder"
UNSEAL = BUILD / "examples/recorder/e2ee-unseal"
PUBLISH = BUILD / "examples/publish/e2ee-publish"
PROVIDERS = [BUILD / f"examples/providers/e2ee-provider-{language}" for language in ("c", "cpp")]
FRAMES = [BUILD / f"examples/frames/e2ee-frames-{language}" for language in ("c", "cpp")]
BENCH = BUILD / "tests/bench/e2ee-bench"
CHAT = EXAMPLES / "chat/chat.py"
DATATRACK = EXAMPLES / "datatrack/datatrack.py"
SERVER = EXAMPLES / "browser/server.py"
PROVIDER = EXAMPLES / "providers/provider.py"
FRAMES_PYTHON = EXAMPLES / "frames/frames.py"
COMPILED = [CALL, CAMERA, RECORDER, UNSEAL, PUBLISH]
PYTHON = [CHAT, DATATRACK, SERVER, PROVIDER, FRAMES_PYTHON]
CHAT_MODULES = ["access", "datapeer", "direct", "messages", "protobuf", "room", "signalling", "terminal", "texts"]
MODULES = [
    EXAMPLES / "browser/peer.py",
    EXAMPLES / "browser/rtc.py",
    EXAMPLES / "recorder/recorder.py",
    *(EXAMPLES / f"chat/{name}.py" for name in CHAT_MODULES),
    *(EXAMPLES / f"datatrack/{name}.py" for name in ("frames", "packet", "track")),
]
KEYS = ("--key-provider", "shared,passphrase=for-tests")
RECORD = ("--url", "http://127.0.0.1:1", "--room", "1", "--no-audit")
ROOM = ("--livekit", "ws://127.0.0.1:1", "--source", "videotestsrc", "--seconds", "1")
# What each of them is told to do; nothing of it happens.
ORDERS = {
    CALL: ("--seconds", "1"),
    CAMERA: ("--no-audio",),
    RECORDER: (*RECORD, *KEYS, "--seconds", "1"),
    UNSEAL: (*KEYS, "/nowhere/alice.mkv"),
    PUBLISH: (*ROOM, *KEYS),
    PROVIDERS[0]: (),
    PROVIDERS[1]: (),
    FRAMES[0]: (),
    FRAMES[1]: (),
    CHAT: ("--listen", "0", *KEYS),
    DATATRACK: ("send", *KEYS),
    SERVER: ("--port", "0"),
    PROVIDER: (),
    FRAMES_PYTHON: (),
}
# They need no elements.
LIBRARY_ALONE = [*FRAMES, FRAMES_PYTHON, DATATRACK]


class Programs(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def run_program(self, program, *arguments, without=(), **environment):
        """`without`: names of variables that are taken away."""
        if not program.exists():
            self.skipTest(f"{program.name} is not built")
        variables = {name: value for name, value in os.environ.items() if name not in without}
        interpreter = [sys.executable, "-B"] if program.suffix == ".py" else []
        return subprocess.run(
            [*interpreter, str(program), *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=PATIENCE,
            env={**variables, **environment},
            cwd=self.folder,
            check=False,
        )

    def refused(self, program, *arguments, status=2, **options):
        """Ends with that status and no traceback; what it says, and has left nothing behind."""
        result = self.run_program(program, *arguments, **options)
        self.assertEqual(result.returncode, status, result.stdout + result.stderr)
        self.assertNotIn("Traceback", result.stderr)
        self.assertNotIn("CRITICAL", result.stderr)
        left = list(self.folder.iterdir())
        for path in left:
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
        self.assertEqual(left, [])
        return result.stderr

    def test_help_and_version_need_nothing(self):
        bare = {"without": ("GI_TYPELIB_PATH", "GST_PLUGIN_PATH"), "LC_ALL": "C"}
        for program in ORDERS:
            with self.subTest(program.name):
                result = self.run_program(program, "--help", **bare)
                self.assertEqual(result.returncode, 0, result.stderr)
                self.assertRegex(result.stdout, r"^[Uu]sage:")
                self.assertNotIn("OPTION?", result.stdout)
        for program in COMPILED + PYTHON:
            with self.subTest(program.name):
                result = self.run_program(program, "--version", **bare)
                self.assertEqual(result.returncode, 0, result.stderr)
                self.assertRegex(result.stdout, r"^[\w.-]+ \d+\.\d+\.\d+\n$")
        for module in MODULES:
            with self.subTest(module.name):
                result = self.run_program(module, "--help", **bare)
                self.assertEqual((result.returncode, result.stderr), (0, ""))
                self.assertNotEqual(result.stdout, "")

    def test_wrong_usage_is_told(self):
        for program, arguments, said in (
            (CALL, ("-s", "abc"), "abc"),
            (CALL, ("--seconds", "0"), "--seconds takes 1 to 3600"),
            (CALL, ("--codec", "h264"), "vp8 or vp9"),
            (CAMERA, ("--codec", "vp8"), "h264 (default) or h265"),
            (CAMERA, ("--bitrate", "0"), "--bitrate takes 1 to"),
            (CAMERA, ("--no-audio", "--audio", "audiotestsrc"), "not both"),
            (CAMERA, ("v4l2src",), "quotes"),
            (RECORDER, ("--latency", "abc"), "abc"),
            (RECORDER, ("--mode", "ajar"), "--mode takes open (default) or sealed"),
            (RECORDER, ("--scheme", "none"), "--scheme takes livekit (default), "),
            (UNSEAL, ("--max-ratchet", "abc"), "abc"),
            (UNSEAL, (*KEYS, "x", "--server-frames", "all"), "drop (default), known or pass"),
            (PUBLISH, ("--codec", "av1", *ROOM, *KEYS), "--codec takes vp8 (default), vp9 or h264"),
            (PUBLISH, (*ROOM, *KEYS, "fakesink"), "quotes"),
            (PUBLISH, (*ROOM, *KEYS), "--token-file"),
            (PUBLISH, (*ROOM, *KEYS, "--token-file", "x", "--api-key-file", "y"), "not both"),
            (CHAT, ("--connect", "nowhere", *KEYS), "HOST:PORT"),
            (CHAT, ("--listen", "70000", *KEYS), "--listen"),
            *((program, ("--bogus", *order), "--bogus") for program, order in ORDERS.items()),
        ):
            if program in PROVIDERS + FRAMES:
                said = ""
            with self.subTest(program.name, arguments=arguments):
                text = self.refused(program, *arguments, LC_ALL="C")
                self.assertIn(said, text)
                self.assertNotIn("?", text)
                self.assertTrue(text.isascii(), text)

    def test_file_that_cannot_be_used_is_told_once(self):
        keys = ("--key-provider", "shared,passphrase-file=/nowhere")
        for program, arguments in (
            (CALL, ("--passphrase-file", "/nowhere")),
            (CALL, ("/nowhere",)),
            (CALL, (__file__,)),
            (CALL, ("--output", "/proc/nowhere/call.webm")),
            (RECORDER, (*RECORD, *keys)),
            (RECORDER, (*RECORD, *KEYS, "--pin-file", "/nowhere")),
            (RECORDER, (*RECORD, *KEYS, "--url", "https://127.0.0.1:1", "--ca-file", "/nowhere")),
            (RECORDER, (*RECORD[:-1], *KEYS, "--audit-key", "/nowhere")),
            (RECORDER, ("verify-log", "/nowhere", "--public-key", "/nowhere")),
            (UNSEAL, (*KEYS, "/nowhere")),
            (UNSEAL, (*KEYS, __file__)),
            (PUBLISH, (*ROOM, *KEYS, "--token-file", "/nowhere")),
            (PUBLISH, (*ROOM, *KEYS, "--room", "r", "--api-key-file", "/nowhere")),
            (PUBLISH, (*ROOM, *KEYS, "--token-file", __file__)),
            (CHAT, ("--listen", "0", *keys)),
            (SERVER, ("--port", "0", "--passphrase-file", "/nowhere")),
        ):
            with self.subTest(program.name, arguments=arguments):
                text = self.refused(program, *arguments).strip()
                self.assertEqual(len(text.splitlines()), 1, text)
                self.assertTrue(text.isascii(), text)
                self.assertIsNone(re.search(r"(\S+): -*\1:", text), text)

    def test_keys_that_do_not_fit_the_scheme_are_told_once(self):
        for size, wanted in (("keyring-size=256", "keyring-size=16"), ("key-size=256", "key-size=128")):
            keys = f"{KEYS[1]},{size}"
            with self.subTest(size):
                text = self.refused(RECORDER, *RECORD, "--key-provider", keys, "--scheme", "jitsi")
                self.assertIn(f"set {wanted} on the key provider", text)
                self.assertEqual(len(text.splitlines()), 1, text)

    def test_start_that_lacks_a_file_leaves_no_audit_log(self):
        with tempfile.TemporaryDirectory() as keys:
            key = f"{keys}/audit.pem"
            subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", key], check=True)
            self.refused(RECORDER, *RECORD[:-1], *KEYS, "--audit-key", key, "--pin-file", "/nowhere")

    def test_folder_that_cannot_be_made_has_failed(self):
        text = self.refused(RECORDER, *RECORD, *KEYS, "--output", "/proc/nowhere", status=1)
        self.assertIn("/proc/nowhere", text)
        self.assertEqual(len(text.splitlines()), 1, text)

    def test_names_in_the_c_locale(self):
        text = self.refused(UNSEAL, *KEYS, "--participant", "Zoë", "/nowhere/Zoë", LC_ALL="C")
        self.assertIn("/nowhere/Zoë", text)

    def test_elements_that_are_missing_are_told_first(self):
        with tempfile.TemporaryDirectory() as folder:
            nothing = {"GST_PLUGIN_SYSTEM_PATH": "/nowhere", "GST_REGISTRY": f"{folder}/registry.bin"}
            for program in ORDERS.keys() - LIBRARY_ALONE:
                order = ORDERS[program]
                with self.subTest(program.name):
                    text = self.refused(program, *order, **nothing)
                    self.assertRegex(text, r"gstreamer1\.0-plugins-\w+")
                    if program == CHAT:  # it uses the library, and none of its elements
                        continue
                    text = self.refused(program, *order, without=("GST_PLUGIN_PATH",))
                    self.assertRegex(text, r"e2eevp9merge" if program == UNSEAL else r"e2ee(de|en)crypt")
                    self.assertIn("export GST_PLUGIN_PATH=", text)

    def test_benchmark_names_the_element_that_is_missing(self):
        text = self.refused(BENCH, "--quick", without=("GST_PLUGIN_PATH",))
        self.assertIn("e2eeencrypt", text)
        self.assertIn("meson devenv", text)

    def test_typelibs_that_are_missing_are_told(self):
        for program in PYTHON:
            with self.subTest(program.name):
                text = self.refused(program, *ORDERS[program], without=("GI_TYPELIB_PATH",))
                self.assertRegex(text, r"GstE2EE.*meson devenv")
        with tempfile.TemporaryDirectory() as modules:
            Path(modules, "gi.py").write_text("raise ImportError", encoding="ascii")
            for program in PYTHON:
                with self.subTest(program.name):
                    text = self.refused(program, *ORDERS[program], PYTHONPATH=modules)
                    self.assertIn("python3-gi", text)

    @unittest.skipUnless(shutil.which("dpkg"), "no Debian")
    def test_packages_of_elements(self):
        import gi

        gi.require_version("Gst", "1.0")
        from gi.repository import Gst

        Gst.init(None)
        table = (EXAMPLES / "common/packages.inc").read_text(encoding="utf-8")
        rows = re.findall(r'\{"([^"]+)",([^}]+)\}', table)
        self.assertGreaterEqual(len(rows), 4)
        for package, elements in rows:
            folder = subprocess.run(
                ["dpkg", "-L", package], capture_output=True, text=True, check=True
            ).stdout.splitlines()
            names = {os.path.basename(path) for path in folder}
            for element in elements.replace('"', " ").split():
                with self.subTest(element):
                    factory = Gst.ElementFactory.find(element)
                    self.assertIsNotNone(factory)
                    self.assertIn(os.path.basename(factory.get_plugin().get_filename()), names)


if __name__ == "__main__":
    unittest.main(verbosity=2)
