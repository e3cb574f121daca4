# SPDX-License-Identifier: LGPL-2.1-or-later
"""A meeting with keys that change every two seconds, recorded open and sealed at once."""

import os
import shutil
import time

from checks import common, expect_private, expect_until, expect_whole, total
from process import expect
from publishers import KeysFile
from recorders import audit_logs, read_log, unseal, verify_log
from recordings import compare, decode, read, stray

ROTATE_SECONDS = 2
ANNOUNCE_SECONDS = 1.2
ACTS = (  # (second, name, what)
    (5, "carol", "join"),
    (12, "bob", "leave"),
)
SECONDS = 18
STRAY_MS = 500  # a busy machine's; without load it is 5


def play(meeting):
    """Rotates everyone's key; answers when each left, or the end."""
    publishers = meeting.publishers
    present = {"alice", "bob"}
    left = {}
    acts = list(ACTS)
    start = time.time()
    turn = 0
    announced = {}
    opened = [recorder for recorder in meeting.recorders if recorder.mode == "open"]
    before = {}
    while time.time() < start + SECONDS:
        passed = time.time() - start
        while acts and passed >= acts[0][0]:
            _, name, what = acts.pop(0)
            getattr(publishers, what)(name)
            if what == "join":
                present.add(name)
            else:
                present.discard(name)
                left[name] = time.time()
        # Where an index is used again the new key must be known in time: with the old one in its
        # place nobody can tell that frames only have to wait.
        known = announced and all(
            recorder.keys_taken()[key] > before[recorder][key]
            for recorder in opened for key in announced.items()
        )
        if passed >= turn * ROTATE_SECONDS and not announced:
            turn += 1
            before = {recorder: recorder.keys_taken() for recorder in opened}
            announced = {name: publishers.new_key(name)[0] for name in sorted(present)}
        elif known and passed >= (turn - 1) * ROTATE_SECONDS + ANNOUNCE_SECONDS:
            for name in present & announced.keys():
                publishers.use_key(name, announced[name])
            announced = {}
        time.sleep(0.05)
    return left


def key_history(meeting, name):
    """Arguments of e2ee-unseal: all keys of a participant. Indices repeat, so it takes several
    files, in the order in which their keys were used."""
    turns = []
    for identity, index, passphrase in meeting.publishers.keys.history:
        if identity != name:
            continue
        turn = next((turn for turn in turns if index not in turn), None)
        if turn is None:
            turns.append(turn := {})
        turn[index] = passphrase
    arguments = []
    for number, turn in enumerate(turns):
        path = os.path.join(meeting.folder, f"{name}.keys-{number}.ini")
        keys = KeysFile(path)
        keys.restore(name, turn)
        arguments += ["--key-provider", f"participant,keys-file={path}"]
    return arguments


def pictures_of_h264(bench):
    with bench.meeting("h264") as meeting:
        publishers = meeting.publishers
        recorders = [meeting.record("open"), meeting.record("sealed", "sealed")]
        publishers.join("harry", codec="h264")
        for recorder in recorders:
            recorder.wait_file("harry")
        publishers.rotate("harry")
        time.sleep(3)
        end = time.time()
        statuses = [recorder.stop() for recorder in recorders]
        unsealed = os.path.join(meeting.folder, "unsealed.mkv")

        def whole(path, which="plain"):
            expect(statuses == [0, 0], f"exit status {statuses}")
            found = expect_whole(publishers, "harry", path, which)
            expect_until(publishers, "harry", found, end)
            return f"{total(found)} frames equal"

        def opened_later(path):
            unseal(bench, path, key_history(meeting, "harry"), unsealed)
            text = whole(unsealed)
            pictures = len(decode(unsealed, "video", "videoconvert", "h264parse ! openh264dec"))
            frames = len(read(unsealed)["video"].frames)
            expect(pictures == frames, f"{pictures} of {frames} pictures decode")
            return text

        opened, sealed = (recorder.files("harry")[0] for recorder in recorders)
        check = bench.report.check
        check("H.264 recorded open", lambda: whole(opened))
        check("H.264 recorded sealed: the encrypted frames", lambda: whole(sealed, "cipher"))
        check("H.264 unsealed: equal, and decodes", lambda: opened_later(sealed))


