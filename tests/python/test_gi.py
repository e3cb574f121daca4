#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The library and the elements from Python, as an application uses them.

Needs the plugin, library and typelib in the environment: meson devenv -C build -w .
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstApp", "1.0")
gi.require_version("GstE2EE", "1.0")
from gi.repository import GLib, GObject, Gst, GstApp, GstE2EE  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
VECTORS = Path(os.environ.get("E2EE_VECTORS", ROOT / "tests" / "vectors"))
CAPS = {
    "vp8": "video/x-vp8,width=320,height=240,framerate=30/1",
    "vp9": "video/x-vp9,width=320,height=240,framerate=30/1",
    "opus": "audio/x-opus,channel-mapping-family=0,channels=2,rate=48000",
}
WITH_GST = "gi.require_version('Gst', '1.0')\nfrom gi.repository import Gst\n"
KEY_WAIT = 20 * Gst.SECOND
PATIENCE = 10 * Gst.SECOND


def python(code):
    """Runs `code` in a new interpreter whose GLib warnings are fatal."""
    preamble = (
        "import gi\n"
        "gi.require_version('GstE2EE', '1.0')\n"
        "from gi.repository import GstE2EE\n"
    )
    environment = dict(os.environ, G_DEBUG="fatal-warnings")
    return subprocess.run(
        [sys.executable, "-c", preamble + code],
        capture_output=True,
        text=True,
        timeout=60,
        env=environment,
        check=False,
    )


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


class Decryptor:
    """appsrc ! e2eedecrypt ! appsink"""

    def __init__(self, provider, codec, key_wait=0):
        self.pipeline = Gst.Pipeline.new(None)
        self.source = Gst.ElementFactory.make("appsrc")
        self.element = Gst.ElementFactory.make("e2eedecrypt")
        self.sink = Gst.ElementFactory.make("appsink")
        for element in (self.source, self.element, self.sink):
            self.pipeline.add(element)
        self.source.link(self.element)
        self.element.link(self.sink)
        self.source.props.caps = Gst.Caps.from_string(CAPS[codec])
        self.source.props.format = Gst.Format.TIME
        self.sink.props.sync = False
        self.sink.set_property("async", False)
        self.element.props.key_provider = provider
        self.element.props.key_wait = key_wait
        self.pipeline.set_state(Gst.State.PLAYING)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.pipeline.set_state(Gst.State.NULL)

    def push(self, frame):
        assert self.source.push_buffer(Gst.Buffer.new_wrapped(frame)) == Gst.FlowReturn.OK

    def pull(self, patience=PATIENCE):
        sample = self.sink.try_pull_sample(patience)
        if sample is None:
            return None
        buffer = sample.get_buffer()
        return buffer.extract_dup(0, buffer.get_size())

    def stat(self, name):
        found, value = self.element.props.stats.get_uint64(name)
        assert found, name
        return value

    def wait_for_stat(self, name, value):
        for _ in range(500):
            if self.stat(name) >= value:
                return True
            threading.Event().wait(0.01)
        return False


class ErrorsOf:
    """Asserts that a call throws a GError of the library."""

    def __init__(self, test, code):
        self.test = test
        self.code = code

    def __enter__(self):
        return self

    def __exit__(self, kind, error, _):
        self.test.assertIsNotNone(error, "no error")
        self.test.assertIs(kind, GLib.Error)
        self.test.assertTrue(
            error.matches(GLib.quark_from_string("gst-e2ee-error-quark"), self.code), str(error)
        )
        return True


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


