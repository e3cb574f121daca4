#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Meetings that are recorded, and what is in the files: main.py --build FOLDER [--filter TEXT]"""

import argparse
import os
import sys
import threading
import time
import traceback

from bench import Bench
from measure import measure
from scenarios_browser import chromium
from scenarios_faults import disk_full, kills, sfu_restart
from scenarios_guard import guarded
from scenarios_keys import commands_and_changes, late_and_withdrawn
from scenarios_meeting import pictures_of_h264, rotating_meeting, two_videos
from scenarios_start import starts

SCENARIOS = {
    "meeting": rotating_meeting,
    "keys": late_and_withdrawn,
    "changes": commands_and_changes,
    "kills": kills,
    "disk": disk_full,
    "sfu": sfu_restart,
    "screen": two_videos,
    "start": starts,
    "guard": guarded,
    "h264": pictures_of_h264,
    "browser": chromium,
}
# Run side by side: each waits most of the time.
LANES = (("meeting", "disk", "guard"), ("keys", "browser", "screen", "start"), ("changes", "h264", "sfu", "kills"))


def run_lane(bench, names):
    for name in names:
        start = time.monotonic()
        try:
            SCENARIOS[name](bench)
        except Exception as error:  # pylint: disable=broad-except
            traceback.print_exc()
            bench.report.add(name, "failed", f"{type(error).__name__}: {error}")
        print(f"-- {name}: {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    parser.add_argument("--filter", default="")
    parser.add_argument("--no-browser", action="store_true")
    parser.add_argument("--without-sfu", metavar="REASON")
    parser.add_argument("--measure", type=int, default=0, metavar="PARTICIPANTS")
    parser.add_argument("--seconds", type=int, default=60)
    options = parser.parse_args()
    bench = Bench(options.build, os.path.join(options.build, "recorder"))
    if options.without_sfu:
        for name in filter(lambda name: options.filter in name, SCENARIOS):
            bench.report.add(name, "skipped", options.without_sfu)
        return bench.report.finish()
    bench.start()
    try:
        if options.measure:
            return measure(bench, options.measure, options.seconds)
        wanted = [
            [name for name in lane if options.filter in name] for lane in LANES
        ]
        if options.no_browser:
            bench.report.add("Chromium", "skipped", "its packages are missing")
            wanted = [[name for name in lane if name != "browser"] for lane in wanted]
        threads = [threading.Thread(target=run_lane, args=(bench, lane)) for lane in wanted]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        bench.close()
    return bench.report.finish()


if __name__ == "__main__":
    sys.exit(main())
