# SPDX-License-Identifier: LGPL-2.1-or-later
"""Keys that come late, never, are taken away and come back; a keys file that cannot be read."""

import os
import time

from checks import (
    CLIP_KEY_FRAMES, expect_none_after, expect_none_before, expect_until, expect_whole, matches, total,
)  # fmt: skip
from process import MeetingError, expect
from recorders import control, time_of

LATE_SECONDS = 3
GRACE_SECONDS = 3
NOTICED_SECONDS = 2  # a change of the keys file, on a busy machine


def late_and_withdrawn(bench):
    check = bench.report.check
    with bench.meeting("keys") as meeting:
        publishers = meeting.publishers
        socket = os.path.join(meeting.folder, "control")
        options = ["--key-wait", "5", "--keys-grace", str(GRACE_SECONDS), "--control", socket]
        recorder = meeting.record("open", options=options)
        for name in ("alice", "bob", "dave"):
            publishers.join(name)
        for name in ("alice", "bob", "dave"):
            recorder.wait_file(name)
        publishers.join("late", told=False)
        publishers.join("never", told=False)
        time.sleep(LATE_SECONDS)
        index, passphrase = publishers.keys.history[-2][1:]
        publishers.keys.set("late", index, passphrase)
        recorder.wait_file("late")
        time.sleep(2)

        # Withdrawn, and given back; dave by command as well, which the keys file does not undo.
        control(bench, socket, "withdraw", "dave")
        dave_withdrawn = time.time()
        daves = publishers.keys.remove("dave")
        withdrawn = time.time()
        ring = publishers.keys.remove("bob")
        recorder.wait_told("withdrawn", participant="bob")
        time.sleep(2)
        before = len(recorder.files("bob"))
        publishers.keys.restore("dave", daves)
        given_back = time.time()
        publishers.keys.restore("bob", ring)
        recorder.wait_file("bob", before + 1)
        time.sleep(2)
        daves_files = len(recorder.files("dave"))
        dave_allowed = time.time()
        try:
            control(bench, socket, "allow", "dave")
            recorder.wait_file("dave", 2)
        except MeetingError as error:
            allow_error = error
        else:
            allow_error = None
        time.sleep(1)

        # A file that nobody can read.
        good = open(publishers.keys.path, encoding="utf-8").read()
        publishers.keys.replace("[alice\npassphrase=\n")
        recorder.wait_told("recording-closed", participant="alice")
        stopped_sizes = [os.path.getsize(path) for path in recorder.files("alice")]
        time.sleep(1.5)
        sizes_later = [os.path.getsize(path) for path in recorder.files("alice")]
        publishers.keys.replace(good)
        recorder.wait_file("alice", 2)
        time.sleep(1.5)
        end = time.time()
        status = recorder.stop()

        def late():
            files = recorder.files("late")
            found = expect_whole(publishers, "late", files[0])
            arrived = time_of(recorder.told("frames-missing-key", participant="late")[0])
            for media, match in found.items():
                first = publishers.manifest("late", media)[match.first]["time"]
                expect(first <= arrived, f"{media} from {first - arrived:.2f} s after the first that came")
            left = recorder.told("left", participant="late")[0]
            kept = {"frames-not-decrypted": 0, "frames-not-written": 0}
            for field, wanted in kept.items():
                expect(left[field] == wanted, f"{field}: {left[field]}")
            return f"{total(found)} of {left['frames-arrived']} frames that came"

        def never():
            expect(not recorder.files("never"), "there is a file of someone without a key")
            expect(recorder.told("frames-missing-key", participant="never"), "nobody is told")
            return "no file, told"

        def withdrawal():
            files = recorder.files("bob")
            expect(before == 1, f"{before} files during the withdrawal")
            found = expect_whole(publishers, "bob", files[0])
            told = time_of(recorder.told("withdrawn", participant="bob")[0])
            expect(told < withdrawn + NOTICED_SECONDS, f"noticed after {told - withdrawn:.1f} s")
            expect_until(publishers, "bob", found, withdrawn)
            expect_none_after(publishers, "bob", found, told)
            again = expect_whole(publishers, "bob", files[1], key_within=CLIP_KEY_FRAMES)
            after = expect_none_before(publishers, "bob", again, given_back)
            manifest = publishers.manifest("bob", "video")
            late = manifest[found["video"].last]["time"] - withdrawn
            return f"ended {late:+.2f} s from it, again {after:+.2f} s from the key"

        def by_command():
            expect(daves_files == 1, f"{daves_files} files before they were allowed")
            if allow_error:
                raise allow_error
            files = recorder.files("dave")
            found = expect_whole(publishers, "dave", files[0])
            expect_none_after(publishers, "dave", found, dave_withdrawn)
            again = expect_whole(publishers, "dave", files[1], key_within=CLIP_KEY_FRAMES)
            expect_none_before(publishers, "dave", again, dave_allowed)
            return "keys taken away and given back do not matter; allowed, a new file"

        def others():
            alarm = time_of(recorder.told("keys-alarm")[0])
            stopped = time_of(
                next(e for e in recorder.told("withdrawn", participant="alice") if time_of(e) > alarm)
            )
            kept = stopped - alarm
            expect(GRACE_SECONDS - 0.5 < kept < GRACE_SECONDS + 2, f"stopped {kept:.1f} s after the alarm")
            found = expect_whole(publishers, "alice", recorder.files("alice")[0])
            expect_until(publishers, "alice", found, stopped)
            expect_none_after(publishers, "alice", found, stopped)
            expect(stopped_sizes == sizes_later, "still recorded after the grace time")
            again = expect_whole(publishers, "alice", recorder.files("alice")[1], key_within=CLIP_KEY_FRAMES)
            expect_until(publishers, "alice", again, end)
            return f"alarm, old keys for {kept:.1f} s, then stopped; on again when mended"

        check("key 3 s late: nothing lost", late)
        check("key missing: nothing recorded, and told", never)
        check("key withdrawn: ends at once, a new file when it is back", withdrawal)
        check("withdrawn by command: the keys file does not allow it again", by_command)
        check("keys file malformed: old keys for the grace time, with an alarm", others)
        check("keys: ends with status 3", lambda: expect(status == 3, f"status {status}"))