class Providers(unittest.TestCase):
    def test_setters_throw(self):
        provider = GstE2EE.SharedKeyProvider.new()
        code = GstE2EE.Error
        with ErrorsOf(self, code.INVALID_KEY):
            provider.set_passphrase("", 0)
        with ErrorsOf(self, code.INVALID_KEY):
            provider.set_key(GLib.Bytes.new(b"short"), 0)
        with ErrorsOf(self, code.INVALID_INDEX):
            provider.set_passphrase("word", 16)
        with ErrorsOf(self, code.INVALID_INDEX):
            provider.set_current_index(200)
        with ErrorsOf(self, code.NOT_FOUND):
            provider.set_current_index(3)
        with ErrorsOf(self, code.NOT_FOUND):
            provider.remove_key(3)

    def test_setters_that_do_not_wait(self):
        provider = GstE2EE.ParticipantKeyProvider()
        loop = GLib.MainLoop()
        told = []

        def on_set(source, result):
            try:
                told.append(source.set_passphrase_finish(result))
            except GLib.Error as error:
                told.append(error.code)
            if len(told) == 3:
                loop.quit()

        for text, index in (("one", 0), ("", 1), ("two", 99)):
            provider.set_passphrase_async("alice", text, index, None, on_set)
        self.assertEqual(told, [])
        GLib.timeout_add_seconds(20, loop.quit)
        loop.run()
        self.assertCountEqual(
            told, [True, GstE2EE.Error.INVALID_KEY, GstE2EE.Error.INVALID_INDEX]
        )
        self.assertIsNotNone(provider.lookup("alice", 0))

    def test_strings_throw(self):
        for text, code in (
            ("nosuch", GstE2EE.Error.NOT_FOUND),
            ("shared,nonsense=1", GstE2EE.Error.INVALID_OPTION),
            ("shared,passphrase-file=/nonexistent", GstE2EE.Error.IO),
            ("shared,passphrase", GstE2EE.Error.PARSE),
        ):
            with self.subTest(text), ErrorsOf(self, code):
                GstE2EE.KeyProvider.new_from_string(text)

    def test_same_string_same_provider(self):
        one = GstE2EE.KeyProvider.new_from_string("shared,passphrase=word")
        two = GstE2EE.KeyProvider.new_from_string("shared,passphrase=word")
        self.assertIs(one, two)

    def test_watched_file(self):
        """Without a main loop, as a script writes files."""
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "passphrase")

            def write(text):
                with open(path, "w", encoding="utf-8") as file:
                    file.write(text)

            write("the first")
            text = f"shared,passphrase-file={path}"
            provider = GstE2EE.KeyProvider.new_from_string(text + ",watch=true")
            changed = threading.Event()
            provider.connect("key-changed", lambda *_: changed.set())
            write("the second")
            self.assertTrue(changed.wait(10))
            sealed = sealed_by(provider, b"frame of some length")
            with Decryptor(GstE2EE.KeyProvider.new_from_string(text), "opus") as decryptor:
                decryptor.push(sealed)
                self.assertEqual(decryptor.pull(), b"frame of some length")

    def test_file_is_read_again(self):
        with tempfile.NamedTemporaryFile("w") as file:
            file.write("the first")
            file.flush()
            provider = GstE2EE.KeyProvider.new_from_string(f"shared,passphrase-file={file.name}")
            self.assertIs(provider.reread(), provider)
            file.write(" and more")
            file.flush()
            self.assertIsNot(provider.reread(), provider)
            file.truncate(0)
            with ErrorsOf(self, GstE2EE.Error.INVALID_KEY):
                provider.reread()

    def test_constants(self):
        self.assertEqual(GstE2EE.KEY_PROVIDER_CONTEXT_TYPE, "gst.e2ee.key-provider")
        self.assertEqual(GstE2EE.ALL_KEYS, GLib.MAXUINT64)

    def test_context(self):
        provider = GstE2EE.SharedKeyProvider.new()
        context = GstE2EE.context_new_key_provider(provider)
        self.assertEqual(context.get_context_type(), "gst.e2ee.key-provider")
        self.assertIs(GstE2EE.context_get_key_provider(context), provider)

    def test_data_cryptor_by_properties(self):
        provider = GstE2EE.ParticipantKeyProvider.new()
        provider.set_key("alice", GLib.Bytes.new(b"k" * 32), 0)
        sender = GstE2EE.DataCryptor(key_provider=provider, participant="alice")
        receiver = GstE2EE.DataCryptor.new(provider, "alice")
        sealed = sender.encrypt(GLib.Bytes.new(b"hello"))
        self.assertEqual(receiver.decrypt(*sealed).get_data(), b"hello")
        with ErrorsOf(self, GstE2EE.Error.INVALID_OPTION):
            GstE2EE.DataCryptor.new(provider, None)
        nobody = GstE2EE.DataCryptor(key_provider=provider)
        with ErrorsOf(self, GstE2EE.Error.INVALID_OPTION):
            nobody.encrypt(GLib.Bytes.new(b"hello"))

    def test_material(self):
        material = GstE2EE.KeyMaterial.new_raw(GLib.Bytes.new(b"k" * 32), 4)
        material.set_salt("salt")
        self.assertEqual(material.get_key_id(), 4)
        provider = GstE2EE.SharedKeyProvider.new()
        provider.set_material(material)
        with ErrorsOf(self, GstE2EE.Error.INVALID_OPTION):
            material.set_salt("too late")


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


