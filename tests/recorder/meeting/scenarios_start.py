# SPDX-License-Identifier: LGPL-2.1-or-later
"""Rooms that are not there yet or ask for a PIN, a start after a crash, a terminal that is stuck."""

import fcntl
import os
import signal
import subprocess
import time

from checks import expect_none_after, expect_until, expect_whole
from process import Program, expect
from recorders import control, verify_log

PIN = "4321"
PIPE_BYTES = 4096
STUCK_SECONDS = 3


def starts(bench):
    check = bench.report.check
    with bench.meeting("start") as meeting:
        check("options of the other mode: refused", lambda: other_mode(bench))
        check("a room that comes later: joined then", lambda: room_later(bench, meeting))
        check("a room with a PIN", lambda: pin(bench, meeting))
        check("withdrawn by command: not forgotten when killed", lambda: restart(bench, meeting))
        check("nobody reads its output: records, and ends", lambda: stuck(bench, meeting))


def other_mode(bench):
    common = [bench.recorder, "--url", "http://127.0.0.1:1", "--room", "1", "--no-audit"]
    opened = ["--mode", "open", "--key-provider", "shared,key-env=NONE"]
    for mode, options in (
        (["--mode", "sealed"], ("--key-wait=0", "--keys-grace=9", "--server-frames=pass", "--replay-window=8")),
        (opened, ("--kdf=hkdf", "--ratchet-salt=x", "--key-size=256", "--keyring-size=256")),
    ):
        for option in options:
            done = subprocess.run(
                [*common, *mode, option], capture_output=True, text=True, timeout=30, check=False
            )
            name = option.split("=")[0]
            expect(done.returncode == 2, f"{mode[1]} {option}: exit status {done.returncode}")
            expect(f"{name} is for --mode" in done.stderr, f"{mode[1]} {option}: {done.stderr}")
    return "8 options, exit status 2"


def room_later(bench, meeting):
    room = bench.next_room()
    recorder = meeting.record("later", "sealed", room=room)
    lost = recorder.wait_told("room-lost")
    expect("does not exist" in lost["problem"], lost["problem"])
    meeting.publishers.session.create_room(room)
    recorder.wait_told("room-joined", 30)
    recorder.stop()
    return lost["problem"]


def pin(bench, meeting):
    room = bench.next_room()
    meeting.publishers.session.create_room(room, pin=PIN)
    statuses = []
    for given in ("1111", PIN):
        path = os.path.join(meeting.folder, f"pin-{given}")
        with open(path, "w", encoding="ascii") as file:
            file.write(given + "\n")
        recorder = meeting.record(f"pin-{given}-folder", "sealed", ["--pin-file", path], room=room)
        if given == PIN:
            recorder.wait_told("room-joined")
            statuses.append(recorder.stop())
        else:
            statuses.append(recorder.child.wait(20))
            expect(not recorder.told("room-joined"), "joined with another PIN")
    expect(statuses == [2, 0], f"exit status {statuses}")
    return "a wrong one: exit status 2"


def restart(bench, meeting):
    publishers = meeting.publishers
    socket = os.path.join(meeting.folder, "restart-control")
    options = ["--control", socket]
    first = meeting.record("restart", "sealed", options)
    for name in ("alice", "bob"):
        publishers.join(name)
        first.wait_file(name)
    time.sleep(1)
    control(bench, socket, "withdraw", "bob")
    withdrawn = time.time()
    first.end(signal.SIGKILL)
    second = meeting.record("restart", "sealed", options)
    second.wait_told("withdrawn-before", participant="bob")
    second.wait_file("alice", 2)
    time.sleep(2)
    files = second.files("bob")
    allowed = time.time()
    control(bench, socket, "allow", "bob")
    second.wait_file("bob", 2)
    time.sleep(1)
    end = time.time()
    second.stop()
    expect(len(files) == 1, f"{len(files)} files of bob while withdrawn")
    found = expect_whole(publishers, "bob", files[0], "cipher")
    expect_none_after(publishers, "bob", found, withdrawn)
    again = expect_whole(publishers, "bob", second.files("bob")[1], "cipher", key_within=60)
    expect_until(publishers, "bob", again, end)
    first_again = publishers.manifest("bob", "video")[again["video"].first]["time"]
    expect(first_again >= allowed, f"recorded {allowed - first_again:.2f} s before it was allowed")
    for name in ("alice", "bob"):
        publishers.leave(name)
    return "not recorded until allowed"


class Stuck(Program):
    """Its output goes into a pipe that is full."""

    def __init__(self, command, log):
        self.reader, writer = os.pipe()
        fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        os.write(writer, b"x" * PIPE_BYTES)
        super().__init__(command, log, stdout=writer)
        os.close(writer)

    def close(self):
        self.kill()
        os.close(self.reader)


def stuck(bench, meeting):
    publishers = meeting.publishers
    folder = os.path.join(meeting.folder, "stuck")
    model = meeting.record("stuck-model")
    publishers.join("carol")
    model.wait_file("carol")
    os.makedirs(folder)
    command = [folder if part == model.folder else part for part in model.child.args]
    recorder = Stuck(command, os.path.join(folder, "recorder.log"))
    try:
        time.sleep(STUCK_SECONDS + 2)
        status = recorder.end(signal.SIGTERM, 20)
    finally:
        recorder.close()
    model.stop()
    expect(status == 0, f"exit status {status}")
    files = [name for name in os.listdir(folder) if name.startswith("carol")]
    expect(len(files) == 1, f"files {files}")
    found = expect_whole(publishers, "carol", os.path.join(folder, files[0]))
    log = [name for name in os.listdir(folder) if name.startswith("audit-")]
    _, text = verify_log(bench, os.path.join(folder, log[0]))
    expect("closed" in text, text)
    return f"{found['video'].frames} pictures, {text}"
