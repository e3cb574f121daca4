#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes a table and bench.json of e2ee-bench's results.

usage: report.py BENCH_JSON RESULT ...

A RESULT is what e2ee-bench wrote with --benchmark_out. Numbers are medians over its repetitions.
"""

import collections
import json
import re
import statistics
import sys

SIZES = (80, 1200, 8000, 60000, 500000)

# What an element may cost over a direct push, as a multiple of bare OpenSSL of the same run.
RATIOS = {
    "openssl": {
        "element-encrypt": (2.5, 1.85, 1.25, 1.05, 1.04),
        "element-decrypt": (2.45, 1.75, 1.2, 1.04, 1.02),
    },
    "ipsec-mb": {
        "element-encrypt": (1.1, 0.8, 0.52, 0.42, 0.42),
        "element-decrypt": (1.05, 0.75, 0.5, 0.4, 0.4),
    },
}
# What a frame of VP8 may cost beyond one of Opus, in ns.
IV_SEARCH = {"openssl": 105, "ipsec-mb": 65}
# What e2eeencrypt may cost right behind an encoder, as a multiple of `identity` there.
PIPELINES = ("pipeline-vp8-360p", "pipeline-vp8-720p", "pipeline-opus")
PIPELINE_RATIO = {"openssl": 5, "ipsec-mb": 3}
# Frames a second of a stream, and how many streams one core encrypts at least, 2,000 by turns.
RATES = {"streams-a-core-opus": 50, "streams-a-core-vp8": 30}
STREAMS = {
    "openssl": {"streams-a-core-opus": 60000, "streams-a-core-vp8": 18000},
    "ipsec-mb": {"streams-a-core-opus": 200000, "streams-a-core-vp8": 50000},
}
# What a frame may cost where 1,000 elements decrypt by turns, as a multiple of `identity` there.
STREAMS_1000 = {"ipsec-mb": 2.5}

# What is measured of keys, with all cores.
KEYS = {
    "passphrases-1000": ("cpu_s", "wall_s", "cores"),
    "start-150": ("lost",),
    "flood-256": ("ms",),
    "providers-1000": ("threads",),
}
# Seconds of CPU for 1,000 passphrases: by libnettle on a processor with SHA instructions, and else.
PASSPHRASES = (12, 25)
FIRST_FRAMES_LOST = 0
FLOOD_MS = 150  # of three look-ups: the one under way, one more and its own

# Of SFrame; AES-128-GCM, AES-256-CTR with HMAC-SHA-512 and tags of 80 and of 32 bits.
SUITES = ("core-encrypt-sframe-4", "core-encrypt-sframe-6", "core-encrypt-sframe-8")

# Rows that bare OpenSSL or GStreamer alone make up.
ALWAYS_OPENSSL = ("raw-encrypt", "raw-decrypt", "direct-push", "direct-push-sealed",
                  "direct-push-slack")
# Rows of others, who have an AEAD of their own.
PEERS = {"peer-srtpenc": "srtpenc", "peer-livekit-worker": "LiveKit's worker in node"}


def numbers_of(run, group, row, size):
    """What one run of Google Benchmark measured, as ((row, size, counter), value)."""
    if group == "frame":
        for way, value in run.items():
            if f"{way}:ratio" in run:
                yield (way, size, "ns"), value
                yield (way, size, "ratio"), run[f"{way}:ratio"]
    elif group in ("streams", "peer"):
        yield (row, size, "ns"), run["cpu_time"]
    elif group == "elements":
        yield (row, None, "ns"), run[row]
        yield (row, None, "ratio_to_identity"), run[f"{row}:ratio"]
        yield (row, None, "identity_ns"), run["identity-1000"]
        yield (row, None, "direct_push_ns"), run["direct-push-1000"]
    elif group == "keys":
        for counter in (*KEYS[row], "cores", "libnettle"):
            if counter in run:
                yield (row, None, counter), run[counter]
    elif group == "pipeline":
        for counter in ("percent", "ratio_to_identity", "element_ns", "identity_ns", "encoder_ns"):
            yield (row, None, counter), run[counter]


def read(paths):
    """Medians of each back end by (row, size, counter), and what failed. Those of peers are in all."""
    measured = collections.defaultdict(lambda: collections.defaultdict(list))
    failed = []
    for path in paths:
        with open(path, encoding="utf-8") as file:
            results = json.load(file)
        backend = results["context"].get("backend", "peer")
        for run in results["benchmarks"]:
            if run["run_type"] != "iteration":
                continue
            # "group/row/size/options" or, without a size, "group/row/options"
            group, row, *rest = run["name"].split("/")
            size = int(rest[0]) if rest and rest[0].isdigit() else None
            if run.get("error_occurred"):
                failed.append(f"{row} with {backend}: {run['error_message']}")
                continue
            for key, value in numbers_of(run, group, row, size):
                measured[backend][key].append(value)
    medians = {backend: {key: statistics.median(values) for key, values in numbers.items()}
               for backend, numbers in measured.items()}
    peers = medians.pop("peer", {})
    for of_one in medians.values():
        add_iv_search(of_one)
        for (name, size, counter), value in peers.items():
            of_one[name, size, counter] = value
            of_one[name, size, "ratio"] = value / of_one["raw-encrypt", size, "ns"]
    return medians, sorted(set(failed))


def add_iv_search(medians):
    """What a frame of VP8 costs beyond one of Opus that is as long, whatever the length."""
    beyond = [medians["core-encrypt-vp8", size, "ns"] - medians["core-encrypt", size, "ns"]
              for size in SIZES if ("core-encrypt-vp8", size, "ns") in medians and size <= 8000]
    if beyond:
        medians["vp8-iv-search", None, "ns"] = statistics.median(beyond)


def as_number(value):
    return int(value) if value == int(value) else round(value, 2)


def rows_of(medians, backend, first):
    """Rows of one back end. Those without any come from the first one's run."""
    rows = []
    for (name, size, counter), value in medians.items():
        row = {"name": name, "backend": "openssl" if name in ALWAYS_OPENSSL else backend}
        if name in PEERS:
            del row["backend"]
        if name in ALWAYS_OPENSSL + tuple(PEERS) and not first:
            continue
        if name == "vp8-iv-search":
            rows.append({**row, "ns": round(value, 1)})
        elif counter == "percent":
            rows.append({**row, "percent": round(value, 4),
                         "ratio_to_identity": round(medians[name, size, "ratio_to_identity"], 3)})
        elif counter == "ns" and name in RATES:
            rows.append({**row, "size": size, "ns": round(value, 1),
                         "streams": int(1e9 / (value * RATES[name]))})
        elif counter == "ns" and name == "streams-1000":
            rows.append({**row, **{key: round(medians[name, None, key], 3) for key in
                                   ("ratio_to_identity", "ns", "identity_ns", "direct_push_ns")}})
        elif counter == "ns":
            rows.append({**row, "size": size, "ns": round(value, 1),
                         "ratio_to_raw": round(medians[name, size, "ratio"], 3)})
    for name, counters in KEYS.items():
        row = {counter: as_number(medians[name, None, counter]) for counter in counters
               if (name, None, counter) in medians}
        if row:
            rows.append({"name": name, **row})
    return rows


