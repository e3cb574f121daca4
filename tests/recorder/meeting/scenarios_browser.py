# SPDX-License-Identifier: LGPL-2.1-or-later
"""Chromium with LiveKit's own worker, recorded."""

import os
import sys
import time
from pathlib import Path

from checks import common
from process import expect
from recorders import unseal
from recordings import decode, read
from scenarios_meeting import key_history

sys.path.append(str(Path(__file__).resolve().parents[2] / "interop/peer"))
from content import (  # noqa: E402
    PROBE_HEIGHT, PROBE_WIDTH, TONE_RATE, TONES_IN_A_ROW, Seen, phase_of_picture, phase_of_sound,
)  # fmt: skip

LOOK = {
    "video": (
        "vp8dec",
        f"videoconvert ! videoscale ! video/x-raw,format=RGB,width={PROBE_WIDTH},"
        f"height={PROBE_HEIGHT}",
    ),
    "audio": (
        "opusdec",
        f"audioconvert ! audioresample ! audio/x-raw,format=S16LE,channels=1,rate={TONE_RATE}",
    ),
}
PEOPLE = {"picture": ("vp8", "video"), "sound": ("opus", "audio")}
SECONDS = 4


def seen_in(path, media):
    decoder, look = LOOK[media]
    seen = Seen(TONES_IN_A_ROW if media == "audio" else 1)
    for piece in decode(path, media, look, decoder):
        seen.add(phase_of_sound(piece) if media == "audio" else phase_of_picture(piece, 48))
    return seen


def chromium(bench):
    check = bench.report.check
    modules = os.path.join(bench.build, "interop/node_modules")
    script = str(Path(__file__).resolve().parent / "browser.mjs")
    with bench.meeting("browser", program=["node", script, modules]) as meeting:
        publishers = meeting.publishers
        opened = meeting.record("open", options=["--key-wait", "5"])
        sealed = meeting.record("sealed", "sealed")
        for name, (codec, _) in PEOPLE.items():
            publishers.join(name, codec=codec, protection="browser")
        for name in PEOPLE:
            opened.wait_file(name)
            sealed.wait_file(name)
        time.sleep(SECONDS)
        for name in PEOPLE:
            publishers.rotate(name)
        time.sleep(SECONDS)
        opened.stop()
        sealed.stop()

        def shows():
            text = []
            for name, (_, media) in PEOPLE.items():
                expect(len(opened.files(name)) == 1, f"{len(opened.files(name))} files of {name}")
                frames = len(read(opened.files(name)[0])[media].frames)
                seen = seen_in(opened.files(name)[0], media)
                least = 0.9 * seen.frames - 10
                expect(seen.matches > max(least, 20), f"{name}: {seen.report()}")
                text.append(f"{frames} frames of {media}, {seen.matches} of {seen.frames} as sent")
            return "; ".join(text)

        def same():
            count = 0
            for name, (_, media) in PEOPLE.items():
                path = os.path.join(meeting.folder, f"{name}.webm")
                unseal(bench, sealed.files(name)[0], key_history(meeting, name), path)
                ours = [frame.sha256 for frame in read(path)[media].frames]
                theirs = [frame.sha256 for frame in read(opened.files(name)[0])[media].frames]
                count += common(ours, theirs, name)
            return f"{count} frames the same"

        check("Chromium, open: shows its picture, sounds its tone, key changed", shows)
        check("Chromium, unsealed and open are the same", same)
