#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What a hostile server may send, made up by libFuzzer.
set -euo pipefail

# shellcheck source-path=SCRIPTDIR source=../../examples/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/../../examples/setup.sh"
# shellcheck source-path=SCRIPTDIR source=../sanitized.sh
source "$(dirname "${BASH_SOURCE[0]}")/../sanitized.sh"

usage() {
  cat <<'TEXT'
Usage: tests/fuzz/run.sh [OPTION ...]

Builds the fuzz targets with AddressSanitizer and UndefinedBehaviorSanitizer into build/asan, and runs
each for a while. A target fails where it crashes, leaks, or its oracle does not hold: a frame that was
changed opens, one that nobody touched does not come out equal, a ciphertext leaves the depayloader that
was not sent. What made it fail is kept in build/fuzz, and what led to new code in build/fuzz/corpus, from
where the next run goes on.

  --seconds=1..86400  how long for each target (default: 20)
  --hours=1..1000     the same in hours
  --filter=TEXT       only targets whose name contains TEXT, as in sframe-frames
  --no-install        install nothing, only say which Debian packages are missing
  --version           print the version

The last line is "N passed, N failed, N skipped"; build/fuzz/results/steps.tsv has a line for each
target, for tests/report.py.
Exit status: 0 = nothing failed, 1 = something failed, 2 = wrong usage or missing packages.
TEXT
}

e2ee_arguments "$@"
filter=${E2EE_OPTION[filter]-} seconds=${E2EE_OPTION[seconds]-20} hours=${E2EE_OPTION[hours]-}
[[ ! $hours ]] || seconds=$((hours * 3600))
e2ee_install build test sanitize

work=$E2EE_BUILD/fuzz
steps=$work/results/steps.tsv
mkdir -p "$work/results"
: >"$steps"

CC=clang CXX=clang++ e2ee_quietly 'Building' "$work/build.log" \
  build_without_warnings "${E2EE_ASAN_BUILD[@]}" || exit 1
programs=$E2EE_BUILD/asan/tests/fuzz
export LD_LIBRARY_PATH=$E2EE_BUILD/asan/gst/e2ee GST_PLUGIN_PATH=$E2EE_BUILD/asan/plugins/e2ee
# Other people's plugins leak when they are looked at, and nothing here needs them.
export GST_PLUGIN_SYSTEM_PATH='' GST_REGISTRY=$work/registry.bin GST_REGISTRY_FORK=no
sanitizer_options

# fuzz NAME PROGRAM: one line of results.
fuzz() {
  local name=$1 program=$2 log=$work/$1.log start=$SECONDS status=0 done_runs
  mkdir -p "$work/corpus/$name"
  printf 'fuzz %s ... ' "$name" >&2
  timeout -k 10 $((seconds + 120)) "$program" -max_total_time="$seconds" -max_len=4096 -timeout=60 \
    -artifact_prefix="$work/$name-" "$work/corpus/$name" "$E2EE_ROOT/tests/fuzz/seeds/$name" \
    >"$log" 2>&1 </dev/null || status=$?
  done_runs=$(sed -n 's/^Done \([0-9]*\) runs.*/\1/p' "$log")
  if ((status == 0)) && ((done_runs > 0)); then
    e2ee_say "ok, $done_runs runs ($((SECONDS - start)) s)"
    printf 'passed\tfuzz %s\t%s runs\n' "$name" "$done_runs" >>"$steps"
  else
    e2ee_say "FAILED, status $status; the end of $log:"
    tail -n 40 "$log" >&2
    printf 'failed\tfuzz %s\tstatus %s, see %s\n' "$name" "$status" "$log" >>"$steps"
  fi
}

for program in "$programs"/e2ee-fuzz-*; do
  [[ -x $program && -f $program ]] || continue
  name=${program##*/e2ee-fuzz-}
  [[ $name != *"$filter"* ]] || fuzz "$name" "$program"
done
[[ -s $steps ]] || {
  e2ee_say "No target's name contains \"$filter\"."
  exit 2
}
python3 "$E2EE_ROOT/tests/report.py" "$work/results"