def bench_json(measured):
    rows = []
    for at, (backend, medians) in enumerate(measured.items()):
        rows += rows_of(medians, backend, at == 0)
    return sorted(rows, key=lambda row: (row["name"], row.get("size", 0)))


class Judge:
    """Sets a number beside its target and keeps count of the misses."""

    def __init__(self):
        self.judged = 0
        self.missed = 0

    def __call__(self, value, target, text, at_least=False):
        if target is None:
            return text
        reached = value >= target if at_least else round(value, 3) <= target
        self.judged += 1
        self.missed += not reached
        sign = "≥" if at_least else "≤"
        return f"{text} {sign} {target:<5n} {'✓' if reached else '✗ missed'}"


def print_table(head, lines):
    table = [head, *lines]
    widths = [max(len(line[i]) for line in table) for i in range(len(head))]
    for line in table:
        first, *others = line
        cells = [first.rjust(widths[0])]
        cells += [cell.ljust(width) for cell, width in zip(others, widths[1:])]
        print("  " + "   ".join(cells).rstrip())
    print()


def print_ratios(medians, backend, judge):
    columns = (("raw-encrypt", "raw encrypt"), ("aead-encrypt", "AEAD"), ("core-encrypt", "core"),
               ("core-encrypt-vp8", "core, VP8"), ("floor-encrypt", "floor"),
               ("element-encrypt", "element"),
               ("element-encrypt-slack", "element, room left"),
               ("raw-decrypt", "raw decrypt"), ("aead-decrypt", "AEAD"), ("core-decrypt", "core"),
               ("element-decrypt", "element"))
    lines = []
    for at, size in enumerate(SIZES):
        line = [str(size)]
        for name, _ in columns:
            if (name, size, "ns") not in medians:
                line.append("")
            elif name.startswith("raw"):
                line.append(f"{medians[name, size, 'ns']:.0f} ns")
            else:
                ratio = medians[name, size, "ratio"]
                targets = RATIOS.get(backend, {}).get(name)
                line.append(judge(ratio, targets and targets[at], f"{ratio:.2f}"))
        lines.append(line)
    print(f"One frame, as a multiple of bare OpenSSL in the same run (back end {backend})")
    print("AEAD: the back end alone; core: without GStreamer; element: over a direct push from pad to pad;\n"
          "floor: a push with nothing but the AEAD between two pads, over a direct one\n")
    print_table(["bytes", *(title for _, title in columns)], lines)
    search = medians.get(("vp8-iv-search", None, "ns"))
    if search is not None:
        target = IV_SEARCH.get(backend)
        print(f"VP8 beyond Opus: {judge(search, target, f'{search:.0f} ns')}\n")


