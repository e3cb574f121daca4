#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""examples/chat: two processes, a data channel between them."""

import re
import socket
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

CHAT = Path(__file__).resolve().parents[2] / "examples" / "chat" / "chat.py"
PATIENCE = 60  # seconds


def chat(*arguments, **options):
    return subprocess.Popen(
        [sys.executable, "-B", str(CHAT), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


class Chat(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def provider(self, name, passphrase):
        path = Path(self.folder.name) / name
        path.touch(mode=0o600)
        path.write_text(passphrase, encoding="utf-8")
        return f"shared,passphrase-file={path}"

    def talk(self, listener_key, caller_key, said_by_listener, said_by_caller):
        """What each of them prints, and their exit statuses."""
        listener = chat("--listen", "0", "--key-provider", listener_key)
        self.addCleanup(listener.kill)
        port = re.search(r":(\d+)$", listener.stderr.readline().strip()).group(1)
        caller = chat("--connect", f"127.0.0.1:{port}", "--key-provider", caller_key)
        self.addCleanup(caller.kill)
        # The caller ends once it has heard all; its end of input ends the listener too.
        listener.stdin.write("".join(line + "\n" for line in said_by_listener))
        listener.stdin.flush()
        heard = [caller.stdout.readline() for _ in said_by_listener] if listener_key == caller_key else []
        if not heard:
            caller.stderr.readline()  # connected, or a message that cannot be read
        ends = caller.communicate("".join(line + "\n" for line in said_by_caller), timeout=PATIENCE)
        other = listener.communicate(timeout=PATIENCE)
        return heard, ends, other, (listener.returncode, caller.returncode)

    def test_lines_arrive_both_ways(self):
        key = self.provider("key", "a meeting")
        heard, _, other, statuses = self.talk(key, key, ["hello", "grüß dich"], ["good bye"])
        self.assertEqual(heard, ["< hello\n", "< grüß dich\n"])
        self.assertEqual(other[0], "< good bye\n")
        self.assertEqual(statuses, (0, 0))

    def test_another_key_reads_nothing(self):
        key, wrong = self.provider("key", "a meeting"), self.provider("wrong", "another one")
        _, ends, other, statuses = self.talk(key, wrong, [], ["the plan"])
        self.assertNotIn("the plan", ends[0] + other[0] + other[1])
        self.assertIn("cannot be read", other[1])
        self.assertEqual(statuses[0], 3)
        self.assertEqual(other[1].count("connected"), 1)

    def test_mistakes_are_named(self):
        process = chat("--listen", "0", "--key-provider", "shared,passphrase-file=/nowhere")
        output = process.communicate(timeout=PATIENCE)
        self.assertEqual(process.returncode, 2)
        self.assertRegex(output[1], r"^chat\.py: passphrase-file.*\n$")
        process = chat("--listen", "0")
        process.communicate(timeout=PATIENCE)
        self.assertEqual(process.returncode, 2)

    def test_port_in_use_is_refused(self):
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = str(other.getsockname()[1])
            process = chat("--listen", port, "--key-provider", self.provider("key", "a meeting"))
            output = process.communicate(timeout=PATIENCE)
        self.assertEqual(process.returncode, 2)
        self.assertRegex(output[1], rf"^chat\.py: port {port}: .+\n$")


if __name__ == "__main__":
    unittest.main(verbosity=2)
