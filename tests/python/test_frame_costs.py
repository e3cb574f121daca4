#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A frame allocates, copies and executes no more than tests/bench/budget.toml says."""

import os
import shutil
import sys
import tomllib
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("E2EE_BUILD", ROOT / "build"))
sys.path.insert(0, str(ROOT / "tests/bench"))

import frame_costs  # noqa: E402

SLACK = 1.02  # of instructions


class FrameCosts(unittest.TestCase):
    def setUp(self):
        if not (BUILD / frame_costs.PROGRAM).exists() and "-fsanitize=" in (BUILD / "build.ninja").read_text():
            self.skipTest("a sanitizer's memory functions are in the way")
        self.budget = tomllib.loads((ROOT / "tests/bench/budget.toml").read_text(encoding="utf-8"))
        self.compiler = self.budget.pop("compiler")

    def compare(self, measured, what, slack=1.0):
        self.assertEqual(set(measured), set(self.budget))
        for name, number in measured.items():
            with self.subTest(name):
                limit = self.budget[name][what]
                self.assertLessEqual(
                    round(number, 2), limit * slack,
                    f"a frame takes {number:g} {what}, the budget is {limit}. Where that has to be, "
                    "tests/bench/budget.toml says how to renew it")  # fmt: skip

    def test_allocations_and_copies(self):
        for aead in ("openssl", None):  # None: the faster one
            with self.subTest(aead=aead or "the faster one"):
                counts = frame_costs.run(BUILD, aead=aead)
                self.compare({name: way.allocations for name, way in counts.items()}, "allocations")
                self.compare({name: way.copies for name, way in counts.items()}, "copies")
                for name, way in counts.items():
                    self.assertEqual(way.allocations, way.frees, f"{name} keeps memory")

    @unittest.skipUnless(shutil.which("valgrind"), "valgrind is not installed")
    def test_instructions(self):
        here = frame_costs.compiler(BUILD)
        if here != self.compiler:
            self.skipTest(f"the budget is of {self.compiler}, this build of {here}")
        self.compare(frame_costs.instructions(BUILD), "instructions", SLACK)


if __name__ == "__main__":
    unittest.main()
