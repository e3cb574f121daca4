# SPDX-License-Identifier: LGPL-2.1-or-later
"""Lines of standard input go out, texts that come in are printed."""

import re
import signal
import sys
import threading

if __name__ == "__main__":
    print(__doc__)
    raise SystemExit

from gi.repository import GLib  # noqa: E402

FAILED, REFUSED, SOMETHING_LOST = 1, 2, 3  # exit statuses
KEY_INDICES = 256
KEY_COMMAND = re.compile(r"/key (\d{1,3})")


def say(text):
    print(text, file=sys.stderr, flush=True)


def printable(text):
    """Other people's text, which can neither control the terminal nor pose as somebody else's line."""
    lines = text.splitlines() or [""]
    return "\n  ".join("".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in line) for line in lines)


class Terminal:
    """Everything here but read_lines() runs in the main loop.

    The other end is an object with is_open(), send(text), use_key(index), and leave(done), which calls
    done() once what was sent is on its way.
    """

    def __init__(self):
        self.loop = GLib.MainLoop()
        self.status = 0
        self.other_end = None
        self.typed = []  # before the other end is open
        self.input_ended = False
        self.connected = False
        self.leaving = False

    def run(self, other_end):
        """Until the input or the other end ends; the exit status."""
        self.other_end = other_end
        for number in (signal.SIGINT, signal.SIGTERM):
            GLib.unix_signal_add(GLib.PRIORITY_DEFAULT, number, self.on_signal)
        threading.Thread(target=self.read_lines, daemon=True).start()
        self.loop.run()
        return self.status

    # ---- what the other end tells -----------------------------------------------------------------

    def on_open(self):
        """May be told more than once."""
        if self.connected:
            return
        self.connected = True
        if not self.typed and not self.input_ended:
            say("connected; type a line and press Enter, Ctrl-D ends")
        waiting, self.typed = self.typed, []
        for text in waiting:
            self.send(text)
        if self.input_ended:
            self.leave()

    def show(self, text, sender=None):
        print(f"< {printable(sender)}: {printable(text)}" if sender else f"< {printable(text)}", flush=True)

    def lost(self, text):
        """A message that was lost, or that is not shown."""
        say(printable(text))
        self.status = SOMETHING_LOST

    def end(self, status=0, text=None):
        if text and not self.leaving:
            say(f"chat.py: {printable(text)}")
            self.status = status
        self.loop.quit()

    # ---- the keyboard -----------------------------------------------------------------------------

    def read_lines(self):
        for line in sys.stdin:
            text = line.rstrip("\n")
            if text:
                GLib.idle_add(self.send, text)
        GLib.idle_add(self.on_input_end)

    def send(self, text):
        if not self.other_end.is_open():
            self.typed.append(text)
            return
        command = KEY_COMMAND.fullmatch(text)
        try:
            if command:
                self.use_key(int(command[1]))
            else:
                self.other_end.send(text)
        except GLib.Error as error:
            self.lost(f"not sent: {error.message}")

    def use_key(self, index):
        if index < KEY_INDICES:
            self.other_end.use_key(index)
            say(f"encrypting with the key at index {index}")
        else:
            say(f"/key takes 0 to {KEY_INDICES - 1}")

    def on_input_end(self):
        self.input_ended = True
        if self.other_end.is_open():
            self.leave()

    def on_signal(self):
        if self.other_end.is_open():
            self.leave()
        else:
            self.loop.quit()
        return GLib.SOURCE_CONTINUE

    def leave(self):
        if not self.leaving:
            self.leaving = True
            self.other_end.leave(self.loop.quit)
