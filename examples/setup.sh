# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# For scripts to source: installs what is missing on Debian, builds into build/ and runs things
# there. Use it like this, from any folder:
#
#   e2ee_arguments "$@"                           # in arguments.sh
#   e2ee_install build run                        # groups of packages, below
#   e2ee_build -Dtests=true                       # meson options; they stay as they are once set
#   e2ee_env COMMAND ...                          # with the plugin, library and typelib found
#
# E2EE_NO_INSTALL=1 or --no-install: installs nothing, says what is missing and exits with 2.

E2EE_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
E2EE_BUILD=$E2EE_ROOT/build
E2EE_INSTALLED= # whether packages were installed, which meson has to look for again
: "${E2EE_NO_INSTALL:=}"

# Debian's own meson, python3 and g-ir-scanner belong together; another python3 that comes first
# on PATH cannot load the scanner's modules.
PATH=/usr/bin:$PATH

# Groups of packages; e2ee_install takes them by name.
# shellcheck disable=SC2034
E2EE_PACKAGES_build=(
  g++ meson ninja-build pkgconf
  libgstreamer1.0-dev
  libgstreamer-plugins-base1.0-dev # RTP, and looking into media files
  libssl-dev nettle-dev # passphrases in half the time
  gobject-introspection libgirepository1.0-dev # the library from Python
)
# Debian has it for this processor alone.
if [[ $(uname -m) == x86_64 ]]; then
  E2EE_PACKAGES_build+=(libipsec-mb-dev) # AES-GCM in less than half of the time
fi
# shellcheck disable=SC2034
E2EE_PACKAGES_run=(
  gstreamer1.0-tools        # gst-launch-1.0, gst-inspect-1.0
  gstreamer1.0-plugins-base # test sources, conversion, Opus
  gstreamer1.0-plugins-good # VP8, VP9, RTP, WebM
  gstreamer1.0-plugins-bad  # webrtcbin, DTLS, SRTP, opusparse
  gstreamer1.0-nice         # ICE
  python3-gi                # the library from Python
  gir1.2-gst-plugins-bad-1.0 # webrtcbin from Python, for the chat
  gir1.2-soup-3.0           # LiveKit's signalling from Python, for the chat
)
# shellcheck disable=SC2034
E2EE_PACKAGES_test=(
  libgtest-dev
  libjson-glib-dev            # vectors
  libvpx-dev                  # VP9 with spatial layers, which GStreamer's encoder lacks
  gir1.2-gst-plugins-base-1.0 # appsrc and appsink from Python
  gstreamer1.0-plugins-ugly   # x264enc
  openssl iproute2            # what the docs do: a key, a network of their own
  valgrind                    # counts instructions
)
# shellcheck disable=SC2034
E2EE_PACKAGES_sanitize=(clang libclang-rt-dev llvm) # with readable stacks
# shellcheck disable=SC2034
E2EE_PACKAGES_bench=(
  libbenchmark-dev
  gnuplot-nox # draws the picture
)
# shellcheck disable=SC2034
E2EE_PACKAGES_interop=(
  chromium janus                                          # browser and SFU
  nodejs                                                  # what drives them
  iproute2                                                # a network namespace of their own
  gir1.2-gstreamer-1.0 gir1.2-gst-plugins-base-1.0        # GStreamer from Python
  gir1.2-gst-plugins-bad-1.0                              # webrtcbin's types from Python
  gstreamer1.0-plugins-ugly                               # x264enc
)
# shellcheck disable=SC2034
E2EE_PACKAGES_firefox=(firefox-esr)
# shellcheck disable=SC2034
E2EE_PACKAGES_recorder=(
  libsoup-3.0-dev libjson-glib-dev # talks with the SFU
  libprotobuf-dev protobuf-compiler # and with LiveKit
  openssl                          # makes the key that signs audit logs
)
# shellcheck disable=SC2034
E2EE_PACKAGES_livekit=(
  python3-pip              # where Debian's Go is too old it comes from PyPI
  openssl                  # makes the key that signs audit logs
  nftables                 # loses packets
)
# shellcheck disable=SC2034
E2EE_PACKAGES_sframe=(
  nodejs                                           # the peer
  iproute2                                         # a network namespace of its own
  gir1.2-gstreamer-1.0 gir1.2-gst-plugins-base-1.0 # GStreamer from Python
  gir1.2-gst-plugins-bad-1.0                       # webrtcbin's types from Python
  gstreamer1.0-plugins-ugly                        # x264enc; H.265 and AV1 are in bad
)
# Other makers' Node packages bring it with them, and conflict with Debian's.
command -v npm >/dev/null || E2EE_PACKAGES_interop+=(npm) E2EE_PACKAGES_sframe+=(npm)

