#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Meetings of GStreamer and Chromium through an SFU, recorded; and what is in the files.
set -euo pipefail

# shellcheck source-path=SCRIPTDIR source=../../examples/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/../../examples/setup.sh"
# shellcheck source-path=SCRIPTDIR source=../interop/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/../interop/setup.sh"

usage() {
  cat <<'TEXT'
Usage: tests/recorder/run.sh [OPTION ...]

Installs what is missing, builds, and has meetings recorded by e2ee-recorder: keys that change every
two seconds, come late, never or are withdrawn, recorders that are killed, a full disk, an SFU that
goes and comes back, one with https and rooms that have names, two videos of one participant, Chromium
with LiveKit's own worker. Frames in the files are compared with those that were sent. In a network
namespace with nothing but 127.0.0.1; up to four minutes.

  --filter=TEXT      only scenarios whose name contains TEXT: meeting, keys, changes, kills, disk,
                     sfu, screen, start, guard, h264, browser
  --measure=1..500   instead: CPU and memory of one recorder with so many participants for a minute,
                     open and sealed, and of one whose participants do not encrypt; writes
                     build/recorder-bench.json; fails when a frame that arrived is in no file
  --no-install       install nothing, only say which Debian packages are missing
  --version          print the version

The last line is "N passed, N failed, N skipped"; build/recorder/results/steps.tsv has a line for each
case, for tests/report.py. Logs and recordings are in build/recorder.
Exit status: 0 = nothing failed, 1 = something failed, 2 = wrong usage, or packages that are missing
and cannot be installed.
TEXT
}

e2ee_arguments "$@"
arguments=("${E2EE_ARGS[@]}")

e2ee_install build run test interop recorder
# shellcheck disable=SC2034
E2EE_TARGETS=(plugins/e2ee/libgste2ee.so gst/e2ee/GstE2EE-1.0.typelib
  examples/recorder/e2ee-recorder examples/recorder/e2ee-unseal
  tests/recorder/e2ee-test-publisher) # read by e2ee_build
e2ee_build -Dtests=true

# Nothing here needs GStreamer's Python overrides.
export PYTHONPATH=$E2EE_ROOT/tests/python/no-overrides

here=$E2EE_ROOT/tests/recorder
work=$E2EE_BUILD/recorder
mkdir -p "$work"

command -v janus >/dev/null || arguments+=(--without-sfu='this Debian has no Janus')
# tests/interop/run.sh has put them there.
[[ -f $E2EE_NODE/node_modules/.installed ]] || arguments+=(--no-browser)

# Waiting is bounded inside; this is for what nobody thought of.
e2ee_isolated 600 "$work/namespace.log" \
  /usr/bin/python3 -B "$here/meeting/main.py" --build "$E2EE_BUILD" "${arguments[@]}"
