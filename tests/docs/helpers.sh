# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# For `<!-- test: sh ... -->`. A step that ends with 77 is skipped, and its last line says why.

# sealed_recording FILE: as e2ee-recorder --mode sealed makes one of alice: 60 frames.
sealed_recording() {
  mkdir -p "$(dirname "$1")"
  gst-launch-1.0 -q videotestsrc num-buffers=60 ! vp8enc deadline=1 \
    ! e2eeencrypt participant=alice key-provider="participant,keys-file=keys.ini" \
    ! matroskamux ! filesink location="$1"
  echo '{"format":"gst-e2ee sealed recording","version":1,"scheme":"livekit","identity":"alice"}' \
    >"$1.json"
}

# verify_unit NAME: a systemd unit of the build, with the program where it is now.
verify_unit() {
  if ! command -v systemd-analyze >/dev/null; then
    echo 'systemd-analyze is not here'
    exit 77
  fi
  sed -E "s|^ExecStart=[^ ]*/([^ /]+)|ExecStart=$E2EE_BUILD/examples/recorder/\1|" \
    "$E2EE_BUILD/examples/recorder/$1" >"$1"
  systemd-analyze verify "./$1"
}
