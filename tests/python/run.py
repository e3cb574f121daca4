#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs the tests of this folder: run.py RESULTS.xml [PATTERN ...]

Writes the results in the form of GoogleTest's XML, so that one report takes both. With the folder
no-overrides in PYTHONPATH the tests run as where GStreamer's Python overrides are not installed."""

import os
import sys
import unittest
from pathlib import Path
from xml.etree import ElementTree

import gi

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402

HERE = Path(__file__).resolve().parent


class Results(unittest.TextTestResult):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.done = []

    def startTest(self, test):
        super().startTest(test)
        self.done.append(test)

    def write(self, path):
        trouble = {}
        for test, text in self.failures + self.errors:
            test = getattr(test, "test_case", test)  # of a subtest
            trouble.setdefault(test.id(), ("failure", text))
        for test, reason in self.skipped:
            trouble[test.id()] = ("skipped", reason)
        tests = {test.id() for test in self.done} | set(trouble)  # also what failed to load
        root = ElementTree.Element("testsuites")
        for name in sorted(tests):
            suite, _, case = name.rpartition(".")
            element = ElementTree.SubElement(root, "testcase", classname=suite, name=case)
            if name in trouble:
                kind, text = trouble[name]
                ElementTree.SubElement(element, kind, message=text)
        ElementTree.ElementTree(root).write(path)


def say_overrides():
    """From what is there, not from what was asked for."""
    hidden = str(HERE / "no-overrides") in os.environ.get("PYTHONPATH", "").split(os.pathsep)
    present = hasattr(Gst, "TIME_ARGS")
    if hidden and present:
        sys.exit(f"{sys.argv[0]}: GStreamer's Python overrides are there in spite of PYTHONPATH")
    how = "with" if present else "without"
    print(f"{how} GStreamer's Python overrides{' (hidden)' if hidden else ''}", file=sys.stderr)


def main():
    say_overrides()
    loader = unittest.TestLoader()
    loader.testNamePatterns = [f"*{pattern}*" for pattern in sys.argv[2:]] or None
    suite = loader.discover(str(HERE))
    runner = unittest.TextTestRunner(stream=sys.stderr, verbosity=2, resultclass=Results)
    results = runner.run(suite)
    results.write(sys.argv[1])
    return 0 if results.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
