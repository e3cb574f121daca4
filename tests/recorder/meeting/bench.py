# SPDX-License-Identifier: LGPL-2.1-or-later
"""Where meetings take place: the programs, the SFU, folders, and the results."""

import itertools
import os
import shutil
import subprocess
import sys
import threading
import time
import traceback

from janus import Janus
from process import Lines
from publishers import Publishers
from recorders import Recorder

CLIPS = (("vp8", 640, 360), ("vp8", 320, 180), ("vp9", 640, 360), ("h264", 640, 360))


class Report:
    """Progress, the table, and steps.tsv for tests/report.py."""

    def __init__(self, folder):
        os.makedirs(folder, exist_ok=True)
        self.file = os.path.join(folder, "steps.tsv")
        with open(self.file, "w", encoding="utf-8"):
            pass
        self.lock = threading.Lock()
        self.results = []  # name, outcome, text, seconds

    def add(self, name, outcome, text, seconds=None):
        text = " ".join(text.split())
        took = "" if seconds is None else f" ({seconds:.1f} s)"
        word = {"passed": "ok", "failed": "FAILED", "skipped": "skipped"}[outcome]
        with self.lock:
            self.results.append((name, outcome, text))
            with open(self.file, "a", encoding="utf-8") as file:
                file.write(f"{outcome}\trecorder {name}\t{'' if outcome == 'passed' else text}\n")
            print(f"{name} ... {word}{': ' + text if text else ''}{took}", file=sys.stderr, flush=True)

    def check(self, name, run):
        """A named case; what `run` answers goes into the table. Whether it passed."""
        start = time.monotonic()
        try:
            self.add(name, "passed", str(run() or ""), time.monotonic() - start)
            return True
        except Exception as error:  # pylint: disable=broad-except
            where = traceback.extract_tb(error.__traceback__)[-1]
            text = str(error) or type(error).__name__
            if not type(error).__name__.startswith("Meeting"):
                text = f"{type(error).__name__}: {text} ({where.filename}:{where.lineno})"
            self.add(name, "failed", text, time.monotonic() - start)
            return False

    def finish(self):
        width = max((len(name) for name, _, _ in self.results), default=0)
        print()
        for name, outcome, text in sorted(self.results):
            mark = "" if outcome == "passed" else outcome.upper() + "  "
            print(f"{name.ljust(width)}  {mark}{text}")
        print()
        counts = {
            wanted: sum(outcome == wanted for _, outcome, _ in self.results)
            for wanted in ("passed", "failed", "skipped")
        }
        print(", ".join(f"{count} {outcome}" for outcome, count in counts.items()), flush=True)
        return 1 if counts["failed"] or not counts["passed"] + counts["skipped"] else 0


class Meeting:
    """A room with publishers and recorders, all of which end with it."""

    def __init__(self, bench, name, janus=None, program=None, room=None):
        self.bench = bench
        self.folder = bench.folder(name)
        self.janus = janus or bench.janus
        self.publishers = Publishers(
            self.janus, room or bench.next_room(), os.path.join(self.folder, "sent"),
            program or bench.publisher,
        )  # fmt: skip
        self.recorders = []

    def record(self, name, mode="open", options=(), **more):
        self.publishers.keys.begin()
        recorder = Recorder(
            self.bench, self.publishers, os.path.join(self.folder, name), mode, options, **more
        )
        self.recorders.append(recorder)
        return recorder

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for recorder in self.recorders:
            recorder.kill()
        self.publishers.close()


class Bench:
    def __init__(self, build, work):
        self.build = build
        self.work = work
        self.recorder = os.path.join(build, "examples/recorder/e2ee-recorder")
        self.unseal = os.path.join(build, "examples/recorder/e2ee-unseal")
        clips = os.path.join(work, "clips")
        os.makedirs(clips, exist_ok=True)
        self.publisher = [os.path.join(build, "tests/recorder/e2ee-test-publisher"), clips]
        self.rooms = itertools.count(1001)
        self.janus = None
        self.report = Report(os.path.join(work, "results"))
        self.audit_key = os.path.join(work, "audit.pem")
        self.public_key = os.path.join(work, "audit.pub.pem")
        if not os.path.exists(self.public_key):
            make = ["openssl", "genpkey", "-algorithm", "ed25519", "-out", self.audit_key]
            subprocess.run(make, check=True)
            show = ["openssl", "pkey", "-in", self.audit_key, "-pubout", "-out", self.public_key]
            subprocess.run(show, check=True)

    def next_room(self):
        return next(self.rooms)

    def folder(self, name):
        path = os.path.join(self.work, name)
        shutil.rmtree(path, ignore_errors=True)
        os.makedirs(path)
        return path

    def meeting(self, name, janus=None, program=None, room=None):
        return Meeting(self, name, janus, program, room)

    def start(self):
        self.janus = Janus(self.folder("janus"))
        self.prepare_clips()

    def prepare_clips(self):
        """So that meetings begin at once."""
        program = Lines(self.publisher, os.path.join(self.work, "clips.log"), lambda _: None)
        for codec, width, height in CLIPS:
            program.ask("prepare", codec=codec, width=width, height=height, wait=90)
        program.child.stdin.close()
        program.end()

    def close(self):
        if self.janus:
            self.janus.kill()
