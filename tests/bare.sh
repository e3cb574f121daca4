#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# README's two commands on a Debian that has nothing: the check of the lists of packages.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: tests/bare.sh [--calls] [--keep] SUITE

Makes a bare Debian (SUITE: bookworm or trixie) in build/bare/SUITE, clones this repository's HEAD into
it, and runs there what README tells a new user to run: examples/demo.sh and tests/run.sh --quick.
Prints how each ended and how long it took. Needs root, debootstrap and git; Debian's packages come
from the mirror that this machine uses. Half an hour on two cores.

  --calls   also tests/interop/run.sh: calls with Chromium; with nothing but direct ones where Debian
            has no Janus
  --keep    leave build/bare/SUITE there when everything passed; it always stays after a failure

Logs are in build/bare/SUITE-*.log.
Exit status: 0 = everything passed, 1 = something failed, 2 = wrong usage or it cannot run here.
TEXT
}

wrong() { printf '%s\n' "$@" >&2 && exit 2; }

suite='' calls='' keep=''
for argument in "$@"; do
  case $argument in
    -h | --help) usage && exit ;;
    --calls) calls=1 ;;
    --keep) keep=1 ;;
    bookworm | trixie) suite=$argument ;;
    *) usage >&2 && exit 2 ;;
  esac
done
[[ $suite ]] || { usage >&2 && exit 2; }
((EUID == 0)) || wrong 'A bare system can be made by root alone.'
for program in debootstrap git unshare; do
  command -v "$program" >/dev/null || wrong "Needs $program: apt-get install debootstrap git util-linux"
done

running=''
trap '[[ ! $running ]] || kill -- "-$running" 2>/dev/null || true' EXIT
trap 'exit 130' INT TERM

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
bare=$root/build/bare
system=$bare/$suite
failed=0
mkdir -p "$bare"

# This machine's mirrors of Debian: the archive, and that of its security updates.
mirrors() {
  apt-get indextargets --format '$(ORIGIN) $(CODENAME) $(REPO_URI)' 'Created-By: Packages' |
    awk -v which="$1" '$1 == "Debian" && ($2 ~ /-security$/) == (which == "security") { print $3; exit }'
}
archive=$(mirrors archive)
[[ $archive ]] || wrong 'apt knows no mirror of Debian; run apt-get update.'

# step NAME COMMAND ...: prints how it ended, and the closing line of tests.
step() {
  local name=$1 log=$bare/$suite-${1//[^a-z0-9]/-}.log start=$SECONDS status=0 closing
  shift
  printf '%-32s ' "$suite: $name"
  set -m # a process group of its own, which ends with this script
  "$@" >"$log" 2>&1 </dev/null &
  running=$!
  set +m
  wait "$running" || status=$?
  running=''
  closing=$(grep -aE '^[0-9]+ passed, ' "$log" | tail -n 1) || true
  if ((status == 0)); then
    printf 'ok, %d s%s\n' $((SECONDS - start)) "${closing:+: $closing}"
  else
    printf 'FAILED (status %d), %d s%s; the end of %s:\n' "$status" $((SECONDS - start)) \
      "${closing:+: $closing}" "$log"
    tail -n 30 "$log"
    failed=1
  fi
}

make_system() {
  # Nothing is mounted in there: mounts end with the namespaces of inside().
  rm -rf --one-file-system "$system"
  debootstrap --variant=minbase "$suite" "$system" "$archive"
  {
    echo "deb $archive $suite main"
    echo "deb $archive $suite-updates main"
    [[ ! $(mirrors security) ]] || echo "deb $(mirrors security) $suite-security main"
  } >"$system/etc/apt/sources.list"
  cp /etc/resolv.conf /etc/hosts "$system/etc/"
  # What this machine needs to reach its mirrors and registries.
  cp -r /etc/apt/auth.conf.d "$system/etc/apt/"
  [[ ! -f ~/.npmrc ]] || cp ~/.npmrc "$system/root/"
  if [[ -f ${NODE_EXTRA_CA_CERTS-} ]]; then cp "$NODE_EXTRA_CA_CERTS" "$system/root/ca.pem"; fi
  git clone -q --no-hardlinks "$root" "$system/root/gst-e2ee"
}

# Runs a command in the clone as a user who has just logged in would. All its processes and mounts
# end with it.
inside() {
  local environment=(HOME=/root TERM=dumb PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
    "http_proxy=${http_proxy-}" "https_proxy=${https_proxy-}" "no_proxy=${no_proxy-}")
  [[ ! -f $system/root/ca.pem ]] || environment+=(NODE_EXTRA_CA_CERTS=/root/ca.pem)
  exec unshare --mount --pid --fork --kill-child=KILL bash -c '
    set -e
    system=$1
    shift
    mount -t proc proc "$system/proc"
    mount -t tmpfs tmpfs "$system/tmp"
    mount -t tmpfs tmpfs "$system/run"
    mount --rbind /sys "$system/sys"
    mount --rbind /dev "$system/dev"
    exec chroot "$system" "$@"' - "$system" \
    env -i "${environment[@]}" bash -c 'cd /root/gst-e2ee && exec "$@"' - "$@"
}

step 'a bare system' make_system
((failed == 0)) || exit 1
step 'examples/demo.sh' inside timeout -k 10 3600 examples/demo.sh
step 'tests/run.sh --quick' inside timeout -k 10 3600 tests/run.sh --quick
[[ ! $calls ]] || step 'tests/interop/run.sh' inside timeout -k 10 3600 tests/interop/run.sh
if ((failed == 0)) && [[ ! $keep ]]; then rm -rf --one-file-system "$system"; fi
exit "$failed"
