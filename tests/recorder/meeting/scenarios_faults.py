# SPDX-License-Identifier: LGPL-2.1-or-later
"""Killed recorders, a full disk, an SFU that goes and comes back."""

import hashlib
import os
import random
import secrets
import shutil
import subprocess
import time
from collections import Counter

from checks import CLIP_KEY_FRAMES, expect_until, expect_whole, matches
from janus import Janus
from process import MeetingError, expect
from recorders import audit_logs, read_log, recordings_of, time_of, verify_log
from recordings import read

KILLS, AT_ONCE = 20, 4
KILL_LOSS_SECONDS = 2.0
BUSY_SECONDS = 1.0  # what it may take on a busy machine until the recorder has a frame
DISK_BYTES = 8 << 20
DISK_LEFT = 1 << 20
FULL_SECONDS = 10
RETRY_SECONDS = 30  # between two attempts of a recorder to write again, at most
SFU_PORT = 8188


def digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def figures_until(recorder, file, end):
    """Frames that the recorder said to be in a file, the last time before that."""
    figures = {}
    for entry in recorder.told("progress"):
        if time_of(entry) <= end:
            for row in entry["participants"]:
                if row["file"] == file:
                    figures = {media: row[media] for media in ("video", "audio")}
    return figures


def kills(bench):
    """Each folder is used again and again; what one recorder left, the next one must not touch."""
    check = bench.report.check
    dice = random.Random()
    with bench.meeting("kills") as meeting:
        publishers = meeting.publishers
        for name in ("alice", "bob"):
            publishers.join(name)
        killed = []  # path, recorder, time of the kill, digest then
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
                now = time.time()
                recorder.kill()
                for path in set(recordings_of(recorder.folder)) - before:
                    killed.append((path, recorder, now, digest(path)))
        logs = [path for r in meeting.recorders for path in audit_logs(r.folder)]

        def readable():
            worst = 0
            count = 0
            expect(len(killed) >= KILLS / 2, f"only {len(killed)} files in {KILLS} recorders")
            for path, recorder, when, then in killed:
                file = os.path.basename(path)
                name = file.split(".")[0]
                expect(digest(path) == then, f"{path} was changed by a later recorder")
                which = "cipher" if "sealed" in path else "plain"
                tracks = read(path) if os.path.getsize(path) else {}
                due = figures_until(recorder, file, when - KILL_LOSS_SECONDS)
                for media, told in due.items():
                    there = len(tracks[media].frames) if media in tracks else 0
                    expect(there >= told, f"{path}: {there} frames of {media}, {told} were told of")
                if not any(track.frames for track in tracks.values()):
                    started = recorder.told("recording-started", file=file)
                    begun = when - time_of(started[0]) if started else 0
                    expect(begun <= KILL_LOSS_SECONDS, f"{path}: nothing in {begun:.1f} s")
                    continue
                found = matches(publishers, name, path, which, tuple(tracks))
                for media, match in found.items():
                    if not tracks[media].frames:
                        continue
                    expect(match.whole, f"{path} {media}: {match}")
                    last = publishers.manifest(name, media)[match.last]["time"]
                    worst = max(worst, when - last)
                    count += match.frames
            limit = KILL_LOSS_SECONDS + BUSY_SECONDS
            expect(worst <= limit, f"the last {worst:.2f} s are missing")
            return f"{len(killed)} files, {count} frames; at most {worst:.2f} s before the kill"

        def log_open_ended():
            states = [verify_log(bench, path) for path in set(logs)]
            expect(states, "no audit logs")
            bad = [text for status, text in states if status != 3]
            expect(not bad, f"{len(bad)} of {len(states)} are not open-ended: {bad[:2]}")
            return f"{len(states)} logs open-ended"

        check(f"killed {KILLS} times: files are whole, none touched again", readable)
        check("audit log: open-ended after a kill", log_open_ended)


def fill(folder):
    """What is left of a disk, to its last byte."""
    filler = os.path.join(folder, "filler-2")
    dd = ["dd", "if=/dev/zero", f"of={filler}", "bs=4096", "oflag=append", "conv=notrunc", "status=none"]
    subprocess.run(dd, stderr=subprocess.DEVNULL, check=False)
    return filler


def disk_full(bench):
    """Filled by the recordings, then by something else, to the last byte."""
    with bench.meeting("disk") as meeting:
        folder = os.path.join(meeting.folder, "small")
        os.makedirs(folder)
        mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", folder]
        subprocess.run(mount, check=True)
        try:
            on_small_disk(bench, meeting, folder)
        finally:
            for recorder in meeting.recorders:
                recorder.kill()
            kept = shutil.copytree(folder, folder + "-kept", ignore=shutil.ignore_patterns("filler*"))
            subprocess.run(["umount", "-l", folder], check=True)
            os.rmdir(folder)
            os.rename(kept, folder)


