#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# README's two commands on a Debian that has nothing: the check of the lists of packages.
set -euo pipefail

# shellcheck source-path=SCRIPTDIR source=../examples/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/../examples/setup.sh"

usage() {
  cat <<'TEXT'
Usage: tests/bare.sh [OPTION ...] bookworm|trixie

Makes a bare Debian 12 or 13 in build/bare, clones this repository's HEAD into it, and runs there what
README tells a new user to run: examples/demo.sh and tests/run.sh --quick, and then tests/install.sh.
Prints how each ended and how long it took. Needs root, debootstrap and git; Debian's packages come
from the mirror that this machine uses. Half an hour on two cores.

  --calls     also tests/interop/run.sh: calls with browsers, without those through Janus on Debian 13,
              which has none
  --keep      keep the system when everything passed; after a failure it always stays
  --version   print the version

Logs are in build/bare. Exit status: 0 = everything passed, 1 = something failed, 2 = wrong usage or
it cannot run here.
TEXT
}

e2ee_arguments "$@"
suite=${E2EE_FILES[0]}
calls=${E2EE_OPTION[calls]-} keep=${E2EE_OPTION[keep]-}

cannot() { e2ee_say "$@" && exit 2; }

running=''
# unshare blocks the other signals, and with it ends all that runs inside.
trap '[[ ! $running ]] || kill -KILL -- "-$running" 2>/dev/null || true' EXIT
trap 'exit 130' INT TERM

bare=$E2EE_BUILD/bare
system=$bare/$suite
failed=0

# This machine's mirrors of Debian: the archive, and that of its security updates.
mirrors() {
  apt-get indextargets --format '$(ORIGIN) $(CODENAME) $(REPO_URI)' 'Created-By: Packages' |
    awk -v which="$1" '$1 == "Debian" && ($2 ~ /-security$/) == (which == "security") { print $3; exit }'
}
archive=$(mirrors archive)
[[ $archive ]] || cannot 'apt knows no mirror of Debian; run apt-get update.'
((EUID == 0)) || cannot 'Only root can make a bare system.'
for program in debootstrap git unshare; do
  command -v "$program" >/dev/null ||
    cannot "$program is missing: apt-get install debootstrap git util-linux"
done
mkdir -p "$bare"

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
  debootstrap --variant=minbase --include=ca-certificates "$suite" "$system" "$archive"
  {
    echo "deb $archive $suite main"
    echo "deb $archive $suite-updates main"
    [[ ! $(mirrors security) ]] || echo "deb $(mirrors security) $suite-security main"
  } >"$system/etc/apt/sources.list"
  cp /etc/resolv.conf /etc/hosts "$system/etc/"
  # npm's registry may be behind a proxy with an authority of its own.
  if [[ -f ${NODE_EXTRA_CA_CERTS-} ]]; then cp "$NODE_EXTRA_CA_CERTS" "$system/srv/ca.pem"; fi
  git clone -q --no-hardlinks "$E2EE_ROOT" "$system/srv/gst-e2ee"
}

# Runs a command in the clone as a user who has just logged in would. All its processes and mounts
# end with it.
inside() {
  local environment=(HOME=/root TERM=dumb PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
    "http_proxy=${http_proxy-}" "https_proxy=${https_proxy-}" "no_proxy=${no_proxy-}")
  [[ ! -f $system/srv/ca.pem ]] || environment+=(NODE_EXTRA_CA_CERTS=/srv/ca.pem)
  exec unshare --mount --pid --fork --kill-child=KILL bash -c '
    set -e
    system=$1
    shift
    mount --rbind "$system" "$system" # namespaces in there want a mount as their root
    mount -t proc proc "$system/proc"
    mount -t tmpfs tmpfs "$system/tmp"
    mount -t tmpfs tmpfs "$system/run"
    mount --rbind /sys "$system/sys"
    mount --rbind /dev "$system/dev"
    exec chroot "$system" "$@"' - "$system" \
    env -i "${environment[@]}" bash -c 'cd /srv/gst-e2ee && exec "$@"' - "$@"
}

step 'a bare system' make_system
((failed == 0)) || exit 1
step 'examples/demo.sh' inside timeout -k 10 3600 examples/demo.sh
step 'tests/run.sh --quick' inside timeout -k 10 3600 tests/run.sh --quick
step 'tests/install.sh' inside timeout -k 10 3600 tests/install.sh
[[ ! $calls ]] || step 'tests/interop/run.sh' inside timeout -k 10 3600 tests/interop/run.sh
if ((failed == 0)) && [[ ! $keep ]]; then rm -rf --one-file-system "$system"; fi
exit "$failed"