# Debian 13 has neither. Where apt knows of none they are left out, and what needs them is skipped by name.
E2EE_NOT_EVERYWHERE=(janus clang-format-14)

e2ee_say() { printf '%s\n' "$*" >&2; }

# shellcheck source-path=SCRIPTDIR source=arguments.sh
source "$E2EE_ROOT/examples/arguments.sh"

# Runs a command silently; shows its output, and where that is kept, only when it fails.
e2ee_quietly() {
  local what=$1 log=$2 start=$SECONDS status=0
  shift 2
  printf '%s ... ' "$what" >&2
  "$@" >"$log" 2>&1 </dev/null || status=$?
  if ((status == 0)); then
    e2ee_say "done ($((SECONDS - start)) s)"
    return 0
  fi
  e2ee_say "failed. From $log:"
  tail -n 60 "$log" >&2
  return "$status"
}

# Whether apt knows a package by more than its name.
e2ee_exists() { [[ $(apt-cache show "$1" 2>/dev/null) ]]; }

# Whether this Debian may have a package: apt knows it, or has no lists of packages yet.
e2ee_may_exist() {
  [[ " ${E2EE_NOT_EVERYWHERE[*]} " != *" $1 "* ]] || e2ee_exists "$1" ||
    ! compgen -G '/var/lib/apt/lists/*_Packages*' >/dev/null
}

# Those of the given packages that are not installed and may be, one on each line.
e2ee_missing() {
  local package
  for package in "$@"; do
    [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] ||
      ! e2ee_may_exist "$package" || printf '%s\n' "$package"
  done
}

# Debian's own updates at boot may hold apt's locks for minutes.
E2EE_LOCK_SECONDS=600

e2ee_apt() {
  local as_root=(env DEBIAN_FRONTEND=noninteractive LC_ALL=C)
  ((EUID == 0)) || as_root=(sudo "${as_root[@]}")
  "${as_root[@]}" apt-get -q -o DPkg::Lock::Timeout=$E2EE_LOCK_SECONDS "$@"
}

# That timeout is for dpkg's lock alone.
e2ee_apt_update() {
  local end=$((SECONDS + E2EE_LOCK_SECONDS)) status said
  while :; do
    status=0
    said=$(e2ee_apt update 2>&1) || status=$?
    [[ $status != 0 && $said == *'Could not get lock'* ]] && ((SECONDS < end)) || break
    sleep 2
  done
  printf '%s\n' "$said"
  return "$status"
}

# What to type as root to get the given packages.
e2ee_apt_line() {
  local package certain=() perhaps=''
  for package in "$@"; do
    if [[ " ${E2EE_NOT_EVERYWHERE[*]} " == *" $package "* ]] && ! e2ee_exists "$package"; then
      perhaps+=" $package"
    else
      certain+=("$package")
    fi
  done
  echo "apt-get update && apt-get install --no-install-recommends ${certain[*]}"
  [[ ! $perhaps ]] || echo "and, where this Debian has them:$perhaps"
}

