#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Calls between GStreamer and browsers with the peers' own workers, direct and through an SFU, and
# with LiveKit's native SDK.
set -euo pipefail

# shellcheck source-path=SCRIPTDIR source=../../examples/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/../../examples/setup.sh"
# shellcheck source-path=SCRIPTDIR source=setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"
# shellcheck source-path=SCRIPTDIR source=../livekit/server.sh
source "$(dirname "${BASH_SOURCE[0]}")/../livekit/server.sh"

usage() {
  cat <<'TEXT'
Usage: tests/interop/run.sh [OPTION ...]

Installs what is missing (Debian packages; npm packages into build/interop), builds, and makes calls
between GStreamer and Chromium or Firefox with LiveKit's and RealtimeKit's own workers and with our
own transforms of Jitsi's format and SFrame, directly and through the SFU Janus, with LiveKit's native
SDK @livekit/rtc-node, and with the page of examples/browser, in a network namespace with nothing but
127.0.0.1. Where a LiveKit server is there, tests/livekit/run.sh has the calls with the native SDK,
and here they count as skipped unless the filter names them. Prints the seconds to the first
decoded frame of each cell and writes them as Markdown to build/interop-times.md; writes
build/interop.json and build/interop-SCHEME-BROWSER.png. A cell that the plugin cannot do has failed.

  --filter=TEXT      only cells whose name contains TEXT, as in
                     livekit/script/vp8/to-browser/sfu/firefox; the calls without encryption, for
                     comparison, begin with none/, those with faults with fault/, those with the
                     page of examples/browser with page/, both of Chromium alone, and those with
                     the native SDK end with /native; writes
                     build/interop-part.json and build/interop-part-times.md instead
  --repeat=1..1000   each cell so many times
  --no-install       install nothing, only say which Debian packages are missing
  --version          print the version

The last line is "N passed, N failed, N skipped"; build/interop/results/steps.tsv has a line for each
cell, for tests/report.py. Logs are in build/interop.
Exit status: 0 = nothing failed, 1 = something failed, 2 = wrong usage, or packages that are missing
and cannot be installed.
TEXT
}

e2ee_arguments "$@"
filter=${E2EE_OPTION[filter]-} repeat=${E2EE_OPTION[repeat]-1}

e2ee_install build run interop firefox
# shellcheck disable=SC2034
E2EE_TARGETS=(plugins/e2ee/libgste2ee.so gst/e2ee/GstE2EE-1.0.typelib) # read by e2ee_build
e2ee_build -Dtests=true

# Nothing here needs GStreamer's Python overrides.
export PYTHONPATH=$E2EE_ROOT/tests/python/no-overrides

here=$E2EE_ROOT/tests/interop
work=$E2EE_BUILD/interop
mkdir -p "$work"

e2ee_npm interop

without_sfu=()
command -v janus >/dev/null || without_sfu=(--without-sfu 'this Debian has no Janus')

without_native=()
if e2ee_have_server && [[ $filter != *native* ]]; then
  without_native=(--without-native "with the LiveKit server that is there, tests/livekit/run.sh has it")
fi

# A minute for each cell that hangs is bounded inside; this is for what nobody thought of.
e2ee_isolated $((1800 * repeat)) "$work/namespace.log" \
  node "$here/driver/main.mjs" --build "$E2EE_BUILD" --filter "$filter" --repeat "$repeat" \
  "${without_sfu[@]}" "${without_native[@]}"