class OwnProvider(GObject.Object, GstE2EE.KeyProvider):
    """Answers with one key, and notes who asks where."""

    def __init__(self, fill=1, index=0):
        super().__init__()
        self.fill = fill
        self.index = index
        self.threads = set()
        self.has_current = True
        self.raises = False
        self.gate = None
        self.window = 0
        self.ratcheted = []  # as it was told, with the thread
        self.told = threading.Event()

    def material(self):
        self.threads.add(threading.get_ident())
        if self.gate is not None:
            self.gate.wait(60)
        if self.raises:
            raise RuntimeError("the key server is down")
        if self.ratcheted:
            return self.ratcheted[-1][3]
        material = GstE2EE.KeyMaterial.new_raw(
            GLib.Bytes.new(bytes([self.fill]) * 32), self.index
        )
        material.set_ratchet_window(self.window)
        return material

    def do_lookup(self, participant, key_id):
        return self.material() if key_id == self.index else None

    def do_ratcheted(self, participant, key_id, generation, material):
        self.ratcheted.append(
            (participant, key_id, generation, material, threading.get_ident())
        )
        self.told.set()

    def do_lookup_current(self, participant):
        return self.material() if self.has_current else None


def sealed_by(provider, plain):
    """Opus from e2eeencrypt."""
    pipeline = Gst.parse_launch(
        f'appsrc name=in caps="{CAPS["opus"]}" format=time ! e2eeencrypt name=e2ee ! '
        "appsink name=out sync=false async=false"
    )
    pipeline.get_by_name("e2ee").props.key_provider = provider
    pipeline.set_state(Gst.State.PLAYING)
    pipeline.get_by_name("in").push_buffer(Gst.Buffer.new_wrapped(plain))
    sample = pipeline.get_by_name("out").try_pull_sample(PATIENCE)
    pipeline.set_state(Gst.State.NULL)
    if sample is None:
        return None
    buffer = sample.get_buffer()
    return buffer.extract_dup(0, buffer.get_size())