def on_small_disk(bench, meeting, folder):
    check = bench.report.check
    publishers = meeting.publishers
    filler = os.path.join(folder, "filler")
    with open(filler, "wb") as file:
        file.write(bytes(DISK_BYTES - DISK_LEFT))
    people = ("alice", "bob")
    for name in people:
        publishers.join(name)
    recorder = meeting.record("small")
    recorder.wait_file("alice")

    def trouble(since):
        """What was told of the disk, once everyone's recording has."""
        told = [
            entry for entry in recorder.told("trouble")
            if entry["problem"].startswith("disk full") and time_of(entry) > since
        ]  # fmt: skip
        return told if {entry["participant"] for entry in told} == set(people) else []

    def records_on(told):
        """Answers how long at most that took."""
        ends = {entry["participant"]: time_of(entry) for entry in told}

        def pauses():
            starts = {e["participant"]: time_of(e) for e in recorder.told("recording-started")}
            found = [starts[name] - ends[name] for name in people]
            return found if min(found) > 0 else []

        longest = max(recorder.until("new files", 2 * RETRY_SECONDS, pauses))
        time.sleep(2)
        return longest

    def by_itself():
        start = time.time()
        told = recorder.until("messages about the disk", 60, lambda: trouble(start))
        time.sleep(2)
        os.unlink(filler)
        # The end of a file that went on for less than the pause before it would not be told again.
        time.sleep(records_on(told) + 1)
        return told[0]["problem"]

    def by_another():
        start = time.time()
        another = fill(folder)
        publishers.rotate("alice")

        def full():
            # Key after key of somebody who is not there: pages of the audit log.
            publishers.keys.set("carol", 0, secrets.token_urlsafe(12))
            fill(folder)
            return time.time() > start + FULL_SECONDS and trouble(start)

        try:
            told = recorder.until("messages about the disk", 60, full, 0.5)
        finally:
            os.unlink(another)
        records_on(told)
        return told[0]["problem"]

    check("disk full: said, and recorded on when there is room", by_itself)
    check(f"disk full to the last byte for {FULL_SECONDS} s: said, and recorded on", by_another)
    end = time.time()
    status = recorder.stop()

    def files_whole():
        count = 0
        for name in people:
            for number, path in enumerate(recorder.files(name)):
                key_within = CLIP_KEY_FRAMES if number else 0
                found = expect_whole(publishers, name, path, tracks=tuple(read(path)), key_within=key_within)
                count += 1
            expect_until(publishers, name, found, end)
        expect(status == 3, f"exit status {status}")
        return f"{count} files, exit status {status}"

    def log_goes_on():
        status, text = verify_log(bench, recorder.audit_log())
        expect(status == 0, f"status {status}: {text}")
        logged = Counter(entry["event"] for entry in read_log(recorder.audit_log()))
        told = Counter(entry["event"] for _, entry in recorder.events if "event" in entry)
        del told["progress"]
        missing = {event: count for event, count in told.items() if logged[event] < count}
        expect(not missing, f"not in the log: {missing}")
        return text

    check("disk full: files are whole, ends with status 3", files_whole)
    check("disk full: the audit log has all that was told, and is closed", log_goes_on)


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
            told = recorder.wait_told("room-lost")
            time.sleep(2)
            alive = recorder.alive()
            janus.start()
            for name in ("alice", "bob"):
                publishers.leave(name)
            publishers.session.open = False
            publishers.connect()
            for name in ("alice", "bob"):
                publishers.join(name, f"{name}-again")
            try:
                for name in ("alice", "bob"):
                    recorder.wait_file(name, 2, 30)
            except MeetingError as error:
                back_error = error
            else:
                back_error = None
            time.sleep(2)
            end = time.time()
            status = recorder.stop()

            def gone():
                expect(alive, "the recorder ended with the SFU")
                for name in ("alice", "bob"):
                    found = expect_whole(publishers, name, recorder.files(name)[0])
                    expect_until(publishers, name, found, killed)
                noticed = time_of(told) - killed
                return f"{told['problem']}, after {noticed:.1f} s"

            def back():
                if back_error:
                    raise back_error
                expect(status == 3, f"exit status {status}")
                for name in ("alice", "bob"):
                    path = recorder.files(name)[-1]
                    found = expect_whole(publishers, f"{name}-again", path)
                    expect_until(publishers, f"{name}-again", found, end)
                return "new files are whole"

            check("SFU killed: said, and files are whole", gone)
            check("SFU started again: records on", back)
    finally:
        janus.kill()
