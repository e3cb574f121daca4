#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Receives encrypted media of a LiveKit room with livekitwebrtcsrc, which is built here.
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
Usage: tests/livekit/webrtcsrc.sh [OPTION ...]

Installs what is missing, builds, and builds the crate gst-plugin-webrtc with its own Cargo.lock into
build/livekit/rswebrtc, which takes ten minutes the first time and Rust 1.92 or later. Then
@livekit/rtc-node publishes VP8, VP9, H.264 and Opus into a room of a LiveKit server, encrypted, and
livekitwebrtcsrc with e2eedecrypt receives them; the key changes, and a receiver with a wrong key
decodes nothing.

The server is that of tests/livekit/run.sh.

  --filter=TEXT      only cells whose name contains TEXT, as in livekitwebrtcsrc/vp8
  --no-install       install nothing, only say what is missing
  --version          print the version

The last line is "N passed, N failed, N skipped"; build/webrtcsrc/results/steps.tsv has a line for each
cell, for tests/report.py. Logs are in build/livekit.
Exit status: 0 = nothing failed, 1 = something failed, 2 = wrong usage, or something is missing that
cannot be installed.
TEXT
}

e2ee_arguments "$@"

CRATE=gst-plugin-webrtc-0.15.0
CRATE_SHA256=d6a45f5b656c0ab166156cf9b48a2c1b63743eaf340d9b056f66f98061115d7d
RUST=1.92
work=$E2EE_BUILD/livekit
plugin=$work/rswebrtc/libgstrswebrtc.so

# What cannot be installed from Debian 12 or 13.
rust_is_new_enough() {
  local found
  found=$(cargo --version 2>/dev/null | cut -d ' ' -f 2)
  [[ $found && $(printf '%s\n' "$RUST" "$found" | sort -V | head -n 1) == "$RUST" ]]
}

# Cargo's cache holds the crate as it was published, and with it the Cargo.lock of its authors.
unpack_crate() {
  local archive
  cargo info --quiet "${CRATE%-*}@${CRATE##*-}" >&2
  archive=$(find "${CARGO_HOME:-$HOME/.cargo}/registry/cache" -name "$CRATE.crate" -print -quit)
  sha256sum --check --quiet <<<"$CRATE_SHA256  $archive"
  rm -rf "${work:?}/$CRATE"
  tar -C "$work" -xzf "$archive"
}

build_plugin() (
  set -e
  unpack_crate
  cd "$work/$CRATE"
  cargo build --release --locked --lib --no-default-features --features livekit \
    --target-dir "$work/cargo"
  mkdir -p "$work/rswebrtc"
  cp "$work/cargo/release/libgstrswebrtc.so" "$work/rswebrtc"
)

# shellcheck disable=SC2034
E2EE_PACKAGES_webrtcsrc=(libgstreamer-plugins-bad1.0-dev) # read by e2ee_install
e2ee_install build run interop livekit webrtcsrc
# shellcheck disable=SC2034
E2EE_TARGETS=(plugins/e2ee/libgste2ee.so gst/e2ee/GstE2EE-1.0.typelib) # read by e2ee_build
e2ee_build -Dtests=true
export PYTHONPATH=$E2EE_ROOT/tests/python/no-overrides
e2ee_npm interop
mkdir -p "$work"
if ! e2ee_find_server; then
  e2ee_say "Cannot receive anything: $E2EE_SERVER_MISSING."
  exit 2
fi

if [[ ! -f $plugin ]]; then
  if [[ $E2EE_NO_INSTALL ]]; then
    e2ee_say "livekitwebrtcsrc is missing in build/livekit/rswebrtc; run without --no-install."
    exit 2
  elif ! rust_is_new_enough; then
    e2ee_say "cargo of Rust $RUST or later is missing, which rustup installs."
    exit 2
  fi
  e2ee_quietly "Building $CRATE" "$work/crate.log" build_plugin || exit 2
fi

export GST_PLUGIN_PATH=$work/rswebrtc
e2ee_isolated 600 "$work/namespace.log" node "$E2EE_ROOT/tests/livekit/driver/main.mjs" \
  --build "$E2EE_BUILD" --webrtcsrc --server "$E2EE_SERVER" --filter "${E2EE_OPTION[filter]-}"
