#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Installs below build/installed and uses what is there as somebody does who has read the end of the
# installation and nothing else. For tests/run.sh and tests/bare.sh; prints what failed.
set -euo pipefail

# shellcheck source-path=SCRIPTDIR source=../examples/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/../examples/setup.sh"

build=$E2EE_BUILD/installed
prefix=$build/prefix

rm -rf "$prefix"
[[ -f $build/build.ninja ]] ||
  meson setup --prefix "$prefix" -Doptimization=0 -Ddebug=false "$build" "$E2EE_ROOT"
ninja -C "$build"
printed=$(ninja -C "$build" install)
exports=$(grep '^  export ' <<<"$printed") || {
  echo "the end of the installation says nothing of what to export:" "$printed"
  exit 1
}

# as_user COMMAND ...: after a login in which those lines were read, outside the checkout.
as_user() {
  (cd / && env -i "HOME=$build" PATH=/usr/bin:/bin bash -c "set -eu
    $exports
    \"\$@\"" - "$@")
}
# fails PATTERN COMMAND ...: ends with 2 and says that.
fails() {
  local pattern=$1 status=0 said
  shift
  said=$("$@" 2>&1) || status=$?
  if ((status != 2)) || ! grep -q -- "$pattern" <<<"$said"; then
    echo "status $status instead of 2, or \"$pattern\" is not in: $said"
    return 1
  fi
}

set -x
as_user gst-inspect-1.0 e2eeencrypt >/dev/null
as_user e2ee-recorder --version
as_user e2ee-unseal --version
as_user /usr/bin/python3 -c '
import gi
gi.require_version("GstE2EE", "1.0")
from gi.repository import GstE2EE
GstE2EE.SharedKeyProvider.new().set_passphrase("secret", 0)'
as_user bash -c 'cd "$1" && cc "$2" $(pkg-config --cflags --libs gstreamer-e2ee-1.0 gstreamer-1.0) -o provider &&
  ./provider' - "$build" "$E2EE_ROOT/examples/providers/provider.c"
# Without those lines the programs start all the same, and say what they miss.
fails GST_PLUGIN_PATH env -i "HOME=$build" "$prefix/bin/e2ee-recorder" --url http://127.0.0.1:1 --room 1 \
  --no-audit \
  --key-provider shared,passphrase-env=NONE
grep -q "^Environment=GST_PLUGIN_PATH=$prefix/" "$prefix"/share/doc/gst-e2ee/examples/*.service
# A package in the making is told nothing, and everything is below its root.
rm -rf "$build/destdir"
printed=$(DESTDIR=$build/destdir ninja -C "$build" install)
if grep '^  export ' <<<"$printed"; then exit 1; fi
if find "$build/destdir" ! -type d | grep -v "^$build/destdir$prefix/"; then exit 1; fi
