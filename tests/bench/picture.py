#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Draws bench.json as one picture, with gnuplot.

usage: picture.py BENCH_JSON SVG

Left: what a frame costs as a multiple of bare OpenSSL, by its size. Right: what an element costs as a
multiple of GStreamer's identity, in running pipelines and where 1,000 elements work by turns.
"""

import json
import shutil
import subprocess
import sys

BACKENDS = {"openssl": "OpenSSL", "ipsec-mb": "libipsec-mb"}
CURVES = (
    ("element-encrypt", "e2eeencrypt"),
    ("element-decrypt", "e2eedecrypt"),
    ("peer-srtpenc", "srtpenc"),
    ("peer-livekit-worker", "LiveKit's worker in node"),
)
# Names of rows, and what they are called below the bars.
BARS = (("pipeline-vp8-360p", "vp8enc 360p"), ("pipeline-vp8-720p", "vp8enc 720p"),
        ("pipeline-opus", "opusenc"), ("streams-1000", "1,000 by turns"))
BARS_AT = {name: at for at, (name, _) in enumerate(BARS)}

HEAD = """
set terminal svg size 1200,520 dynamic background "white" font "sans-serif,13"
set output "{output}"
set multiplot layout 1,2
set key top right
set grid ytics lc rgb "#dddddd"
set title "A frame, as a multiple of bare OpenSSL (AES-128-GCM)"
set xlabel "bytes of a frame"
set logscale xy
set xrange [60:700000]
set format x "%.0f"
"""
BETWEEN = """
unset logscale
set xrange [-0.6:{last}]
set yrange [0:*]
set title "An element, as a multiple of identity in the same place"
unset xlabel
set xtics ({tics})
set style fill solid 0.8
"""


def curves(rows):
    """Title and points (size, ratio) of each curve that was measured."""
    for name, title in CURVES:
        backends = BACKENDS if name.startswith("element-") else {None: ""}
        for backend, library in backends.items():
            points = [(row["size"], row["ratio_to_raw"]) for row in rows
                      if row["name"] == name and row.get("backend") == backend]
            if points:
                yield f"{title}, {library}".removesuffix(", "), sorted(points)


def bars(rows):
    """Title and (place, ratio) of the bars of each back end."""
    for number, (backend, library) in enumerate(BACKENDS.items()):
        places = [(BARS_AT[row["name"]] + 0.36 * number - 0.18, row["ratio_to_identity"])
                  for row in rows if row["name"] in BARS_AT and row["backend"] == backend]
        if places:
            yield f"e2eeencrypt, e2eedecrypt: {library}", sorted(places)


def block(number, points):
    lines = "\n".join(f"{x} {y}" for x, y in points)
    return f"$data{number} << END\n{lines}\nEND\n"


def quoted(text):
    return "'" + text.replace("'", "''") + "'"


def plot(series, first, style, line_title):
    """Data and one plot command, with a line at 1."""
    data = "".join(block(first + at, points) for at, (_, points) in enumerate(series))
    parts = [f"$data{first + at} with {style} title {quoted(title)} noenhanced"
             for at, (title, _) in enumerate(series)]
    return data + "plot " + ", ".join([f"1 with lines lw 2 lc rgb 'black' title {quoted(line_title)}",
                                       *parts]) + "\n"


def script(rows, output):
    tics = ", ".join(f"'{title}' {at}" for at, (_, title) in enumerate(BARS))
    return (HEAD.format(output=output)
            + plot(list(curves(rows)), 0, "linespoints lw 2 pt 7 ps 0.6", "bare OpenSSL")
            + BETWEEN.format(last=len(BARS) - 0.4, tics=tics)
            + plot(list(bars(rows)), 100, "boxes", "identity").replace(
                "plot ", "set boxwidth 0.34\nplot ", 1)
            + "unset multiplot\n")


def main():
    if len(sys.argv) != 3 or sys.argv[1].startswith("-"):
        print(__doc__.strip())
        return 0 if "--help" in sys.argv else 2
    if not shutil.which("gnuplot"):
        print("No picture: gnuplot is missing (Debian's gnuplot-nox).", file=sys.stderr)
        return 0
    with open(sys.argv[1], encoding="utf-8") as file:
        rows = json.load(file)
    subprocess.run(["gnuplot"], input=script(rows, sys.argv[2]), text=True, check=True)
    print(f"Drawn as {sys.argv[2]}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