def rotating_meeting(bench):
    check = bench.report.check
    with bench.meeting("meeting") as meeting:
        publishers = meeting.publishers
        # Both wait for nobody: the room is empty when they come.
        opened = meeting.record("open", options=["--key-wait", "5"])
        sealed = meeting.record("sealed", "sealed")
        for name in ("alice", "bob"):
            publishers.join(name)
        for recorder in (opened, sealed):
            recorder.wait_file("alice")
            recorder.wait_file("bob")
        left = play(meeting)
        end = time.time()
        statuses = [opened.stop(), sealed.stop()]
        names = ("alice", "bob", "carol")

        def frames(recorder, which):
            expect(statuses[[opened, sealed].index(recorder)] == 0, f"exit status {statuses}")
            count = 0
            for name in names:
                files = recorder.files(name)
                expect(len(files) == 1, f"{len(files)} files of {name}")
                expect_private(files[0])
                found = expect_whole(publishers, name, files[0], which)
                expect_until(publishers, name, found, left.get(name, end))
                count += total(found)
            return f"{count} frames equal, in order, 0 missing"

        def figures(recorder):
            """Those that it told at its end."""
            last = recorder.told("progress")[-1]["participants"]
            expect({row["identity"] for row in last} == set(names), f"of {[r['identity'] for r in last]}")
            for name in names:
                tracks = read(recorder.files(name)[0])
                for media, track in tracks.items():
                    told = sum(row[media] for row in last if row["identity"] == name)
                    there = len(track.frames)
                    expect(told == there, f"{name}: {told} frames of {media}, {there} in the file")
            return f"{sum(row['video'] + row['audio'] for row in last)} frames"

        for recorder in (opened, sealed):
            check(f"meeting, {recorder.mode}: last figures are those of the files", lambda r=recorder: figures(r))
        check("meeting, open: every frame as it was sent", lambda: frames(opened, "plain"))
        check("meeting, sealed: every frame as it was sent", lambda: frames(sealed, "cipher"))

        def plays():
            path = opened.files("alice")[0]
            tracks = read(path)
            pictures = decode(path, "video", "videoscale ! video/x-raw,width=32,height=18", "vp8dec")
            sounds = decode(path, "audio", "audioconvert", "opusdec")
            for media, pieces in (("video", pictures), ("audio", sounds)):
                frames = len(tracks[media].frames)
                expect(len(pieces) == frames, f"{len(pieces)} of {frames} frames of {media} decode")
            stray_ms = {
                media: stray(track.frames, publishers.manifest("alice", media)) / 1e6
                for media, track in tracks.items()
            }
            expect(max(stray_ms.values()) < STRAY_MS, f"times stray by {stray_ms} ms")
            return f"{len(pictures)} pictures, times within {max(stray_ms.values()):.0f} ms"

        check("meeting, open: decodes, with the times of sending", plays)

        def unsealed():
            count = 0
            for name in names:
                path = os.path.join(meeting.folder, f"{name}.webm")
                unseal(bench, sealed.files(name)[0], key_history(meeting, name), path)
                count += total(expect_whole(publishers, name, path))
            return f"{count} frames equal"

        def same():
            count = 0
            for name in names:
                path = os.path.join(meeting.folder, f"{name}.webm")
                one, other = read(path), read(opened.files(name)[0])
                for media in ("video", "audio"):
                    ours = [frame.sha256 for frame in one[media].frames]
                    theirs = [frame.sha256 for frame in other[media].frames]
                    count += common(ours, theirs, f"{name} {media}")
            return f"{count} frames the same"

        check("meeting, unsealed: every frame as it was sent", unsealed)
        check("meeting, unsealed and open are the same", same)
        audit_cases(bench, meeting, opened, names)

        def asserted():
            started = [e for e in read_log(sealed.audit_log()) if e["event"] == "recording-started"]
            expect({entry["participant"] for entry in started} == set(names), f"of {started}")
            sure = {entry.get("identity") for entry in started}
            expect(sure == {"asserted"}, f"identities are {sure}")
            return f"{len(started)} files"

        check("audit log, sealed: identities are asserted", asserted)


