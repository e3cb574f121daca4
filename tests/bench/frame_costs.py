#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a frame costs that does not vary from run to run, in the form of budget.toml.

usage: frame_costs.py BUILD

Allocations and copies are counted by e2ee-frame-costs itself, instructions by callgrind: those of the
library and the plugin alone, not those of OpenSSL, GStreamer and the C library. Run it by
`meson devenv -C build -w . tests/bench/frame_costs.py build`.
"""

import collections
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

PROGRAM = "tests/bench/e2ee-frame-costs"
OBJECTS = re.compile(r"/libgste2ee(-1\.0\.so\.[\d.]+|\.so)$")
MEASURED = "e2ee_measured_frames"
PATIENCE = 120  # seconds

Counts = collections.namedtuple("Counts", "frames allocations frees copies")


def run(build, before=(), aead=None):
    """Counts by way. GLib's own allocator would hide allocations from the program."""
    environment = {**os.environ, "G_SLICE": "always-malloc"}
    environment.pop("GST_E2EE_AEAD", None)
    environment.pop("GST_DEBUG", None)
    if aead:
        environment["GST_E2EE_AEAD"] = aead
    done = subprocess.run([*before, str(Path(build, PROGRAM))], env=environment, timeout=PATIENCE,
                          capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{PROGRAM} ended with {done.returncode}: {done.stderr[-2000:]}")
    words = (line.split() for line in done.stdout.splitlines())
    return {name: Counts(int(frames), *map(float, counts)) for name, frames, *counts in words}


def own_instructions(profile):
    """The sum of what callgrind counted in our objects' functions, without what those called."""
    total, ours, inclusive = 0, False, False
    for line in profile.read_text(encoding="utf-8").splitlines():
        if line.startswith("ob="):
            ours = bool(OBJECTS.search(line))
        elif line.startswith("calls="):
            inclusive = True  # the next line is the callee's
        elif line[:1].isdigit():
            if ours and not inclusive:
                total += int(line.split()[1])
            inclusive = False
    return total


def instructions(build):
    """By way, of one frame. Always with OpenSSL, which every machine has."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "profile")
        counts = run(build, aead="openssl", before=[
            "valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", "--compress-strings=no",
            "--compress-pos=no", f"--toggle-collect={MEASURED}", f"--dump-after={MEASURED}"])
        return {name: round(own_instructions(Path(f"{out}.{part}")) / way.frames, 1)
                for part, (name, way) in enumerate(counts.items(), 1)}


def compiler(build):
    """What instructions depend on: compiler, its level and the machine, as "GCC 12, -O2, x86_64"."""
    comment = subprocess.run(["readelf", "-p", ".comment", Path(build, "gst/e2ee/libgste2ee-1.0.so.0")],
                             capture_output=True, text=True, check=True).stdout
    # GCC's name is in each: the C library's start-up code is its work.
    clang = re.search(r"clang version (\d+)", comment)
    gcc = re.search(r"GCC: \(.*\) (\d+)", comment)
    options = subprocess.run(["meson", "introspect", "--buildoptions", build], capture_output=True,
                             text=True, check=True).stdout
    level = next(option["value"] for option in json.loads(options) if option["name"] == "optimization")
    name = f"clang {clang[1]}" if clang else f"GCC {gcc[1] if gcc else '?'}"
    return f"{name}, -O{level}, {os.uname().machine}"


def main():
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        print(__doc__.strip())
        return 0 if "--help" in sys.argv else 2
    build = sys.argv[1]
    own = instructions(build)
    print(f'compiler = "{compiler(build)}"')
    for name, counts in run(build).items():
        print(f"\n[{name}]\nallocations = {counts.allocations:g}\ncopies = {counts.copies:g}\n"
              f"instructions = {own[name]:g}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
