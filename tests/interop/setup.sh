# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# For tests that need npm packages or a network of their own, sourced behind examples/setup.sh.

# shellcheck disable=SC2034
E2EE_NODE=$E2EE_BUILD/interop # where node_modules of tests/interop is

# e2ee_npm NAME: the npm packages of tests/NAME into build/NAME: for `interop` the peers' own code and
# what drives the browser. No package's own scripts are run.
e2ee_npm() {
  local name=$1
  local here=$E2EE_ROOT/tests/$name there=$E2EE_BUILD/$name
  mkdir -p "$there"
  ! cmp -s "$here/package-lock.json" "$there/node_modules/.installed" || return 0
  if [[ $E2EE_NO_INSTALL ]]; then
    e2ee_say "The npm packages of tests/$name are missing in build/$name;" \
      'run without --no-install.'
    exit 2
  fi
  e2ee_quietly "Installing npm packages into build/$name" "$there/npm.log" \
    e2ee_npm_install "$here" "$there" || exit 2
}

# e2ee_npm_install FROM TO
e2ee_npm_install() (
  cp "$1"/package.json "$1"/package-lock.json "$2" && cd -P "$2" &&
    npm ci --ignore-scripts --engine-strict=false --no-audit --no-fund &&
    cp package-lock.json node_modules/.installed
)

# e2ee_isolated SECONDS LOG COMMAND ...: with no network but 127.0.0.1, for so long at most.
# Processes that anything leaves behind end with the PID namespace.
e2ee_isolated() {
  local seconds=$1 log=$2 spaces=(--net --pid --fork --kill-child=KILL --mount-proc)
  shift 2
  ((EUID == 0)) || spaces+=(--map-root-user)
  if ! unshare "${spaces[@]}" true 2>"$log"; then
    e2ee_say "Cannot make a network namespace: $(<"$log")" \
      'Run this as root, or where unprivileged user namespaces are allowed.'
    exit 2
  fi
  e2ee_env timeout -k 10 "$seconds" unshare "${spaces[@]}" \
    "$E2EE_ROOT/tests/interop/namespace.sh" "$@"
}
