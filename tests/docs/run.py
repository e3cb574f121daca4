#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Does what README.md, docs/ and the examples' pages say: run.py RESULTS.xml [PATTERN ...]

Runs every block of code and every command of the pages (those that contain a PATTERN), looks at
what comes of it, and checks links and names. A block runs as it is written; what cannot is in the
table in elsewhere.py. Marks in the pages, which readers do not see, say what else is to be known:
page.py has them. Needs the environment of the build: meson devenv -C build -w . Writes results in
the form of GoogleTest's XML; if the run is killed, they name the step that was running."""

import fnmatch
import os
import re
import signal
import socket
import sys
import time
import traceback
from pathlib import Path
from xml.etree import ElementTree

from sandbox import BUILD, ROOT, Fault, Skip, isolate

HERE = Path(__file__).resolve().parent
PAGES = ("README.md", "docs/*.md", "examples/*/README.md")


class Report:
    def __init__(self, path):
        self.path = path
        self.cases = ElementTree.Element("testsuites")
        self.failed = False

    def begin(self, where, what):
        """Until it ends, the file says that it did not end."""
        self.case(where, what, "failure", "the run was ended during this step")
        self.write()
        self.cases.remove(self.cases[-1])

    def write(self):
        unfinished = f"{self.path}.new"
        ElementTree.ElementTree(self.cases).write(unfinished)
        os.replace(unfinished, self.path)

    def case(self, where, what, kind, why):
        case = ElementTree.SubElement(self.cases, "testcase", classname=where, name=what)
        if kind:
            ElementTree.SubElement(case, kind, message=why)

    def check(self, where, what, action, *arguments):
        what = re.sub(r"\s+", " ", what)[:80]
        print(f"{where} {what} ... ", end="", file=sys.stderr, flush=True)
        self.begin(where, what)
        begin, kind, why = time.monotonic(), "", ""
        try:
            action(*arguments)
        except Skip as skip:
            kind, why = "skipped", str(skip)
        except Fault as fault:
            kind, why = "failure", str(fault)
        except Exception:
            kind, why = "failure", traceback.format_exc()
        self.add(where, what, kind, why, time.monotonic() - begin)

    def add(self, where, what, kind, why, seconds):
        why = re.sub(r"[^\t\n\x20-\ufffd]", "?", why)  # XML has no others
        self.case(where, what, kind, why)
        self.failed |= kind == "failure"
        word = {"failure": "FAILED", "skipped": "skipped"}.get(kind, "ok")
        print(f"{word} ({seconds:.1f} s)", file=sys.stderr)
        if why:
            print("    " + "\n    ".join(why.strip().splitlines()[-40:]), file=sys.stderr)


class Inverse(Report):
    """For a page of which everything is wrong."""

    def __init__(self, report):
        super().__init__(report.path)
        self.report = report

    def begin(self, where, what):
        self.report.begin(where, what)

    def add(self, where, what, kind, why, seconds):
        if kind == "failure":
            self.report.add(where, f"found: {what}", "", "", seconds)
        else:
            self.report.add(where, what, "failure", f"nothing is found to be wrong\n{why}", seconds)


def ports_are_free(pages):
    """Without a namespace of their own."""
    for path in pages:
        for port in set(re.findall(r"(?:port=|127\.0\.0\.1:)(\d+)", path.read_text(encoding="utf-8"))):
            for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                with socket.socket(socket.AF_INET, kind) as probe:
                    try:
                        probe.bind(("127.0.0.1", int(port)))
                    except OSError as error:
                        raise Fault(f"port {port}, which {path.name} uses: {error}") from None


def main():
    signal.signal(signal.SIGINT, signal.default_int_handler)  # children get it even under nohup
    isolated = isolate()
    os.environ["GST_REGISTRY"] = str(BUILD / "docs-registry.bin")
    from page import Page  # with GStreamer, which reads the environment

    patterns = [f"*{pattern}*" for pattern in sys.argv[2:]] or ["*"]
    pages = [path for pattern in PAGES for path in sorted(ROOT.glob(pattern))]
    pages = [p for p in pages if any(fnmatch.fnmatch(str(p.relative_to(ROOT)), pat) for pat in patterns)]
    report = Report(sys.argv[1])
    if not isolated:
        report.check("tests/docs", "ports are free", ports_are_free, pages)
    for path in pages:
        Page(path, report).run()
    if not sys.argv[2:]:
        Page(HERE / "faults.md", Inverse(report)).run()
    report.write()
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())