# e2ee_install GROUP ...: build, run, test, sanitize, interop, firefox, sframe, recorder, livekit. Ends with 2 where it cannot.
e2ee_install() {
  local group packages=() missing=()
  e2ee_check_moved
  for group in "$@"; do
    local -n members=E2EE_PACKAGES_$group
    packages+=("${members[@]}")
  done
  if ! command -v dpkg-query >/dev/null; then
    e2ee_say "Not Debian: nothing is installed. Debian's names of what is needed: ${packages[*]}"
    return 0
  fi
  mapfile -t missing < <(e2ee_missing "${packages[@]}")
  ((${#missing[@]} > 0)) || return 0

  if [[ $E2EE_NO_INSTALL ]]; then
    e2ee_say "Missing packages; nothing was installed. As root:" "$(e2ee_apt_line "${missing[@]}")"
    exit 2
  fi
  if ((EUID != 0)) && ! command -v sudo >/dev/null; then
    e2ee_say "Missing packages, and neither root nor sudo to install them. As root:" \
      "$(e2ee_apt_line "${missing[@]}")"
    exit 2
  fi
  e2ee_say "Installing ${#missing[@]} Debian packages (--no-install: only say which): ${missing[*]}"
  local log
  log=$(mktemp -t e2ee-install.XXXXXX)
  ((EUID == 0)) || sudo -v # asks for the password before the output goes to the log
  e2ee_quietly 'Reading package lists' "$log" e2ee_apt_update || exit 2
  mapfile -t missing < <(e2ee_missing "${packages[@]}")
  e2ee_quietly 'Installing (on a bare system: minutes)' "$log" \
    e2ee_apt install -y --no-install-recommends "${missing[@]}" || exit 2
  rm -f "$log"
  E2EE_INSTALLED=1
}

# meson keeps absolute paths in the build folder.
e2ee_check_moved() {
  local from info=$E2EE_BUILD/meson-info/meson-info.json
  [[ -f $info ]] || return 0
  from=$(sed -n 's/.*"source": "\([^"]*\)", "build".*/\1/p' "$info")
  [[ ! $from -ef $E2EE_ROOT ]] || return 0
  e2ee_say "$E2EE_BUILD was made when this checkout was $from. Remove it, then run this again:
  rm -r $(printf %q "$E2EE_BUILD")"
  exit 2
}

# Whether the build knows what E2EE_TARGETS names, and has these -Dname=value options already.
e2ee_configured() {
  local target
  [[ -f $E2EE_BUILD/build.ninja && ! $E2EE_INSTALLED ]] || return 1
  for target in "${E2EE_TARGETS[@]}"; do
    grep -qE "^build ([^:]* )?$target( [^:]*)?:" "$E2EE_BUILD/build.ninja" || return 1
  done
  meson introspect --buildoptions "$E2EE_BUILD" 2>/dev/null | python3 -c '
import json, sys
have = {option["name"]: option["value"] for option in json.load(sys.stdin)}
for argument in sys.argv[1:]:
    name, value = argument[2:].split("=", 1)
    if str(have.get(name)).lower() != value.lower():
        sys.exit(1)' "$@"
}

# e2ee_build [-Dname=value ...]: all of it, or what E2EE_TARGETS names.
E2EE_TARGETS=()
e2ee_build() {
  local log=$E2EE_BUILD/build.log
  mkdir -p "$E2EE_BUILD"
  if ! e2ee_configured "$@"; then
    local how=()
    [[ ! -f $E2EE_BUILD/build.ninja ]] || how=(--reconfigure)
    e2ee_quietly 'Configuring build/' "$log" \
      meson setup "${how[@]}" "$@" "$E2EE_BUILD" "$E2EE_ROOT" || exit 1
  fi
  e2ee_quietly 'Building' "$log" ninja -C "$E2EE_BUILD" "${E2EE_TARGETS[@]}" || exit 1
}

# Runs a command in the current folder with the plugin, library and typelib of the build found.
e2ee_env() { meson devenv -C "$E2EE_BUILD" -w "$PWD" "$@"; }