def commands_and_changes(bench):
    """Sealed: withdrawn by command; sound muted, pictures resized, another codec."""
    check = bench.report.check
    with bench.meeting("changes") as meeting:
        publishers = meeting.publishers
        socket = os.path.join(meeting.folder, "control")
        sealed = meeting.record("sealed", "sealed", ["--control", socket])
        opened = meeting.record("open")
        publishers.join("alice")
        publishers.join("bob")
        for recorder in (sealed, opened):
            recorder.wait_file("alice")
            recorder.wait_file("bob")
        time.sleep(2)
        publishers.mute("alice", "audio", True)
        time.sleep(0.5)
        asked = time.time()
        control(bench, socket, "withdraw", "bob")
        withdrawn = time.time()
        time.sleep(2.5)
        status_text = control(bench, socket, "status")
        files_then = len(sealed.files("bob"))
        control(bench, socket, "allow", "bob")
        sealed.wait_file("bob", 2)
        time.sleep(1)
        publishers.mute("alice", "audio", False)
        publishers.resize("alice", 320, 180)
        time.sleep(2)
        publishers.leave("bob")
        time.sleep(0.5)
        files = {recorder: len(recorder.files("bob")) for recorder in (sealed, opened)}
        publishers.join("bob", "bob-vp9", codec="vp9")
        for recorder in (sealed, opened):
            recorder.wait_file("bob", files[recorder] + 1)
        time.sleep(3)
        end = time.time()
        for recorder in (sealed, opened):
            recorder.stop()

        def command():
            expect("withdrawn" in status_text, f"status says {status_text!r}")
            expect(files_then == 1, f"{files_then} files while withdrawn")
            found = expect_whole(publishers, "bob", sealed.files("bob")[0], "cipher")
            expect_none_after(publishers, "bob", found, withdrawn)
            expect_until(publishers, "bob", found, asked)
            expect_whole(publishers, "bob", sealed.files("bob")[1], "cipher", key_within=CLIP_KEY_FRAMES)
            expect_whole(publishers, "bob", opened.files("bob")[0])
            return "that file ended, the next one is whole"

        def mute(recorder, which):
            files = recorder.files("alice")
            expect(len(files) == 1, f"{len(files)} files of alice")
            found = expect_whole(publishers, "alice", files[0], which)
            expect_until(publishers, "alice", found, end)
            return f"{total(found)} frames, one file"

        def codec(recorder, which):
            files = recorder.files("bob")
            found = matches(publishers, "bob-vp9", files[-1], which)
            for media, match in found.items():
                expect(match.whole, f"{media}: {match}")
            expect_until(publishers, "bob-vp9", found, end)
            return f"{len(files)} files, {total(found)} frames in VP9's"

        check("sealed: withdrawn and allowed by command", command)
        for recorder, which in ((opened, "plain"), (sealed, "cipher")):
            mode = recorder.mode
            check(f"sound muted, pictures resized, {mode}", lambda r=recorder, w=which: mute(r, w))
            check(f"another codec, {mode}", lambda r=recorder, w=which: codec(r, w))
