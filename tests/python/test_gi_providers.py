#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Key providers from Python: those of the library, and one written in Python.

Needs the plugin, library and typelib in the environment: meson devenv -C build -w .
"""

import os
import sys
import tempfile
import threading
import time
import unittest

from support import WITH_GST, Decryptor, ErrorsOf, python, sealed_by
from gi.repository import GLib, GObject, Gst, GstE2EE


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
            self.assertEqual(decryptor.pull_pushing(sealed), self.PLAIN)

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
            self.assertEqual(decryptor.pull_pushing(sealed), self.PLAIN)
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
                self.assertEqual(decryptor.pull_pushing(sealed), self.PLAIN)
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


if __name__ == "__main__":
    unittest.main(verbosity=2)
