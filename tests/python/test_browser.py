#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""examples/browser: how the server reads its passphrase file, and whom its sockets hear."""

import contextlib
import io
import socket
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "examples" / "browser"))
from addresses import hear_this_machine  # noqa: E402
from server import read_passphrase  # noqa: E402


class PassphraseFile(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "passphrase"

    def read(self, contents):
        """The passphrase, and what was said of it."""
        self.path.write_bytes(contents)
        with contextlib.redirect_stderr(io.StringIO()) as said:
            return read_passphrase(str(self.path)), said.getvalue()

    def test_is_read_as_key_providers_read_it(self):
        for contents in (b"word", b"word\n", b"word\r\n", b"\xef\xbb\xbfword\n"):
            self.assertEqual(self.read(contents), ("word", ""), contents)

    def test_white_space_at_its_end_counts_and_is_told_of(self):
        for contents, text in ((b"word \n", "word "), (b"word\n\n", "word\n")):
            passphrase, said = self.read(contents)
            self.assertEqual(passphrase, text)
            self.assertIn(str(self.path), said)
            self.assertNotIn("word", said)

    def test_a_file_that_cannot_be_used_is_named(self):
        for contents in (b"", b"\n", b"\xef\xbb\xbf\n", b"\xc3\x28"):
            with self.assertRaisesRegex(ValueError, str(self.path)):
                self.read(contents)


class Sockets(unittest.TestCase):
    def test_what_came_before_the_filter_is_not_delivered(self):
        with socket.socket(type=socket.SOCK_DGRAM) as hears, socket.socket(type=socket.SOCK_DGRAM) as says:
            hears.bind(("127.0.0.1", 0))
            for _ in range(3):
                says.sendto(b"before", hears.getsockname())
            says.sendto(b"", hears.getsockname())  # no end
            says.sendto(b"before", hears.getsockname())
            hear_this_machine(hears)
            says.sendto(b"behind", hears.getsockname())
            self.assertEqual(hears.recv(16), b"behind")


if __name__ == "__main__":
    unittest.main()
