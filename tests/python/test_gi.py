#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The library and the elements from Python, as an application uses them.

Needs the plugin, library and typelib in the environment: meson devenv -C build -w .
"""

import json
import os
import re
import sys
import tempfile
import unittest
from pathlib import Path

from support import WITH_GST, Decryptor, python
from gi.repository import GLib, Gst, GstE2EE

ROOT = Path(__file__).resolve().parents[2]
VECTORS = Path(os.environ.get("E2EE_VECTORS", ROOT / "tests" / "vectors"))
KEY_WAIT = 20 * Gst.SECOND


def provider_of(key):
    """A provider with the key of a test vector."""
    provider = GstE2EE.SharedKeyProvider.new()
    provider.props.keyring_size = key["ringSize"]
    provider.props.key_size = key["keySize"]
    provider.props.ratchet_salt = key["salt"]
    index = key["index"] % key["ringSize"]
    if key["kind"] == "passphrase":
        provider.set_passphrase(key["value"], index)
    else:
        provider.set_key(GLib.Bytes.new(bytes.fromhex(key["valueHex"])), index)
    return provider


class Loading(unittest.TestCase):
    def assert_silent(self, code):
        result = python(code)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(result.stderr, "")
        return result.stdout

    def test_before_gst_init(self):
        self.assert_silent("GstE2EE.SharedKeyProvider.new()")

    def test_keys_before_gst_init(self):
        self.assert_silent(
            "p = GstE2EE.SharedKeyProvider.new()\n"
            "p.set_passphrase('word', 0)\n"
            "GstE2EE.KeyProvider.new_from_string('shared,passphrase=word')\n"
        )

    def test_launch_line_afterwards(self):
        out = self.assert_silent(
            "p = GstE2EE.SharedKeyProvider.new()\n"
            f"{WITH_GST}Gst.init(None)\n"
            "line = Gst.parse_launch('audiotestsrc num-buffers=5 ! opusenc ! e2eeencrypt '\n"
            "  'key-provider=\"shared,passphrase=0012\" ! fakesink name=sink sync=false')\n"
            "line.set_state(Gst.State.PLAYING)\n"
            "message = line.get_bus().timed_pop_filtered(20 * Gst.SECOND,\n"
            "  Gst.MessageType.EOS | Gst.MessageType.ERROR)\n"
            "print(message.type.first_value_nick)\n"
            "line.set_state(Gst.State.NULL)\n"
        )
        self.assertEqual(out.strip(), "eos")

    def test_launch_line_with_a_mistake_stays_quiet(self):
        out = self.assert_silent(
            f"{WITH_GST}Gst.init(None)\n"
            "line = Gst.parse_launch('appsrc ! e2eeencrypt '\n"
            "  'key-provider=\"shared,passfrase=xyzzy\" ! fakesink')\n"
            "print(line.set_state(Gst.State.PAUSED).value_nick)\n"
            "error, debug = line.get_bus().pop_filtered(Gst.MessageType.ERROR).parse_error()\n"
            "assert 'passfrase' in error.message, error.message\n"
            "assert 'xyzzy' not in error.message + debug\n"
            "line.set_state(Gst.State.NULL)\n"
        )
        self.assertEqual(out.strip(), "failure")


class Names(unittest.TestCase):
    """What gst-inspect-1.0 and introspection say of the library."""

    def test_values_of_enums_are_described(self):
        header = (ROOT / "gst" / "e2ee" / "e2ee-enums.h").read_text(encoding="utf-8")
        enums = re.findall(r"typedef enum \{(.*?)\} GstE2EE(\w+);", header, re.DOTALL)
        self.assertGreaterEqual(len(enums), 6)
        for body, name in enums:
            with self.subTest(name):
                enum = getattr(GstE2EE, name)
                names = re.findall(r"^ *(GST_E2EE_\w+)", body, re.MULTILINE)
                values = list(enum.__enum_values__.values())
                self.assertEqual(len(values), len(names), "all have a GEnumValue")
                for value in values:
                    self.assertNotIn("GST_", value.value_name)

    def test_plugin_names_its_origin(self):
        plugin = Gst.Registry.get().find_plugin("e2ee")
        self.assertRegex(plugin.get_origin(), r"^(https?|file)://")


class FrameMeta(unittest.TestCase):
    def test_every_field_can_be_written(self):
        buffer = Gst.Buffer.new_allocate(None, 10, None)
        meta = GstE2EE.buffer_add_frame_meta(buffer, True, 1280, 720)
        flags = ("has_layers", "layer_sync", "layer_independent", "end_of_picture")
        for name in flags:
            setattr(meta, name, True)
        meta.temporal_layer, meta.spatial_layer, meta.spatial_layers = 2, 1, 3
        for layer in range(3):
            meta.set_layer_size(layer, 320 << layer, 180 << layer)
        copy = buffer.copy()
        meta = GstE2EE.buffer_get_frame_meta(copy)
        self.assertEqual((meta.keyframe, meta.width, meta.height), (True, 1280, 720))
        self.assertTrue(all(getattr(meta, name) for name in flags))
        self.assertEqual((meta.temporal_layer, meta.spatial_layer, meta.spatial_layers), (2, 1, 3))
        self.assertEqual(meta.layer_width, [320, 640, 1280, 0, 0, 0, 0, 0])
        self.assertEqual(meta.layer_height, [180, 360, 720, 0, 0, 0, 0, 0])


class Starts(unittest.TestCase):
    """A sender that starts again with the key of a file."""

    CODE = """
