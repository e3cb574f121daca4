# SPDX-License-Identifier: LGPL-2.1-or-later
"""Killed recorders, a full disk, an SFU that goes and comes back."""

import hashlib
import os
import random
import subprocess
import time

from checks import CLIP_KEY_FRAMES, expect_until, expect_whole, matches
from janus import Janus
from process import expect, until
from recorders import audit_logs, recordings_of, verify_log
from recordings import read

KILLS, AT_ONCE = 20, 4
KILL_LOSS_SECONDS = 2.0
DISK_BYTES = 3 << 20
DISK_LEFT = 900 << 10
SFU_PORT = 8188


def digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def kills(bench):
    """Each folder is used again and again; what one recorder left, the next one must not touch."""
    check = bench.report.check
    dice = random.Random()
    with bench.meeting("kills") as meeting:
        publishers = meeting.publishers
        for name in ("alice", "bob"):
            publishers.join(name)
        killed = []  # path, name, time of the kill, digest then
        for _ in range(KILLS // AT_ONCE):
            running = []
            for slot in range(AT_ONCE):
                mode = "sealed" if slot % 2 else "open"
                folder = f"{mode}-{slot}"
                path = os.path.join(meeting.folder, folder)
                before = set(recordings_of(path)) if os.path.isdir(path) else set()
                recorder = meeting.record(folder, mode)
                running.append((recorder, before, time.time() + dice.uniform(2.0, 6.0)))
            for recorder, before, when in sorted(running, key=lambda entry: entry[2]):
                time.sleep(max(0, when - time.time()))
                recorder.kill()
                now = time.time()
                for path in set(recordings_of(recorder.folder)) - before:
                    name = os.path.basename(path).split(".")[0]
                    killed.append((path, name, now, digest(path)))
        logs = [path for r in meeting.recorders for path in audit_logs(r.folder)]

        def readable():
            worst = 0
            count = 0
            expect(len(killed) >= KILLS / 2, f"only {len(killed)} files in {KILLS} recorders")
            for path, name, when, then in killed:
                expect(digest(path) == then, f"{path} was changed by a later recorder")
                which = "cipher" if "sealed" in path else "plain"
                tracks = read(path) if os.path.getsize(path) else {}
                if not tracks:
                    # Begun less than two seconds before.
                    begun = when - os.stat(path).st_ctime
                    expect(begun <= KILL_LOSS_SECONDS, f"{path}: nothing in {begun:.1f} s")
                    continue
                found = matches(publishers, name, path, which, tuple(tracks))
                for media, match in found.items():
                    if match.frames == 0:
                        continue
                    expect(match.whole, f"{path} {media}: {match}")
                    last = publishers.manifest(name, media)[match.last]["time"]
                    worst = max(worst, when - last)
                    count += match.frames
            expect(worst <= KILL_LOSS_SECONDS, f"the last {worst:.2f} s are missing")
            return f"{len(killed)} files, {count} frames; at most {worst:.2f} s before the kill"

        def log_open_ended():
            states = [verify_log(bench, path) for path in set(logs)]
            expect(states, "no audit logs")
            bad = [text for status, text in states if status != 3]
            expect(not bad, f"{len(bad)} of {len(states)} are not open-ended: {bad[:2]}")
            return f"{len(states)} logs open-ended"

        check(f"killed {KILLS} times: files are whole, none touched again", readable)
        check("audit log: open-ended after a kill", log_open_ended)


def disk_full(bench):
    check = bench.report.check
    with bench.meeting("disk") as meeting:
        publishers = meeting.publishers
        folder = os.path.join(meeting.folder, "small")
        os.makedirs(folder)
        mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", folder]
        subprocess.run(mount, check=True)
        filler = os.path.join(folder, "filler")
        with open(filler, "wb") as file:
            file.write(bytes(DISK_BYTES - DISK_LEFT))
        for name in ("alice", "bob"):
            publishers.join(name)
        recorder = meeting.record("small")
        told = None
        try:
            recorder.wait_file("alice")
            told = until(
                "a message about the disk", 25,
                lambda: recorder.told("No space") or recorder.told("disk"),
            )  # fmt: skip
            time.sleep(2)
            alive = recorder.alive()
            full_files = {name: recorder.files(name) for name in ("alice", "bob")}
            os.unlink(filler)
            until(
                "new files", 20,
                lambda: all(len(recorder.files(n)) > len(full_files[n]) for n in full_files),
            )  # fmt: skip
            time.sleep(2)
            end = time.time()
            status = recorder.stop()

            def full():
                expect(alive, "the recorder ended")
                for name, paths in full_files.items():
                    for path in paths:
                        expect_whole(publishers, name, path)
                return str(told)[:120]

            def again():
                expect(status in (0, 3), f"exit status {status}")
                for name in full_files:
                    found = expect_whole(publishers, name, recorder.files(name)[-1], key_within=CLIP_KEY_FRAMES)
                    expect_until(publishers, name, found, end)
                return f"exit status {status}"

            check("disk full: said, and files are whole", full)
            check("disk full: records on when there is room", again)
        finally:
            recorder.kill()
            subprocess.run(["umount", "-l", folder], check=False)


def sfu_restart(bench):
    check = bench.report.check
    janus = Janus(bench.folder("janus-2"), SFU_PORT, "40001-50000")
    try:
        with bench.meeting("sfu", janus) as meeting:
            publishers = meeting.publishers
            for name in ("alice", "bob"):
                publishers.join(name)
            recorder = meeting.record("open")
            for name in ("alice", "bob"):
                recorder.wait_file(name)
            time.sleep(3)
            janus.kill()
            killed = time.time()
            told_before = len(recorder.events)
            time.sleep(3)
            told = [entry for _, entry in recorder.events[told_before:]]
            alive = recorder.alive()
            janus.start()
            for name in ("alice", "bob"):
                publishers.leave(name)
            publishers.session.open = False
            publishers.connect()
            for name in ("alice", "bob"):
                publishers.join(name, f"{name}-again")
            counts = {name: len(recorder.files(name)) for name in ("alice", "bob")}
            try:
                for name, count in counts.items():
                    recorder.wait_file(name, max(2, count), 30)
            except Exception as error:  # pylint: disable=broad-except
                back_error = error
            else:
                back_error = None
            time.sleep(2)
            end = time.time()
            status = recorder.stop()

            def gone():
                expect(alive, "the recorder ended with the SFU")
                expect(told, "the recorder says nothing of it")
                for name in ("alice", "bob"):
                    found = expect_whole(publishers, name, recorder.files(name)[0])
                    expect_until(publishers, name, found, killed)
                return str(told[0])[:120]

            def back():
                if back_error:
                    raise back_error
                expect(status in (0, 3), f"exit status {status}")
                for name in ("alice", "bob"):
                    path = recorder.files(name)[-1]
                    found = expect_whole(publishers, f"{name}-again", path)
                    expect_until(publishers, f"{name}-again", found, end)
                return "new files are whole"

            check("SFU killed: said, and files are whole", gone)
            check("SFU started again: records on", back)
    finally:
        janus.kill()
