#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Installs what is missing, builds, and makes an end-to-end encrypted call on this machine.
set -euo pipefail

# shellcheck source-path=SCRIPTDIR source=setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

usage() {
  cat <<'TEXT'
Usage: examples/demo.sh [OPTION ...] [FILE]

Makes an end-to-end encrypted call between webrtcbin peers on 127.0.0.1, records what the receiver
decrypted and proves that peers without the key, or with another, get nothing. Sends FILE, or a
test picture and a tone.

  -c, --codec=vp8|vp9          default vp8
  -s, --seconds=1..3600        how much to send (default 10)
  -o, --output=PATH            what is recorded (default recordings/demo.webm)
  -p, --passphrase-file=FILE   the call's passphrase (default: drawn for each run, never shown)
      --no-install             install nothing, only say which Debian packages are missing
      --version                print the version

Exit status: 0 = everything held, 1 = it did not, 2 = wrong usage, missing packages, or a file that
cannot be used.
TEXT
}

e2ee_arguments "$@"
e2ee_install build run
# shellcheck disable=SC2034
E2EE_TARGETS=(plugins/e2ee/libgste2ee.so gst/e2ee/GstE2EE-1.0.typelib
  examples/call/e2ee-call) # read by e2ee_build
e2ee_build -Dexamples=true
e2ee_env "$E2EE_BUILD/examples/call/e2ee-call" "${E2EE_ARGS[@]}" -- "${E2EE_FILES[@]}"
