#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Adds up test results: report.py FOLDER ...

A folder holds a testlog.json of `meson test` with the XML that GoogleTest wrote beside it, other
XML of this form, or steps.tsv with a line "passed|failed|skipped<TAB>name<TAB>why" each. Prints what
was skipped and what failed by name, and last one line with the sums. Exit status 1 if anything
failed or nothing ran.
"""

import json
import sys
from pathlib import Path
from xml.etree import ElementTree


class Cases:
    def __init__(self):
        self.passed = 0
        self.failed = []
        self.skipped = []

    def add_xml(self, path, prefix):
        """The number of failures; None when the file cannot be read."""
        try:
            cases = list(ElementTree.parse(path).getroot().iter("testcase"))
        except (OSError, ElementTree.ParseError):
            return None
        before = len(self.failed)
        for case in cases:
            if case.get("status") == "notrun":  # filtered out, or disabled
                continue
            name = f"{prefix}{case.get('classname')}.{case.get('name')}"
            failure, skipped = case.find("failure"), case.find("skipped")
            if failure is not None:
                self.failed.append((name, first_lines(failure.get("message"))))
            elif skipped is not None:
                self.skipped.append((name, reason(skipped.get("message"))))
            else:
                self.passed += 1
        return len(self.failed) - before

    def add_program(self, folder, prefix, result):
        name = result["name"].split(" / ")[-1].split(":")[-1]
        outcome = result["result"]
        failures = self.add_xml(folder / f"{name}.xml", prefix)
        if failures is None:
            if outcome == "OK":
                self.passed += 1
            elif outcome == "SKIP":
                self.skipped.append((prefix + name, ""))
        good = outcome in ("OK", "SKIP")
        if not good and not failures:
            tail = (result.get("stderr") or result.get("stdout") or "").strip()[-2000:]
            self.failed.append((prefix + name, f"{outcome}: the program did not end well\n{tail}"))

    def add_folder(self, folder):
        prefix = "" if folder.name == "plain" else f"{folder.name}: "
        taken = set()
        log = folder / "testlog.json"
        if log.exists():
            for line in log.read_text(encoding="utf-8").splitlines():
                result = json.loads(line)
                self.add_program(folder, prefix, result)
                taken.add(result["name"].split(" / ")[-1].split(":")[-1] + ".xml")
        for path in sorted(folder.glob("*.xml")):
            if path.name not in taken and self.add_xml(path, prefix) is None:
                self.failed.append((f"{prefix}{path.name}", "its results cannot be read"))
        steps = folder / "steps.tsv"
        if steps.exists():
            for line in steps.read_text(encoding="utf-8").splitlines():
                outcome, name, why = (line.split("\t") + ["", ""])[:3]
                if outcome == "passed":
                    self.passed += 1
                else:
                    getattr(self, outcome).append((name, why))


def first_lines(text):
    return "\n".join((text or "").strip().splitlines()[:12])


def reason(text):
    # GoogleTest begins with file and line.
    lines = [line.strip() for line in (text or "").splitlines() if line.strip()]
    return lines[-1] if lines else ""


def main():
    cases = Cases()
    for folder in sys.argv[1:]:
        cases.add_folder(Path(folder))
    on_terminal = sys.stdout.isatty()
    red, green, plain = ("\033[31m", "\033[32m", "\033[m") if on_terminal else ("", "", "")
    for name, why in cases.skipped:
        print(f"skipped: {name}{' (' + why + ')' if why else ''}")
    for name, why in cases.failed:
        print(f"{red}FAILED: {name}{plain}")
        for line in why.splitlines():
            print(f"    {line}")
    bad = bool(cases.failed) or cases.passed + len(cases.skipped) == 0
    print(
        f"{red if bad else green}{cases.passed} passed, {len(cases.failed)} failed, "
        f"{len(cases.skipped)} skipped{plain}"
    )
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
