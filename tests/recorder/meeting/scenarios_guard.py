# SPDX-License-Identifier: LGPL-2.1-or-later
"""An SFU that asks for https, an API secret or a token, and whose rooms have names."""

import os
import time

from checks import expect_until, expect_whole, total
from guard import Guard
from janus import Janus
from process import expect

SFU_PORT = 8091
MEDIA_PORTS = "50001-55000"
ROOM, ROOM_OF_DIGITS = "weekly meeting", "2024"


def guarded(bench):
    check = bench.report.check
    guard = Guard(bench.folder("guard"))
    janus = Janus(bench.folder("janus-3"), SFU_PORT, MEDIA_PORTS, guard)
    try:
        with bench.meeting("guarded", janus, room=ROOM) as meeting:
            meeting.publishers.session.create_room(ROOM_OF_DIGITS)
            check("https, an API secret, a room with a name", lambda: secret(meeting))
            check("a token, a room whose name is a number", lambda: token(meeting))
            check("another API secret or token: refused", lambda: refused(meeting))
            check("a certificate that nobody here trusts: refused", lambda: untrusted(meeting))
    finally:
        janus.kill()


def record(meeting, name, authority=True, room=None, **credentials):
    """`credentials`: options without their dashes, and what is in their files."""
    options = ["--ca-file", meeting.janus.guard.authority] if authority else []
    for option, text in credentials.items():
        path = os.path.join(meeting.folder, f"{name}-{option}")
        with open(path, "w", encoding="ascii") as file:
            file.write(text + "\n")
        options += [f"--{option.replace('_', '-')}", path]
    return meeting.record(name, "open", options, room=room)


def secret(meeting):
    publishers = meeting.publishers
    publishers.join("alice")
    recorder = record(meeting, "secret", api_secret_file=meeting.janus.guard.secret)
    recorder.wait_file("alice")
    time.sleep(2)
    end = time.time()
    status = recorder.stop()
    expect(status == 0, f"exit status {status}")
    found = expect_whole(publishers, "alice", recorder.files("alice")[0])
    expect_until(publishers, "alice", found, end)
    publishers.leave("alice")
    return f"{total(found)} frames"


def token(meeting):
    recorder = record(meeting, "token", room=ROOM_OF_DIGITS, token_file=meeting.janus.guard.token())
    recorder.wait_told("room-joined")
    status = recorder.stop()
    expect(status == 0, f"exit status {status}")


def refused(meeting):
    guard = meeting.janus.guard
    for name, credentials in {
        "no-secret": {},
        "other-secret": {"api_secret_file": "x"},
        "other-token": {"token_file": guard.token()[:-6] + "AAAAA="},
        "token-for-echotest": {"token_file": guard.token("janus.plugin.echotest")},
    }.items():
        recorder = record(meeting, name, **credentials)
        status = recorder.child.wait(20)
        expect(status == 2, f"{name}: exit status {status}")
        expect(not recorder.told("room-joined"), f"{name}: joined")
    return "exit status 2"


def untrusted(meeting):
    recorder = record(
        meeting, "untrusted", authority=False, api_secret_file=meeting.janus.guard.secret
    )
    problem = recorder.wait_told("room-lost")["problem"]
    expect("--ca-file" in problem, problem)
    expect(not recorder.told("room-joined"), "joined whoever answered")
    recorder.stop()
    return problem
