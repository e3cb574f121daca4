#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# SFrame over RTP between webrtcbin and a peer that has nothing of this project in it.
set -euo pipefail

# shellcheck source-path=SCRIPTDIR source=../../examples/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/../../examples/setup.sh"
# shellcheck source-path=SCRIPTDIR source=../interop/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/../interop/setup.sh"

usage() {
  cat <<'TEXT'
Usage: tests/sframe/run.sh [OPTION ...]

Installs what is missing (Debian packages; npm packages into build/sframe), builds, and makes calls
between webrtcbin and a peer in Node.js: ICE, DTLS and SRTP by werift, SFrame by node's crypto
alone. The peer is held against test vectors first. Then each cell sends a codec one way, per frame
or per packet, changes the key, ratchets it, and tries wrong keys; some lose or delay packets. In a
network namespace with nothing but 127.0.0.1. Writes build/sframe.json.

  --filter=TEXT      only cells whose name contains TEXT, as in
                     h264/from-peer/per-frame/suite-6/stream-keys/loss; writes
                     build/sframe-part.json instead
  --repeat=1..1000   each cell so many times
  --no-install       install nothing, only say which Debian packages are missing
  --version          print the version

The last line is "N passed, N failed, N skipped"; build/sframe/results/steps.tsv has a line for each
cell, for tests/report.py. Logs are in build/sframe.
Exit status: 0 = nothing failed, 1 = something failed, 2 = wrong usage, or packages that are missing
and cannot be installed.
TEXT
}

e2ee_arguments "$@"
filter=${E2EE_OPTION[filter]-} repeat=${E2EE_OPTION[repeat]-1}

e2ee_install build run test sframe
# shellcheck disable=SC2034
E2EE_TARGETS=(plugins/e2ee/libgste2ee.so gst/e2ee/GstE2EE-1.0.typelib
  tests/sframe/e2ee-sframe-sdp) # read by e2ee_build
e2ee_build -Dtests=true

# Nothing here needs GStreamer's Python overrides.
export PYTHONPATH=$E2EE_ROOT/tests/python/no-overrides

e2ee_npm sframe

# Less than a minute for each cell that hangs is bounded inside; this is for what nobody thought of.
e2ee_isolated $((600 * repeat)) "$E2EE_BUILD/sframe/namespace.log" \
  node "$E2EE_ROOT/tests/sframe/driver/main.mjs" --build "$E2EE_BUILD" --filter "$filter" \
  --repeat "$repeat"
