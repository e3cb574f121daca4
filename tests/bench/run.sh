#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Installs what is missing, builds, measures what encryption costs and writes build/bench.json.
set -euo pipefail

# shellcheck source-path=SCRIPTDIR source=../../examples/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/../../examples/setup.sh"

usage() {
  cat <<'TEXT'
Usage: tests/bench/run.sh [OPTION ...]

Measures what e2eeencrypt and e2eedecrypt cost for each frame, beside bare OpenSSL, and in running
pipelines beside the encoders, with each AEAD back end that is here; then what the keys of many
participants cost. Prints a table with the targets and writes build/bench.json.

      --quick        about 15 seconds of measuring a back end instead of 90; rougher numbers, and not
                     that of 1,000 passphrases
      --no-install   install nothing, only say which Debian packages are missing
      --version      print the version

Numbers of frames are CPU time of one thread; ratios are made within rounds of a fraction of a
millisecond, so that other work on the machine changes them little. Numbers of keys are of the
whole process on all cores: other work changes those. A target that is missed is marked in the
table and does not change the exit status.

Exit status: 0 = measured, 1 = something failed, 2 = wrong usage or missing packages.
TEXT
}

e2ee_arguments "$@"

e2ee_install build run test bench
e2ee_build -Dtests=true

bench=$E2EE_BUILD/tests/bench/e2ee-bench
if [[ ! -x $bench ]]; then
  e2ee_say "The build has no tests/bench/e2ee-bench: Google Benchmark (libbenchmark-dev) is missing."
  exit 2
fi

# measure WHAT FILTER OPTION ...: Google Benchmark's own output goes to a log.
results=$E2EE_BUILD/bench
mkdir -p "$results"
measure() {
  local what=$1 filter=$2 out=$results/$2${GST_E2EE_AEAD:+-$GST_E2EE_AEAD}.json
  shift 2
  e2ee_say "Measuring $what${GST_E2EE_AEAD:+, $GST_E2EE_AEAD}"
  e2ee_env "$bench" "${E2EE_ARGS[@]}" --progress "--benchmark_filter=$filter" \
    "--benchmark_out=$out" "$@"
  files+=("$out")
}
files=()
for GST_E2EE_AEAD in $(e2ee_env "$bench" --backends); do
  export GST_E2EE_AEAD
  measure 'frames, in memory and through the elements' frame \
    --benchmark_enable_random_interleaving=true
  measure 'many streams on one core' streams
  measure 'running pipelines' pipeline
done
unset GST_E2EE_AEAD
measure 'keys of many participants' keys --keys

echo
python3 "$E2EE_ROOT/tests/bench/report.py" "$E2EE_BUILD/bench.json" "${files[@]}"
e2ee_say "Written to ${E2EE_BUILD#"$PWD"/}/bench.json"