class PythonProviders(unittest.TestCase):
    PLAIN = bytes(range(60))

    def test_encrypts_and_decrypts(self):
        provider = OwnProvider(fill=7, index=3)
        sealed = sealed_by(provider, self.PLAIN)
        self.assertIsNotNone(sealed)
        self.assertEqual(sealed[-1], 3)
        with Decryptor(provider, "opus") as decryptor:
            decryptor.push(sealed)
            self.assertEqual(decryptor.pull(), self.PLAIN)
        self.assertNotIn(threading.get_ident(), provider.threads)

    def test_is_asked_for_what_a_frame_names(self):
        sender = OwnProvider(fill=7, index=9)
        sealed = sealed_by(sender, self.PLAIN)
        receiver = OwnProvider(fill=7, index=9)
        receiver.has_current = False
        with Decryptor(receiver, "opus") as decryptor:
            for _ in range(100):
                decryptor.push(sealed)
                opened = decryptor.pull(Gst.SECOND // 20)
                if opened is not None:
                    break
        self.assertEqual(opened, self.PLAIN)

    def test_is_told_of_ratchets(self):
        sender = GstE2EE.SharedKeyProvider.new()
        sender.set_key(GLib.Bytes.new(bytes([7]) * 32), 3)
        provider = OwnProvider(fill=7, index=3)
        provider.window = 4
        streaming = set()

        def note_thread(*_):
            streaming.add(threading.get_ident())
            return Gst.PadProbeReturn.OK

        with Decryptor(provider, "opus") as decryptor:
            pad = decryptor.element.get_static_pad("src")
            pad.add_probe(Gst.PadProbeType.BUFFER, note_thread)
            decryptor.push(sealed_by(sender, self.PLAIN))
            self.assertEqual(decryptor.pull(), self.PLAIN)
            self.assertFalse(provider.told.is_set(), "the sender has not moved")
            sender.ratchet(3)
            sender.ratchet(3)
            sealed = sealed_by(sender, self.PLAIN)
            for _ in range(100):
                decryptor.push(sealed)
                opened = decryptor.pull(Gst.SECOND // 20)
                if opened is not None:
                    break
            self.assertEqual(opened, self.PLAIN)
            self.assertTrue(provider.told.wait(10))
            participant, key_id, generation, material, thread = provider.ratcheted[0]
            self.assertEqual((participant, key_id, generation), (None, 3, 2))
            self.assertEqual((material.get_key_id(), material.get_generation()), (3, 2))
            self.assertNotIn(threading.get_ident(), provider.threads)
            self.assertNotIn(thread, streaming | {threading.get_ident()})
            self.assertEqual(len(provider.ratcheted), 1)
        # It answers with what it was told from now on.
        with Decryptor(provider, "opus", key_wait=10 * Gst.SECOND) as decryptor:
            decryptor.push(sealed)
            self.assertEqual(decryptor.pull(), self.PLAIN)
            self.assertEqual(decryptor.stat("generation"), 2)

    def test_one_that_raises_stops_nothing(self):
        good = OwnProvider(fill=7)
        sealed = sealed_by(good, self.PLAIN)
        provider = OwnProvider(fill=7)
        provider.raises = True
        told = []
        hook, sys.excepthook = sys.excepthook, lambda *what: told.append(what[1])
        unraisable, sys.unraisablehook = sys.unraisablehook, lambda what: told.append(what)
        try:
            with Decryptor(provider, "opus") as decryptor:
                decryptor.push(sealed)
                self.assertTrue(decryptor.wait_for_stat("dropped-missing-key", 1))
                self.assertIsNone(decryptor.pull(Gst.SECOND // 10))
                self.assertIsNone(decryptor.pipeline.get_bus().pop_filtered(Gst.MessageType.ERROR))
                provider.raises = False
                provider.changed(None, 0)
                for _ in range(100):
                    decryptor.push(sealed)
                    opened = decryptor.pull(Gst.SECOND // 20)
                    if opened is not None:
                        break
                self.assertEqual(opened, self.PLAIN)
        finally:
            sys.excepthook, sys.unraisablehook = hook, unraisable

    def test_program_ends_while_one_blocks_for_ever(self):
        code = """
import threading, time
from gi.repository import GObject
inside = threading.Event()
class Blocking(GObject.Object, GstE2EE.KeyProvider):
    def do_lookup_current(self, participant):
        inside.set()
        threading.Event().wait()
    def do_lookup(self, participant, key_id):
        return None
provider = Blocking()
cryptor = GstE2EE.FrameCryptor(key_provider=provider)
assert inside.wait(30)
print(time.monotonic())
"""
        took = []
        for _ in range(3):
            done = python(WITH_GST + "Gst.init(None)\n" + code)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            took.append(time.monotonic() - float(done.stdout))
        self.assertLess(min(took), 1)

    def test_one_that_blocks_for_seconds_stops_nobody_else(self):
        other = OwnProvider(fill=9)
        sealed_by_other = sealed_by(other, self.PLAIN)
        sealed = sealed_by(OwnProvider(fill=7), self.PLAIN)
        slow = OwnProvider(fill=7)  # that nobody has asked yet
        slow.gate = threading.Event()
        with Decryptor(slow, "opus", key_wait=60 * Gst.SECOND) as blocked:
            blocked.push(sealed)
            with Decryptor(other, "opus") as decryptor:
                for _ in range(50):
                    decryptor.push(sealed_by_other)
                    self.assertEqual(decryptor.pull(), self.PLAIN)
            self.assertIsNone(blocked.pull(2 * Gst.SECOND), "it is still asked")
            slow.gate.set()
            self.assertEqual(blocked.pull(), self.PLAIN, "held meanwhile")

    def test_removed_means_no_more_frames(self):
        provider = OwnProvider(fill=7)
        sealed = sealed_by(provider, self.PLAIN)
        with Decryptor(provider, "opus") as decryptor:
            decryptor.push(sealed)
            self.assertEqual(decryptor.pull(), self.PLAIN)
            provider.index = 99
            provider.removed(None, GLib.MAXUINT64)
            decryptor.push(sealed)
            self.assertTrue(decryptor.wait_for_stat("dropped-missing-key", 1))
            self.assertIsNone(decryptor.pull(Gst.SECOND // 10))


def setUpModule():
    Gst.init(None)


if __name__ == "__main__":
    unittest.main(verbosity=2)
