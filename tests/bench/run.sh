#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Installs what is missing, builds, measures what encryption costs and writes build/bench.json.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=../../examples/setup.sh
source "$here/../../examples/setup.sh"
# shellcheck source-path=SCRIPTDIR source=../interop/setup.sh
source "$here/../interop/setup.sh"

usage() {
  cat <<'TEXT'
Usage: tests/bench/run.sh [OPTION ...]

Measures what e2eeencrypt and e2eedecrypt cost for each frame, beside bare OpenSSL, and in running
pipelines beside the encoders, with each AEAD back end that is here; then what the keys of many
participants cost. Prints a table with the targets, writes build/bench.json and draws it as
build/bench.svg. GStreamer's srtpenc is measured beside it.

      --quick          about 20 seconds of measuring a back end instead of 120; rougher numbers, and
                       not that of 1,000 passphrases
      --peer-livekit   also LiveKit's worker in node, from the npm packages of tests/interop
      --no-install     install nothing, only say which Debian packages are missing
      --version        print the version

Numbers of frames are CPU time of one thread; ratios are made within rounds of a fraction of a
millisecond, so that other work on the machine changes them little. Numbers of keys are of the
whole process on all cores: other work changes those. A target that is missed is marked in the
table and does not change the exit status.

Exit status: 0 = measured, 1 = something failed, 2 = wrong usage or missing packages.
TEXT
}

e2ee_arguments "$@"

quick=${E2EE_OPTION[quick]-} livekit=${E2EE_OPTION[peer-livekit]-}
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
  e2ee_env "$bench" ${quick:+--quick} --progress "--benchmark_filter=$filter" \
    "--benchmark_out=$out" "$@"
  files+=("$out")
}
files=()
for GST_E2EE_AEAD in $(e2ee_env "$bench" --backends); do
  export GST_E2EE_AEAD
  measure 'frames, in memory and through the elements' frame \
    --benchmark_enable_random_interleaving=true
  measure 'many streams on one core' streams
  measure 'a thousand elements on one core' elements
  measure 'running pipelines' pipeline
done
unset GST_E2EE_AEAD
measure 'keys of many participants' keys --keys
if [[ $livekit ]]; then
  if command -v node >/dev/null && command -v npm >/dev/null; then
    e2ee_npm interop
    e2ee_say "Measuring LiveKit's worker in node"
    node "$here/livekit-worker.mjs" "$E2EE_NODE/node_modules/livekit-client/dist/livekit-client.e2ee.worker.mjs" \
      "$([[ $quick ]] && echo 1000 || echo 10000)" "$results/livekit.json"
    files+=("$results/livekit.json")
  else
    e2ee_say "Without LiveKit's worker: node or npm is missing (Debian's nodejs and npm)."
  fi
fi

echo
python3 "$here/report.py" "$E2EE_BUILD/bench.json" "${files[@]}"
e2ee_say "Written to ${E2EE_BUILD#"$PWD"/}/bench.json"
python3 "$here/picture.py" "$E2EE_BUILD/bench.json" "$E2EE_BUILD/bench.svg"
