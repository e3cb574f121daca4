#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Installs what is missing, builds and runs the tests. Works from a bare Debian machine.
set -euo pipefail

# shellcheck source=../examples/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/../examples/setup.sh"
# shellcheck source-path=SCRIPTDIR source=sanitized.sh
source "$(dirname "${BASH_SOURCE[0]}")/sanitized.sh"

usage() {
  cat <<'TEXT'
Usage: tests/run.sh [OPTION ...]

Builds into build/ and runs all tests: core, elements, pipelines and keys under load, Python, every
command of the docs, formatting, no warning by g++ and clang++, elements and pipelines once more
under AddressSanitizer and UndefinedBehaviorSanitizer, tests/fuzz/run.sh, hostile input, key changes
under ThreadSanitizer, examples/demo.sh with both codecs, tests/interop/run.sh, calls with browsers
and an SFU, tests/sframe/run.sh, SFrame over RTP with a peer of its own, tests/recorder/run.sh,
meetings that are recorded, and tests/livekit/run.sh, rooms of a LiveKit server with LiveKit's own
clients. Up to 45 minutes, beside building a LiveKit server once.

  --quick         core, elements, shorter pipelines, Python, docs and formatting: three minutes
  --full          also what takes longer: 50 publishers in a room, longer cuts, every codec with
                  every way of using keys, livekitwebrtcsrc, which needs Rust: half an hour more
  --filter=NAME   only test cases whose name contains NAME; * and ? stand for any characters
  --no-install    install nothing, only say which Debian packages are missing; calls and meetings
                  that cannot run here count as skipped then, otherwise as failed
  --version       print the version

The last line is "N passed, N failed, N skipped". Logs and results are in build/test-results.
Exit status: 0 = nothing failed, 1 = something failed, 2 = wrong usage or missing packages.
TEXT
}

e2ee_arguments "$@"
quick=${E2EE_OPTION[quick]-} filter=${E2EE_OPTION[filter]-} full=${E2EE_OPTION[full]-}
if [[ $full && ($quick || $filter) ]]; then
  e2ee_say 'tests/run.sh: --full is of all tests, --quick and --filter of some. See --help.'
  exit 2
fi

# shellcheck disable=SC2034
E2EE_PACKAGES_format=(clang-format-14) # read by e2ee_install
groups=(build run test recorder format)
[[ $quick || $filter ]] || groups+=(bench sanitize)
e2ee_install "${groups[@]}" # tests/interop/run.sh installs what it needs itself

main_build=$E2EE_BUILD
results=$main_build/test-results
rm -rf "$results"
mkdir -p "$results/plain"
steps=$results/plain/steps.tsv
jobs=$(nproc)
call_folders=()
if [[ -t 2 ]]; then bold=$'\e[1m' plain=$'\e[m'; else bold='' plain=''; fi

section=
end_section() {
  [[ ! $section ]] || e2ee_say "   $section: $((SECONDS - section_start)) s"
  section=
}
heading() {
  end_section
  section=$* section_start=$SECONDS
  e2ee_say "$bold== $*$plain"
}

