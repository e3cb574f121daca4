# SPDX-License-Identifier: LGPL-2.1-or-later
"""The programs under test: e2ee-recorder and e2ee-unseal, and the files they write."""

import json
import os
import re
import signal
import subprocess
import time
from collections import Counter
from datetime import datetime

from process import Lines, MeetingError, expect, until

JOIN_SECONDS = 15


class Recorder(Lines):
    """One that runs; `events` holds what it told, each with the time it came."""

    def __init__(self, bench, publishers, folder, mode="open", options=(), room=None, provider=None):
        os.makedirs(folder, exist_ok=True)
        self.folder = folder
        self.mode = mode
        self.events = []
        command = [
            bench.recorder, "--url", publishers.janus.url, "--room", str(room or publishers.room),
            "--output", folder, "--mode", mode, "--audit-key", bench.audit_key, "--json",
            "--loopback-only",
        ]  # fmt: skip
        if mode == "open":
            provider = provider or f"participant,keys-file={publishers.keys.path}"
            command += ["--key-provider", provider]
        super().__init__([*command, *options], os.path.join(folder, "recorder.log"), self.on_event)

    def on_event(self, entry):
        self.events.append((time.time(), entry))

    def told(self, event, **fields):
        """All events of that name with these values, in the order they came."""
        return [
            entry for _, entry in list(self.events)
            if entry.get("event") == event and all(entry.get(n) == v for n, v in fields.items())
        ]  # fmt: skip

    def until(self, what, seconds, check, *pause):
        """As process.until, which would wait for a recorder that has ended."""

        def look():
            ended = not self.alive()
            if ended:
                self.reader.join()
            result = check()
            expect(
                result or not ended,
                f"{what}: the recorder ended with status {self.child.poll()}; see {self.log}",
            )
            return result

        return until(what, seconds, look, *pause)

    def wait_told(self, event, seconds=JOIN_SECONDS, **fields):
        """The first one."""
        what = " ".join([event, *map(str, fields.values())])
        told = self.until(f"the recorder saying {what}", seconds, lambda: self.told(event, **fields))
        return told[0]

    def wait_file(self, identity, number=1, seconds=JOIN_SECONDS):
        what = f"file {number} of {identity} in {os.path.basename(self.folder)}"
        self.until(what, seconds, lambda: len(self.files(identity)) >= number)
        return self.files(identity)[number - 1]

    def wait_size(self, path, more=20000, seconds=JOIN_SECONDS):
        start = os.path.getsize(path)
        self.until(f"{path} growing", seconds, lambda: os.path.getsize(path) >= start + more)

    def files(self, identity):
        return recordings_of(self.folder, identity)

    def stop(self):
        """Asked to end; its exit status."""
        return self.end(signal.SIGTERM, 20)

    def keys_taken(self):
        """How often it took a key for each identity and index."""
        return Counter(
            (entry["participant"], entry["key-id"])
            for entry in read_log(self.audit_log())
            if entry["event"] == "key-changed"
        )

    def audit_log(self):
        logs = audit_logs(self.folder)
        expect(logs, f"no audit log in {self.folder}")
        return logs[-1]


def time_of(entry):
    """Of an event, by the recorder's own clock."""
    return datetime.fromisoformat(entry["time"]).timestamp()


def number_of(name):
    match = re.search(r"\.(\d+)\.(webm|mkv)$", name)
    return int(match[1]) if match else 1


def recordings_of(folder, identity=None):
    """Paths, in the order in which they were begun."""
    names = [name for name in os.listdir(folder) if name.endswith((".webm", ".mkv"))]
    if identity is not None:
        names = [name for name in names if name.split(".")[0] == identity]
    return [os.path.join(folder, name) for name in sorted(names, key=number_of)]


def audit_logs(folder):
    paths = [
        os.path.join(folder, name)
        for name in os.listdir(folder)
        if name.endswith(".jsonl") or name.endswith(".log") and name.startswith("audit")
    ]
    return sorted(paths, key=os.path.getmtime)


def read_log(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.endswith("\n")]


def verify_log(bench, path, key=None):
    """Exit status (0 closed, 1 broken, 3 open-ended) and what it says."""
    command = [bench.recorder, "verify-log", path, "--public-key", key or bench.public_key]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    return done.returncode, (done.stdout + done.stderr).strip()


def control(bench, socket, command, identity=None):
    line = [bench.recorder, command, "--control", socket] + ([identity] if identity else [])
    done = subprocess.run(line, capture_output=True, text=True, timeout=30, check=False)
    if done.returncode != 0:
        raise MeetingError(f"{command}: {(done.stderr or done.stdout).strip()}")
    return done.stdout


def unseal(bench, path, keys, output):
    """With the history of the keys of whom it is of."""
    done = subprocess.run(
        [bench.unseal, path, *keys, "-o", output],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        raise MeetingError(f"e2ee-unseal {path}: {(done.stderr or done.stdout).strip()[-500:]}")
    return done.stdout