def audit_cases(bench, meeting, recorder, names):
    check = bench.report.check

    def closed():
        expect(len(audit_logs(recorder.folder)) == 1, f"logs: {audit_logs(recorder.folder)}")
        log = recorder.audit_log()
        status, text = verify_log(bench, log)
        expect(status == 0, f"status {status}: {text}")
        entries = read_log(log)
        told = "\n".join(open(log, encoding="utf-8").read().splitlines())
        for name in names:
            expect(any(name in str(entry) for entry in entries), f"{name} is not in the log")
        expect("fingerprint" in told, "no fingerprint")
        expect("proven" in told, "not said how sure identities are")
        for _, _, passphrase in meeting.publishers.keys.history:
            expect(passphrase not in told, "a key is in the log")
        return f"{len(entries)} records; {text}"

    def broken():
        log = recorder.audit_log()
        copy = os.path.join(meeting.folder, "edited.jsonl")
        shutil.copy(log, copy)
        with open(copy, encoding="utf-8") as file:
            text = file.read()
        with open(copy, "w", encoding="utf-8") as file:
            file.write(text.replace("alice", "alicf", 1))
        status, said = verify_log(bench, copy)
        expect(status == 1, f"status {status}: {said}")
        return said

    check("audit log: closed, names everyone, holds no key", closed)
    check("audit log: an edit is noticed", broken)


def two_videos(bench):
    """Camera and screen of one participant."""
    check = bench.report.check
    with bench.meeting("screen") as meeting:
        publishers = meeting.publishers
        recorders = (meeting.record("open"), meeting.record("sealed", "sealed"))
        publishers.join("alice", screen=True)
        for recorder in recorders:
            recorder.wait_file("alice")
        time.sleep(5)
        end = time.time()
        statuses = [recorder.stop() for recorder in recorders]

        def apart(recorder, which):
            expect(statuses == [0, 0], f"exit status {statuses}")
            files = recorder.files("alice")
            expect(len(files) == 2, f"{len(files)} files")
            left = {"video", "screen"}
            sounds = count = 0
            for path in files:
                tracks = read(path)
                sounds += "audio" in tracks
                first = tracks["video"].frames[:1]
                source = next(
                    (s for s in left if compare(first, publishers.manifest("alice", s), which).frames), None
                )
                expect(source, f"{os.path.basename(path)} begins with a frame of neither, or of the same")
                left.discard(source)
                found = expect_whole(publishers, "alice", path, which, tuple(tracks), video=source)
                expect_until(publishers, "alice", found, end)
                count += total(found)
            expect(sounds >= 1, "no file has sound")
            told = recorder.told("left", participant="alice")[0]
            figures = [told[f"frames-{name}"] for name in ("arrived", "not-decrypted", "not-written")]
            expect(figures == [count, 0, 0], f"{figures} frames arrived, were lost; {count} in the files")
            rows = recorder.told("progress")[-1]["participants"]
            shown = sum(row["video"] + row["audio"] for row in rows)
            expect(len(rows) == 2 and shown == count, f"{len(rows)} recordings, {shown} frames are shown")
            return f"{count} frames in two files"

        for recorder, which in zip(recorders, ("plain", "cipher")):
            name = f"camera and screen, {recorder.mode}: a file for each"
            check(name, lambda r=recorder, w=which: apart(r, w))
