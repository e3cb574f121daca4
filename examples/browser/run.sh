#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Installs what is missing, builds, and serves a page that makes an encrypted call with GStreamer.
set -euo pipefail

# shellcheck source-path=SCRIPTDIR source=../setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/../setup.sh"

usage() {
  cat <<'TEXT'
Usage: examples/browser/run.sh [OPTION ...]

Prints the address of a page that makes an end-to-end encrypted call with GStreamer, and the key to
type into it. Open the page in a browser on this machine; Ctrl-C ends. Without
--any-address nothing leaves this machine, and what other machines send is dropped.

      --port=0..65535          the port of the page (default 8080; 0: any that is free)
      --passphrase-file=FILE   the key (default: drawn for each run, and shown once)
      --show                   show what GStreamer decrypted in a window, and play the sound
      --any-address            media for other machines too, on all addresses of this one: for a
                               page that is open there, through a forwarded port
      --no-install             install nothing, only say which Debian packages are missing
      --version                print the version

Exit status: 0 = ended by Ctrl-C, 1 = failed, 2 = wrong usage, missing packages or a port in use.
TEXT
}

e2ee_arguments "$@"
e2ee_install build run
# shellcheck disable=SC2034
E2EE_TARGETS=(plugins/e2ee/libgste2ee.so gst/e2ee/GstE2EE-1.0.typelib) # read by e2ee_build
# shellcheck disable=SC2119 # no meson options
e2ee_build

# The server takes the place of this script: between the two, meson would get Ctrl-C as well. What
# e2ee_env changes is exported, since command lines can be seen by everyone on the machine.
mapfile -d '' -t environment < <(e2ee_env env -0)
wait "$!" # fails if e2ee_env failed
for variable in "${environment[@]}"; do
  name=${variable%%=*}
  [[ $name =~ ^[A-Za-z_][A-Za-z0-9_]*$ && ${!name-} != "${variable#*=}" ]] || continue
  export "$name=${variable#*=}"
done
exec /usr/bin/python3 -B "$E2EE_ROOT/examples/browser/server.py" "${E2EE_ARGS[@]}"