Gst.init(None)
provider = GstE2EE.KeyProvider.new_from_string("shared,key-file=" + sys.argv[1])
cryptor = GstE2EE.FrameCryptor(key_provider=provider, scheme=GstE2EE.Scheme.SFRAME)
cryptor.set_caps(Gst.Caps.from_string("audio/x-opus"))
cryptor.prepare(10 * Gst.SECOND)
for _ in range(3):
    sealed = cryptor.encrypt(Gst.Buffer.new_wrapped(bytes(40)))
    known, kid, _ = GstE2EE.peek_frame(
        GstE2EE.Scheme.SFRAME, "audio/x-opus", GstE2EE.ClearHeader.SCHEME, sealed)
    print(known, kid)
"""

    def test_two_share_no_kid(self):
        with tempfile.TemporaryDirectory() as folder:
            key = os.path.join(folder, "key.bin")
            with open(os.open(key, os.O_CREAT | os.O_WRONLY, 0o600), "wb") as file:
                file.write(bytes(range(32)))
            starts = [
                python(WITH_GST + self.CODE.replace("sys.argv[1]", repr(key))) for _ in range(2)
            ]
        for start in starts:
            self.assertEqual((start.returncode, start.stderr), (0, ""))
        kids = [set(start.stdout.splitlines()) for start in starts]
        self.assertEqual([len(each) for each in kids], [1, 1], "one KID for each start")
        self.assertTrue(all("True " in next(iter(each)) for each in kids))
        self.assertNotEqual(kids[0], kids[1])


class Vectors(unittest.TestCase):
    """Frames that LiveKit's client encrypted."""

    def records(self, codec):
        records = json.loads((VECTORS / "livekit-frames.json").read_text(encoding="utf-8"))
        return [
            record
            for record in records
            if record.get("codec") == codec
            and record.get("ciphertextHex")
            and record.get("plaintextHex")
            and record["expect"].get("decode") == "enqueue"
            and record["key"]["ratchets"] == 0
        ]

    def decrypt_all(self, codec, at_least):
        records = self.records(codec)
        self.assertGreaterEqual(len(records), at_least)
        for record in records:
            with self.subTest(record["id"]):
                # On a machine that is busy PBKDF2 may take longer than the start waits for it.
                with Decryptor(provider_of(record["key"]), codec, KEY_WAIT) as decryptor:
                    decryptor.push(bytes.fromhex(record["ciphertextHex"]))
                    self.assertEqual(decryptor.pull(2 * KEY_WAIT), bytes.fromhex(record["plaintextHex"]))
        print(f"{codec}: {len(records)} frames of LiveKit's", file=sys.stderr)

    def test_vp8(self):
        self.decrypt_all("vp8", 7)

    def test_vp9(self):
        self.decrypt_all("vp9", 5)

    def test_opus(self):
        self.decrypt_all("opus", 5)


if __name__ == "__main__":
    unittest.main(verbosity=2)
