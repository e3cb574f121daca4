# SPDX-License-Identifier: LGPL-2.1-or-later
"""Programs that are started, told things, and ended by their own id."""

import ctypes
import json
import os
import queue
import signal
import subprocess
import threading
import time

PR_SET_PDEATHSIG = 1
ANSWER_SECONDS = 20
libc = ctypes.CDLL(None, use_errno=True)


class MeetingError(Exception):
    """Something that a test expected did not happen."""


def expect(condition, what):
    if not condition:
        raise MeetingError(what)


def until(what, seconds, check, pause=0.05):
    """What `check` answers, once that is true."""
    end = time.monotonic() + seconds
    while True:
        result = check()
        if result:
            return result
        if time.monotonic() > end:
            raise MeetingError(f"{what}: not within {seconds} s")
        time.sleep(pause)


def die_with_parent():
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Program:
    """A child that is killed when this process dies, whatever it dies of."""

    def __init__(self, command, log, **options):
        self.log = log
        with open(log, "ab") as errors:
            self.child = subprocess.Popen(
                command, stderr=errors, preexec_fn=die_with_parent, **options
            )

    def alive(self):
        return self.child.poll() is None

    def end(self, how=signal.SIGTERM, seconds=5):
        """The exit status; negative: the signal that ended it."""
        if self.alive():
            self.child.send_signal(how)
        try:
            return self.child.wait(seconds)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
            raise MeetingError(f"{self.child.args[0]} does not end; see {self.log}") from None

    def kill(self):
        if self.alive():
            self.child.kill()
        self.child.wait()

    def cpu_seconds(self):
        """User and system time so far."""
        with open(f"/proc/{self.child.pid}/stat", encoding="ascii") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def peak_memory(self):
        """In bytes."""
        with open(f"/proc/{self.child.pid}/status", encoding="ascii") as status:
            for line in status:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
        return 0


class Lines(Program):
    """One that writes lines of JSON; `on_line` gets those that answer no request."""

    def __init__(self, command, log, on_line, **options):
        super().__init__(
            command, log, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **options
        )
        self.on_line = on_line
        self.number = 0
        self.waiting = {}
        self.lock = threading.Lock()
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.child.stdout:
            try:
                entry = json.loads(line)
            except ValueError:
                entry = {"text": line.rstrip("\n")}
            answer = self.waiting.pop(entry.get("id"), None) if "id" in entry else None
            if answer:
                answer.put(entry)
            else:
                self.on_line(entry)

    def ask(self, op, wait=ANSWER_SECONDS, **request):
        answer = queue.Queue()
        with self.lock:
            self.number += 1
            self.waiting[self.number] = answer
            line = json.dumps({"id": self.number, "op": op, **request})
            self.child.stdin.write(line + "\n")
            self.child.stdin.flush()
        try:
            entry = answer.get(timeout=wait)
        except queue.Empty:
            raise MeetingError(f"{op}: no answer; see {self.log}") from None
        if "error" in entry:
            raise MeetingError(f"{op}: {entry['error']}")
        return entry["result"]
