#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Installs, and uses what was installed as somebody does who has read the end of the installation.
set -euo pipefail

# shellcheck source-path=SCRIPTDIR source=../examples/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/../examples/setup.sh"

usage() {
  cat <<'TEXT'
Usage: tests/install.sh [OPTION ...]

Builds and installs below build/installed, exports what the end of the installation says, and looks for
elements, programs, typelib and C library. Then the same as a package for /usr, which needs nothing.

      --no-install   install no Debian packages, only say which are missing
      --version      print the version

Exit status: 0 = everything was found, 1 = it was not, 2 = wrong usage or missing packages.
TEXT
}

e2ee_arguments "$@"
e2ee_install build run recorder

build=$E2EE_BUILD/installed
prefix=$build/prefix

rm -rf "$prefix"
if [[ -f $build/build.ninja ]]; then
  meson configure "-Dprefix=$prefix" "$build"
else
  meson setup "--prefix=$prefix" -Doptimization=0 -Ddebug=false "$build" "$E2EE_ROOT"
fi
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
as_user e2ee-publish --version
as_user /usr/bin/python3 -c '
import gi
gi.require_version("GstE2EE", "1.0")
from gi.repository import GstE2EE
GstE2EE.SharedKeyProvider.new().set_passphrase("secret", 0)'
for example in providers/provider frames/frames; do
  as_user bash -c 'cd "$1" && cc -Werror -DGST_USE_UNSTABLE_API "$2" $(pkg-config --cflags --libs gstreamer-e2ee-1.0 gstreamer-1.0) -o example &&
    ./example' - "$build" "$E2EE_ROOT/examples/$example.c"
done
# Without those lines the programs start all the same, and say what they miss.
fails GST_PLUGIN_PATH env -i "HOME=$build" "$prefix/bin/e2ee-recorder" --url http://127.0.0.1:1 --room 1 \
  --no-audit \
  --key-provider shared,passphrase-env=NONE
grep -q "^Environment=GST_PLUGIN_PATH=$prefix/" "$prefix"/share/doc/gst-e2ee/examples/*.service

# As a package for /usr: nothing is to be exported or searched for elsewhere, and all is below the root.
root=$build/root
rm -rf "$root"
meson configure -Dprefix=/usr "$build"
printed=$(DESTDIR=$root ninja -C "$build" install)
plugin=$(find "$root/usr" -name libgste2ee.so)
[[ $plugin == "$root/usr/lib"*/gstreamer-1.0/libgste2ee.so ]]
if grep '^  export ' <<<"$printed"; then exit 1; fi
if find "$root" ! -type d | grep -v "^$root/usr/"; then exit 1; fi
if readelf -d "$plugin" "$root/usr/bin/e2ee-recorder" | grep -i 'runpath\|rpath'; then exit 1; fi
if grep '^Environment=' "$root"/usr/share/doc/gst-e2ee/examples/*.service; then exit 1; fi
