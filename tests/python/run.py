#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs the tests of this folder: run.py RESULTS.xml [PATTERN ...]

Writes the results in the form of GoogleTest's XML, so that one report takes both."""

import sys
import unittest
from pathlib import Path
from xml.etree import ElementTree


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


def main():
    loader = unittest.TestLoader()
    loader.testNamePatterns = [f"*{pattern}*" for pattern in sys.argv[2:]] or None
    suite = loader.discover(str(Path(__file__).resolve().parent))
    runner = unittest.TextTestRunner(stream=sys.stderr, verbosity=2, resultclass=Results)
    results = runner.run(suite)
    results.write(sys.argv[1])
    return 0 if results.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
