# SPDX-License-Identifier: LGPL-2.1-or-later
"""Keys that come late, never, are taken away and come back; a keys file that cannot be read."""

import os
import time

from checks import CLIP_KEY_FRAMES, expect_none_after, expect_until, expect_whole, matches, total
from process import expect, until
from recorders import control

LATE_SECONDS = 3
GRACE_SECONDS = 3


def late_and_withdrawn(bench):
    check = bench.report.check
    with bench.meeting("keys") as meeting:
        publishers = meeting.publishers
        recorder = meeting.record(
            "open", options=["--key-wait", "5", "--keys-grace", str(GRACE_SECONDS)]
        )
        publishers.join("alice")
        publishers.join("bob")
        recorder.wait_file("alice")
        recorder.wait_file("bob")
        publishers.join("late", told=False)
        publishers.join("never", told=False)
        joined = time.time()
        time.sleep(LATE_SECONDS)
        index, passphrase = publishers.keys.history[-2][1:]
        publishers.keys.set("late", index, passphrase)
        recorder.wait_file("late")
        time.sleep(2)

        # Withdrawn, and given back.
        ring = publishers.keys.remove("bob")
        withdrawn = time.time()
        time.sleep(3)
        before = len(recorder.files("bob"))
        publishers.keys.restore("bob", ring)
        given_back = time.time()
        recorder.wait_file("bob", before + 1)
        time.sleep(2)

        # A file that nobody can read.
        good = open(publishers.keys.path, encoding="utf-8").read()
        publishers.keys.replace("[alice\npassphrase=\n")
        spoilt = time.time()
        time.sleep(GRACE_SECONDS + 3)
        stopped_sizes = [os.path.getsize(path) for path in recorder.files("alice")]
        time.sleep(1.5)
        sizes_later = [os.path.getsize(path) for path in recorder.files("alice")]
        publishers.keys.replace(good)
        until("a new file of alice", 10, lambda: len(recorder.files("alice")) >= 2)
        time.sleep(1.5)
        end = time.time()
        status = recorder.stop()

        def late():
            files = recorder.files("late")
            found = expect_whole(publishers, "late", files[0])
            first = publishers.manifest("late", "video")[found["video"].first]["time"]
            expect(first < joined + 1.5, f"recorded from {first - joined:.1f} s after joining only")
            return f"{total(found)} frames, from {first - joined:.2f} s after joining, 0 lost"

        def never():
            expect(not recorder.files("never"), "there is a file of someone without a key")
            told = recorder.told("never")
            expect(told, "the recorder says nothing about them")
            expect(recorder.told("missing-key"), "nobody is told of the missing key")
            return "no file, told"

        def withdrawal():
            files = recorder.files("bob")
            expect(before == 1, f"{before} files during the withdrawal")
            found = expect_whole(publishers, "bob", files[0])
            expect_until(publishers, "bob", found, withdrawn)
            expect_none_after(publishers, "bob", found, withdrawn)
            again = expect_whole(publishers, "bob", files[1], key_within=CLIP_KEY_FRAMES)
            first = publishers.manifest("bob", "video")[again["video"].first]["time"]
            expect(first > withdrawn + 1, "the second file begins before the key was back")
            manifest = publishers.manifest("bob", "video")
            late = manifest[found["video"].last]["time"] - withdrawn
            return f"ended {late:+.2f} s from it, again {first - given_back:+.2f} s from the key"

        def others():
            found = expect_whole(publishers, "alice", recorder.files("alice")[0])
            manifest = publishers.manifest("alice", "video")
            last = manifest[found["video"].last]["time"]
            expect(last > spoilt + GRACE_SECONDS - 1, f"ended {last - spoilt:.1f} s after")
            expect(last < spoilt + GRACE_SECONDS + 2, f"went on {last - spoilt:.1f} s after")
            expect(stopped_sizes == sizes_later, "still recorded after the grace time")
            again = expect_whole(publishers, "alice", recorder.files("alice")[1], key_within=CLIP_KEY_FRAMES)
            expect_until(publishers, "alice", again, end)
            return f"old keys for {last - spoilt:.1f} s, then stopped; on again when mended"

        check("key 3 s late: nothing lost", late)
        check("key missing: nothing recorded, and told", never)
        check("key withdrawn: ends at once, a new file when it is back", withdrawal)
        check("keys file malformed: old keys for the grace time, with an alarm", others)
        check("keys: the recorder ends well", lambda: expect(status in (0, 3), f"status {status}"))


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
        muted = time.time()
        time.sleep(0.5)
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
        publishers.join("bob", "bob-vp9", codec="vp9")
        files = {recorder: len(recorder.files("bob")) for recorder in (sealed, opened)}
        for recorder in (sealed, opened):
            until("a file with VP9", 10, lambda r=recorder: len(r.files("bob")) >= files[r])
        time.sleep(3)
        end = time.time()
        for recorder in (sealed, opened):
            recorder.stop()

        def command():
            expect("withdrawn" in status_text, f"status says {status_text!r}")
            expect(files_then == 1, f"{files_then} files while withdrawn")
            found = expect_whole(publishers, "bob", sealed.files("bob")[0], "cipher")
            expect_none_after(publishers, "bob", found, withdrawn)
            expect_until(publishers, "bob", found, withdrawn)
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
        _ = muted
