# SPDX-License-Identifier: LGPL-2.1-or-later
"""What one recorder needs for many participants: build/recorder-bench.json"""

import json
import os
import sys
import time

from process import MeetingError
from recordings import read

KINDS = {
    # name: mode of the recorder, what publishers send
    "open": ("open", "prerecorded"),
    "sealed": ("sealed", "prerecorded"),
    "plain": ("sealed", "none"),  # nothing is encrypted: a recorder without E2EE
}


def say(text):
    print(text, file=sys.stderr, flush=True)


def totals(recorder):
    """Frames in all files."""
    counts = {"video": 0, "audio": 0}
    for path in sorted(os.listdir(recorder.folder)):
        if path.endswith((".webm", ".mkv")):
            for media, track in read(os.path.join(recorder.folder, path)).items():
                counts[media] += len(track.frames)
    return counts


def window(recorder, publishers, names, seconds):
    """Frames that were sent and CPU that was used in some seconds, all recording."""
    before = {name: publishers.sent(name) for name in names}
    cpu = [program.cpu_seconds() for program in programs(recorder, publishers)]
    start = time.monotonic()
    time.sleep(seconds)
    took = time.monotonic() - start
    after = {name: publishers.sent(name) for name in names}
    used = [
        (program.cpu_seconds() - then) / took
        for program, then in zip(programs(recorder, publishers), cpu)
    ]
    sent = sum(after[name][media] - before[name][media] for name in names for media in after[name])
    return sent / took, used


def told(recorder):
    """Sums of what the recorder says of those who were recorded."""
    names = ("frames-arrived", "frames-not-decrypted", "frames-not-written", "packets-lost")
    left = recorder.told("left")
    return {"left": len(left), **{name: sum(entry[name] for entry in left) for name in names}}


def programs(recorder, publishers):
    return recorder, publishers.janus.program, publishers.program


def one(bench, kind, participants, seconds):
    mode, protection = KINDS[kind]
    with bench.meeting(f"measure-{kind}") as meeting:
        publishers = meeting.publishers
        names = [f"p{number:02}" for number in range(participants)]
        passphrase = None
        for name in names:  # one key for all, since all send the same ciphertext
            if protection == "none":
                break
            if passphrase is None:
                _, passphrase = publishers.new_key(name)
            else:
                publishers.keys.rings[name] = {0: passphrase}
            publishers.indices[name] = 0
        publishers.keys.write()
        recorder = meeting.record("files", mode)
        for name in names:
            publishers.join(name, protection=protection)
        recorder.until("a file of everyone", 60, lambda: all(recorder.files(name) for name in names))
        time.sleep(3)
        rate, (cpu, sfu, sending) = window(recorder, publishers, names, seconds)
        memory = recorder.peak_memory()
        status = recorder.stop()
        row = {
            "name": f"recorder-{kind}", "participants": participants, "seconds": seconds,
            "frames_a_second": round(rate), "cpu_percent": round(100 * cpu, 1),
            "cpu_us_a_frame": round(1e6 * cpu / rate),
            "sfu_cpu_percent": round(100 * sfu, 1), "publishers_cpu_percent": round(100 * sending, 1),
            "peak_rss_mb": round(memory / 1e6, 1), "exit_status": status,
            **told(recorder),
            "recorded": totals(recorder),
        }  # fmt: skip
        row["problems"] = problems_of(row)
        return row


def problems_of(row):
    """What must not happen, whatever it costs."""
    problems = []
    recorded = sum(row["recorded"].values())
    if row["left"] != row["participants"]:
        problems.append(f"{row['left']} of {row['participants']} participants accounted for")
    if row["frames-arrived"] != recorded:
        problems.append(f"{row['frames-arrived']} frames arrived, {recorded} are in files")
    if row["frames-not-written"]:
        problems.append(f"{row['frames-not-written']} frames were not written")
    if row["exit_status"] != 0:
        problems.append(f"exit status {row['exit_status']}")
    return problems


def measure(bench, participants, seconds):
    rows = []
    for kind in KINDS:
        try:
            row = one(bench, kind, participants, seconds)
            rows.append(row)
            say(f"{kind}: {json.dumps(row)}")
            for problem in row["problems"]:
                say(f"{kind}: FAILED: {problem}")
        except MeetingError as error:
            say(f"{kind}: FAILED: {error}")
            rows.append({"name": f"recorder-{kind}", "problems": [str(error)]})
    with open(os.path.join(bench.build, "recorder-bench.json"), "w", encoding="utf-8") as file:
        json.dump(rows, file, indent=1)
    return 1 if any(row["problems"] for row in rows) else 0
