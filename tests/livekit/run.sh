#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Rooms of a real LiveKit server, with LiveKit's own clients: recorded and published into.
set -euo pipefail

# shellcheck source-path=SCRIPTDIR source=../../examples/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/../../examples/setup.sh"
# shellcheck source-path=SCRIPTDIR source=../interop/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/../interop/setup.sh"
# shellcheck source-path=SCRIPTDIR source=go.sh
source "$(dirname "${BASH_SOURCE[0]}")/go.sh"
# shellcheck source-path=SCRIPTDIR source=server.sh
source "$(dirname "${BASH_SOURCE[0]}")/server.sh"

usage() {
  cat <<'TEXT'
Usage: tests/livekit/run.sh [OPTION ...]

Installs what is missing (Debian packages; npm packages into build/interop, Go into build/livekit
where there is none of 1.21 or later), builds, and has rooms of a LiveKit server: livekit-client in
Chromium, @livekit/rtc-node and LiveKit's Go SDK publish, and e2ee-recorder records them;
e2ee-publish publishes, and they receive. In each the key changes to another index, and somebody
has wrong keys. In a network namespace with nothing but addresses of its own. Writes
build/livekit.json. The server is that of the environment variable LIVEKIT_SERVER, livekit-server on
PATH, or built into build/livekit, which takes minutes once. Cells that miss a server or Go are
skipped by name.

  --filter=TEXT      only cells whose name contains TEXT, as in rtc-node/raw-hkdf/vp8/from-room;
                     calls of the clients among themselves begin with control/; writes
                     build/livekit-part.json instead
  --repeat=1..1000   each cell so many times
  --full             every codec with every way of using keys, every cut of 30 seconds, and 50
                     publishers for a minute
  --no-install       install nothing, only say which Debian packages are missing
  --version          print the version

The last line is "N passed, N failed, N skipped"; build/livekit/results/steps.tsv has a line for
each cell, for tests/report.py. Logs are in build/livekit/rooms.
Exit status: 0 = nothing failed, 1 = something failed, 2 = wrong usage, or packages that are missing
and cannot be installed.
TEXT
}

e2ee_arguments "$@"
arguments=("${E2EE_ARGS[@]}")
repeat=${E2EE_OPTION[repeat]-1}

e2ee_install build run test interop recorder livekit
# shellcheck disable=SC2034
E2EE_TARGETS=(plugins/e2ee/libgste2ee.so gst/e2ee/GstE2EE-1.0.typelib
  examples/recorder/e2ee-recorder examples/publish/e2ee-publish tests/recorder/e2ee-test-publisher) # read by e2ee_build
e2ee_build -Dtests=true
e2ee_npm interop

# Nothing here needs GStreamer's Python overrides.
export PYTHONPATH=$E2EE_ROOT/tests/python/no-overrides

here=$E2EE_ROOT/tests/livekit
work=$E2EE_BUILD/livekit
mkdir -p "$work"

# Once, and before the network is gone.
add_go_client() {
  if e2ee_go_build "LiveKit's Go client" "$here/go-client" . "$work/go-client"; then
    arguments+=(--go-client "$work/go-client")
  else
    arguments+=(--without-go 'the Go client cannot be built')
  fi
}

if e2ee_find_go; then
  add_go_client
else
  arguments+=(--without-go "$E2EE_GO_MISSING")
fi
if e2ee_find_server; then
  arguments+=(--server "$E2EE_SERVER")
else
  arguments+=(--without-server "$E2EE_SERVER_MISSING")
fi

# A minute for each cell that hangs is bounded inside; this is for what nobody thought of.
e2ee_isolated $((1800 * repeat)) "$work/namespace.log" \
  "$here/address.sh" node "$here/driver/main.mjs" --build "$E2EE_BUILD" "${arguments[@]}"
