# SPDX-License-Identifier: LGPL-2.1-or-later
"""Where the blocks of a page run: a folder of its own as home, with the files that the docs name,
the environment of the build, and no network but 127.0.0.1."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from markdown import Markdown

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("MESON_BUILD_ROOT", ROOT / "build"))
QUICK = "E2EE_QUICK" in os.environ
INSIDE = "E2EE_DOCS_INSIDE"
LIMIT = 120  # seconds for what takes a few
COMPLAINT = re.compile(r"^.*(CRITICAL \*\*|WARNING \*\*|Traceback \(most recent).*$", re.M)
SCRIPTS = ("examples/demo.sh", "examples/browser/run.sh", "examples/datatrack/datatrack.py")


class Fault(Exception):
    """What the docs say is not so."""


class Skip(Exception):
    """Cannot be seen here."""


def isolate():
    """Goes on in namespaces, with which all that was started ends. False where there are none."""
    if INSIDE in os.environ:
        return True
    spaces = ["unshare", "--net", "--pid", "--fork", "--kill-child=KILL", "--mount-proc"]
    spaces += [] if os.geteuid() == 0 else ["--map-root-user"]
    spaces.append(str(ROOT / "tests" / "interop" / "namespace.sh"))
    try:
        subprocess.run([*spaces, "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        return False
    os.environ[INSIDE] = "1"
    os.execvp("unshare", [*spaces, sys.executable, "-B", *sys.argv])


def keys_ini():
    """The example of docs/key-providers.md."""
    page = Markdown(ROOT / "docs" / "key-providers.md")
    return next(step.text for step in page.steps if step.mark == ("file", "keys.ini"))


class Background:
    def __init__(self, sandbox, text):
        self.log = sandbox.log()
        with open(self.log, "wb") as log:
            self.process = sandbox.start(text, log)

    def says(self):
        return self.log.read_text(encoding="utf-8", errors="replace")

    def wait_for(self, pattern):
        deadline = time.monotonic() + LIMIT
        while not re.search(pattern, self.says()):
            if self.process.poll() is not None:
                raise Fault(f"ended with status {self.process.returncode}:\n{self.says()}")
            if time.monotonic() > deadline:
                raise Fault(f'says no "{pattern}" within {LIMIT} s:\n{self.says()}')
            time.sleep(0.05)

    def interrupt(self):
        """Ctrl-C, for whoever runs in that terminal."""
        os.killpg(self.process.pid, signal.SIGINT)

    def ends_with(self, status):
        try:
            self.process.wait(LIMIT)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Fault(f"does not end within {LIMIT} s:\n{self.says()}") from None
        if self.process.returncode != status:
            raise Fault(f"ended with status {self.process.returncode}, not {status}:\n{self.says()}")

    def kill(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


class Sandbox:
    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="e2ee-docs-"))
        (self.folder / "run" / "secrets").mkdir(parents=True)
        (self.folder / "run").chmod(0o700)
        self.env = dict(
            os.environ,
            HOME=str(self.folder),
            XDG_RUNTIME_DIR=str(self.folder / "run"),
            GST_REGISTRY=str(BUILD / "docs-registry.bin"),
            E2EE_NO_INSTALL="1",
            E2EE_BUILD=str(BUILD),
            MEETING_PASSPHRASE="correct horse battery staple",
        )
        for name in ("DISPLAY", "WAYLAND_DISPLAY", "http_proxy", "https_proxy", "all_proxy"):
            self.env.pop(name, None)
        self._logs = 0
        self._files()

    def _files(self):
        """Those that the docs name, under these names."""
        passphrase = b"correct horse battery staple\n"
        raw = b"[alice]\nkey=000102030405060708090a0b0c0d0e0f\n"
        for name, content in {
            "meeting": passphrase,
            "key.bin": bytes(range(32)),
            "keys.ini": keys_ini().encode(),
            "keys-raw.ini": raw,
            "run/secrets/meeting": passphrase,
            "run/secrets/key.bin": bytes(range(32)),
            "run/secrets/keys.ini": keys_ini().encode(),
        }.items():
            (self.folder / name).touch(mode=0o600)
            (self.folder / name).write_bytes(content)
        for script in SCRIPTS:  # they build, and find their modules, where they lie
            place = self.folder / script
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(f'#!/bin/sh\nexec "{ROOT / script}" "$@"\n', encoding="utf-8")
            place.chmod(0o700)

    def log(self):
        self._logs += 1
        return self.folder / f".log-{self._logs}"

    def start(self, text, output, shell=("bash", "-euo", "pipefail", "-c")):
        # The only thing that is not as written: /run belongs to the system.
        text = text.replace("/run/secrets/", f"{self.folder}/run/secrets/")
        return subprocess.Popen(
            [*shell, text],
            cwd=self.folder,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def run(self, text, limit=LIMIT):
        """What it prints. A Fault if it fails, does not end or GLib complains."""
        run = Background(self, text)
        try:
            run.process.wait(limit)
        except subprocess.TimeoutExpired:
            run.kill()
            raise Fault(f"does not end within {limit} s:\n{run.says()}") from None
        printed = run.says()
        if run.process.returncode == 77:
            raise Skip(printed.strip().splitlines()[-1])
        if run.process.returncode != 0:
            raise Fault(f"status {run.process.returncode}:\n{printed}")
        no_complaint(printed)
        return printed

    def remove(self):
        shutil.rmtree(self.folder)


def no_complaint(printed):
    if found := COMPLAINT.search(printed):
        raise Fault(f"{found.group().strip()}\n{printed}")