# step NAME SECONDS COMMAND ...: one test case; its output is shown when it fails.
step() {
  local name=$1 limit=$2 log start=$SECONDS status=0
  shift 2
  log=$results/${name//[^a-zA-Z0-9]/-}.log
  printf '%s ... ' "$name" >&2
  timeout -k 10 "$limit" "$@" >"$log" 2>&1 </dev/null || status=$?
  if ((status == 0)); then
    e2ee_say "ok ($((SECONDS - start)) s)"
    printf 'passed\t%s\n' "$name" >>"$steps"
  else
    e2ee_say "FAILED, status $status; the end of $log:"
    tail -n 40 "$log" >&2
    printf 'failed\t%s\tstatus %s, see %s\n' "$name" "$status" "$log" >>"$steps"
  fi
}

# gtests FOLDER-OF-RESULTS [TEST ...]: those of $E2EE_BUILD. meson bounds their time and prints
# their names.
gtests() {
  local to=$results/$1
  shift
  mkdir -p "$to"
  rm -f "$E2EE_BUILD"/*.xml
  [[ -z $filter ]] || local -x GTEST_FILTER="*$filter*" # not all of them take arguments
  # One more than processors: tests wait a lot.
  timeout -k 30 1200 meson test -C "$E2EE_BUILD" --no-rebuild --num-processes $((jobs + 1)) \
    "$@" </dev/null >&2 || true
  mv "$E2EE_BUILD"/*.xml "$to" 2>/dev/null || true
  cp "$E2EE_BUILD/meson-logs/testlog.json" "$to" ||
    printf 'failed\tmeson test in %s\tno results\n' "$E2EE_BUILD" >>"$steps"
}

# python_tests python|docs [FOLDER-OF-RESULTS]: tests/NAME/run.py
python_tests() {
  local status=0 to=$results/${2:-plain} xml
  xml=$to/$1.xml
  mkdir -p "$to"
  E2EE_VECTORS=$E2EE_ROOT/tests/vectors timeout -k 10 900 bash -c '
    source "$1/examples/setup.sh"; shift; e2ee_env "$@"' - "$E2EE_ROOT" \
    /usr/bin/python3 -B "$E2EE_ROOT/tests/$1/run.py" "$xml" \
    ${filter:+"$filter"} </dev/null >&2 || status=$?
  [[ -f $xml ]] || printf 'failed\ttests/%s\tstatus %s, no results\n' "$1" "$status" >>"$steps"
}

# GStreamer's own for Python, Debian's python3-gst-1.0, which nothing here needs.
overrides_installed() {
  /usr/bin/python3 -c '
import sys, importlib.util
sys.exit(importlib.util.find_spec("gi.overrides.Gst") is None)'
}

format_check() {
  local files
  mapfile -t files < <(cd "$E2EE_ROOT" && find gst elements plugins examples tests \
    \( -name '*.cpp' -o -name '*.h' \) -printf '%p\n')
  (cd "$E2EE_ROOT" && clang-format-14 --dry-run -Werror "${files[@]}")
}

# Of what was compiled just now; so nobody's build stops at a warning of a newer compiler.
no_warnings() {
  ! grep -a -n -A 6 'warning: ' "$1"
}

export -f format_check no_warnings build_without_warnings
export E2EE_ROOT

sanitized() {
  # The plugin scanner is not instrumented and could not load the plugin.
  export GST_REGISTRY_FORK=no
  sanitizer_options
  local names
  mapfile -t names < <(meson introspect --tests "$E2EE_BUILD" | python3 -c '
import json, sys
for test in json.load(sys.stdin):
    if test["name"].startswith(("elements-", "pipelines")):
        print(test["name"])')
  # Other people's plugins leak while they are looked at for the registry: once, without tests.
  ASAN_OPTIONS=detect_leaks=0 timeout -k 30 300 meson test -C "$E2EE_BUILD" --no-rebuild \
    --quiet --test-args=--gtest_filter=none "${names[@]}" </dev/null >/dev/null 2>&1 || true
  E2EE_QUICK=1 gtests asan --timeout-multiplier 4 "${names[@]}"
}

# Keys changed by 8 threads under 4 streams.
threads_under_tsan() {
  set -e
  local folder=$1
  export GST_REGISTRY_FORK=no G_SLICE=always-malloc
  export TSAN_OPTIONS=exitcode=66:suppressions=$E2EE_ROOT/tests/tsan.supp
  [[ -f $folder/build.ninja ]] ||
    meson setup -Doptimization=1 -Ddebug=true -Db_sanitize=thread -Db_lundef=false \
      -Dtests=true -Dexamples=false -Dintrospection=disabled "$folder" "$E2EE_ROOT"
  ninja -C "$folder" tests/stress/e2ee-stress-test plugins/e2ee/libgste2ee.so
  export E2EE_LONG=1
  # Other people's plugins are looked at for the registry: once, without tests.
  TSAN_OPTIONS=report_bugs=0:exitcode=0 meson test -C "$folder" --no-rebuild --quiet \
    --test-args=--gtest_filter=none stress || true
  meson test -C "$folder" --no-rebuild --verbose --timeout-multiplier 2 \
    --test-args='--gtest_filter=Threads.*' stress
}
export -f threads_under_tsan

# calls NAME SCRIPT [OPTION ...]: runs a script that writes build/NAME/results/steps.tsv. Only who
# asked for no installing may be left without these tests.
calls() {
  local script=$2 folder=$main_build/$1/results status=0
  call_folders+=("$folder")
  rm -rf "$folder"
  "$E2EE_ROOT/$script" ${E2EE_NO_INSTALL:+--no-install} "${@:3}" >&2 </dev/null || status=$?
  if ((status == 2)) && [[ $E2EE_NO_INSTALL ]]; then
    printf 'skipped\t%s\tit says above what it lacks\n' "$script" >>"$steps"
  elif ((status == 2)); then
    printf 'failed\t%s\tit cannot run here and says above why\n' "$script" >>"$steps"
  elif ((status > 1)) || [[ ! -s $folder/steps.tsv ]]; then
    printf 'failed\t%s\tdid not get to its end, status %s\n' "$script" "$status" >>"$steps"
  elif ((status == 1)) && ! grep -q '^failed' "$folder/steps.tsv"; then
    printf 'failed\t%s\tended with status 1 and names no reason\n' "$script" >>"$steps"
  fi
}

heading 'Build'
# shellcheck disable=SC2034
E2EE_TARGETS=(all examples/recorder/e2ee-recorder) # read by e2ee_build
if [[ $quick || $filter ]]; then # not the benchmark
  E2EE_TARGETS=(meson-test-prereq programs gst/e2ee/GstE2EE-1.0.typelib examples/recorder/e2ee-recorder)
fi
e2ee_build -Dtests=true
cp "$main_build/build.log" "$results/build.log" # before something else is built
if [[ $quick || $filter ]]; then
  export E2EE_QUICK=1
fi
ahead=
if [[ -z $quick && -z $filter ]]; then # while tests sleep; what does not compile is told later
  CC=clang CXX=clang++ setsid nice -n 19 bash -c 'build_without_warnings "$@"' - "${E2EE_ASAN_BUILD[@]}" \
    >"$results/asan-ahead.log" 2>&1 </dev/null &
  ahead=$!
  trap 'kill -- "-$ahead" 2>/dev/null || true' EXIT
fi
heading 'Core, elements, pipelines'
gtests plain
heading 'Python'
without_overrides=$E2EE_ROOT/tests/python/no-overrides
PYTHONPATH=$without_overrides python_tests python
if overrides_installed; then
  python_tests python with-overrides
else
  e2ee_say "not run with GStreamer's Python overrides, which are not installed"
fi
heading 'Every command of the docs'
PYTHONPATH=$without_overrides python_tests docs
if [[ -z $filter ]]; then
  heading 'Sources'
  if command -v clang-format-14 >/dev/null; then
    step 'clang-format' 120 bash -c format_check
  else
    printf 'skipped\tclang-format\tother versions than 14 format differently\n' >>"$steps"
  fi
  step 'g++ without a warning' 10 bash -c 'no_warnings "$@"' - "$results/build.log"
fi

if [[ -z $quick && -z $filter ]]; then
  heading 'AddressSanitizer and UndefinedBehaviorSanitizer, by clang++'
  E2EE_BUILD=$main_build/asan
  wait "$ahead" || true
  trap - EXIT
  step 'clang++ without a warning' 900 env CC=clang CXX=clang++ bash -c \
    'build_without_warnings "$@"' - "${E2EE_ASAN_BUILD[@]}"
  (sanitized)
  E2EE_BUILD=$main_build
  heading 'Fuzzing'
  calls fuzz tests/fuzz/run.sh
  heading 'ThreadSanitizer, by clang++'
  step 'keys changed by 8 threads under 4 streams, without a report' 900 \
    env CC=clang CXX=clang++ bash -c 'threads_under_tsan "$@"' - "$main_build/tsan"
  E2EE_BUILD=$main_build
  heading 'Installation'
  step 'installed below a prefix, and found there' 900 "$E2EE_ROOT/tests/install.sh"
  heading 'Demo'
  if [[ -f $E2EE_ROOT/examples/demo.sh ]]; then
    for codec in vp8 vp9; do
      step "demo with $codec" 180 "$E2EE_ROOT/examples/demo.sh" --no-install --codec "$codec" \
        --seconds 5 --output "$results/demo-$codec.webm"
    done
  fi
  heading 'Calls with browsers and an SFU'
  calls interop tests/interop/run.sh
  heading 'SFrame over RTP with a peer of its own'
  calls sframe tests/sframe/run.sh
  heading 'Meetings that are recorded'
  calls recorder tests/recorder/run.sh
  heading 'Rooms of a LiveKit server'
  calls livekit tests/livekit/run.sh ${full:+--full}
  if [[ $full ]]; then
    heading 'livekitwebrtcsrc'
    calls webrtcsrc tests/livekit/webrtcsrc.sh
  fi
fi

folders=("$results/plain")
for part in with-overrides asan; do
  [[ ! -d $results/$part ]] || folders+=("$results/$part")
done
folders+=("${call_folders[@]}")
end_section
python3 "$E2EE_ROOT/tests/report.py" "${folders[@]}"