def print_suites(medians, backend):
    lines = [[str(size), *(f"{medians[name, size, 'ratio']:.2f}" for name in SUITES)]
             for size in SIZES if (SUITES[0], size, "ratio") in medians]
    if lines:
        print("SFrame without GStreamer, as a multiple of bare OpenSSL's AES-128-GCM in the same run "
              f"(back end {backend}; suites 6 and 8 are OpenSSL's AES-256-CTR and HMAC-SHA-512 with each)\n")
        print_table(["bytes", *(f"suite {name[-1]}" for name in SUITES)], lines)


def print_pipelines(medians, backend, judge):
    lines = []
    for name in PIPELINES:
        if (name, None, "percent") in medians:
            encoder, element, identity, percent, ratio = (
                medians[name, None, counter] for counter in
                ("encoder_ns", "element_ns", "identity_ns", "percent", "ratio_to_identity"))
            lines.append([name.removeprefix("pipeline-"), f"{encoder / 1e3:.0f} us",
                          f"{element / 1e3:.1f} us", f"{percent:.3f} %", f"{identity / 1e3:.1f} us",
                          judge(ratio, PIPELINE_RATIO.get(backend), f"{ratio:.2f}")])
    if lines:
        print("Encrypting in a running pipeline, CPU time a frame beside those of the encoder and of "
              f"identity in the same place (back end {backend})\n")
        print_table(["", "encoder", "element", "share", "identity", "x identity"], lines)


def print_streams(medians, backend, judge):
    lines = []
    for (name, size, _), value in medians.items():
        if name in RATES:
            rate, least = RATES[name], STREAMS.get(backend, {}).get(name)
            streams = 1e9 / (value * rate)
            lines.append([name.removeprefix("streams-a-core-"), f"{size} bytes, {rate} a second",
                          f"{value:.0f} ns", judge(streams, least, f"{streams:.0f}", True)])
    if lines:
        print("Streams that one core encrypts, 2,000 contexts by turns, without GStreamer "
              f"(back end {backend})\n")
        print_table(["", "frames", "a frame", "streams"], lines)
    ratio = medians.get(("streams-1000", None, "ratio_to_identity"))
    if ratio is not None:
        print(f"1,000 decrypting elements by turns: "
              f"{judge(ratio, STREAMS_1000.get(backend), f'{ratio:.2f}')} times identity "
              f"({medians['streams-1000', None, 'ns']:.0f} ns a push, "
              f"{medians['streams-1000', None, 'identity_ns']:.0f} ns through identity, "
              f"{medians['streams-1000', None, 'direct_push_ns']:.0f} ns straight)\n")


def print_peers(medians):
    lines = [[str(size), *(f"{medians[name, size, 'ratio']:.2f}" if (name, size, "ratio") in medians
                           else "" for name in PEERS)] for size in SIZES]
    if any(any(line[1:]) for line in lines):
        print("Others, as a multiple of bare OpenSSL: srtpenc with AES-128-GCM as an element is "
              "measured, LiveKit's worker by the CPU time of the whole process\n")
        print_table(["bytes", *PEERS.values()], lines)


def passphrases_target(libnettle):
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        has_sha = re.search(r"\b(sha_ni|sha2)\b", file.read())
    return PASSPHRASES[0 if libnettle and has_sha else 1]


def print_keys(medians, judge):
    def of(name, counter):
        return medians.get((name, None, counter))

    rows = (
        ("1,000 passphrases: CPU", "{:.1f} s", of("passphrases-1000", "cpu_s"),
         passphrases_target(of("passphrases-1000", "libnettle"))),
        ("until the last of them is in use", "{:.1f} s", of("passphrases-1000", "wall_s"), None),
        ("150 decryptors start at once: first frames lost", "{:.0f}", of("start-150", "lost"),
         FIRST_FRAMES_LOST),
        ("a sender names 256 key ids, 50 ms a look-up: first frame of another", "{:.0f} ms",
         of("flood-256", "ms"), FLOOD_MS),
        ("1,000 providers: threads", "{:.0f}", of("providers-1000", "threads"),
         (of("providers-1000", "cores") or 0) + 1),
    )
    lines = [[title, "not measured" if value is None else judge(value, target, text.format(value))]
             for title, text, value, target in rows]
    print("Keys of many participants, whole process on all cores\n")
    print_table(["", "measured"], lines)


def main():
    if len(sys.argv) < 3 or sys.argv[1].startswith("-"):
        print(__doc__.strip())
        return 0 if "--help" in sys.argv else 2
    measured, failed = read(sys.argv[2:])
    with open(sys.argv[1], "w", encoding="utf-8") as file:
        json.dump(bench_json(measured), file, indent=1)
        file.write("\n")
    judge = Judge()
    for backend, medians in measured.items():
        print_ratios(medians, backend, judge)
        print_suites(medians, backend)
        print_pipelines(medians, backend, judge)
        print_streams(medians, backend, judge)
    for medians in list(measured.values())[:1]:
        print_peers(medians)
    print_keys({key: value for medians in measured.values() for key, value in medians.items()},
               judge)
    for line in failed:
        print(f"FAILED {line}")
    print(f"{judge.judged - judge.missed} of {judge.judged} targets reached")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
