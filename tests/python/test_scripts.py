#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Scripts look at all their arguments before they install or build anything."""

import json
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

import test_programs

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60  # seconds
# With a good value for each option that takes one.
SCRIPTS = {
    "examples/demo.sh": {"codec": "vp9", "seconds": "5", "output": "call.webm", "passphrase-file": __file__},
    "examples/browser/run.sh": {"port": "8080", "passphrase-file": __file__},
    "tests/run.sh": {"filter": "vp8"},
    "tests/fuzz/run.sh": {"seconds": "20", "hours": "1", "filter": "sframe"},
    "tests/interop/run.sh": {"filter": "vp8", "repeat": "3"},
    "tests/sframe/run.sh": {"filter": "h264", "repeat": "3"},
    "tests/livekit/run.sh": {"filter": "vp8", "repeat": "3"},
    "tests/recorder/run.sh": {"filter": "keys", "measure": "10"},
    "tests/livekit/webrtcsrc.sh": {"filter": "vp8"},
    "tests/bench/run.sh": {},
    "tests/bare.sh": {},
    "tests/install.sh": {},
}
WORDS = {"tests/bare.sh": ("bookworm",)}
BAD = {
    "codec": "h264",
    "seconds": "abc",
    "output": "/",
    "passphrase-file": "/nowhere",
    "port": "65536",
    "filter": "",
    "repeat": "0",
    "measure": "many",
    "hours": "0",
}
# What installs and builds; functions, since scripts put /usr/bin in front of PATH.
TRAPPED = ("dpkg-query", "apt-get", "sudo", "mktemp", "mkdir", "rm", "meson", "ninja", "npm")


def options_of(help_text):
    """What takes a value and which letter it has, by name."""
    lines = re.findall(r"^ +(?:-(\w), )?--([\w-]+)(=\S+)?", help_text, re.MULTILINE)
    return {name: (letter, bool(value)) for letter, name, value in lines}


class Scripts(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.touched = Path(folder.name) / "touched"

    def run_script(self, script, *arguments):
        trap = f'() {{ echo "$FUNCNAME $*" >>{self.touched}; exit 99; }}'
        traps = {f"BASH_FUNC_{name}%%": trap for name in TRAPPED}
        return subprocess.run(
            ["/usr/bin/bash", str(ROOT / script), *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            env={"PATH": "/usr/bin:/bin", "HOME": str(self.touched.parent), **traps},
            cwd=self.touched.parent,
            check=False,
        )

    def refused(self, script, *arguments):
        result = self.run_script(script, *arguments)
        self.assertEqual(result.returncode, 2, result.stderr)
        self.assertRegex(result.stderr, r"^\w+\.sh: .+\nTry --help\.\n$")
        self.assertFalse(self.touched.exists(), "something was about to be installed or built")
        return result.stderr

    def test_good_arguments_go_on_to_install(self):
        for script, values in SCRIPTS.items():
            good = [f"--{name}={value}" for name, value in values.items()]
            apart = [word for name, value in values.items() for word in (f"--{name}", value)]
            for options in ([], good, apart):
                arguments = (*options, *WORDS.get(script, ()))
                with self.subTest(script, arguments=arguments):
                    result = self.run_script(script, *arguments)
                    self.assertTrue(self.touched.exists(), result.stderr)
                    self.touched.unlink()

    def test_bad_arguments_are_refused_first(self):
        for script, values in SCRIPTS.items():
            with self.subTest(script):
                self.assertIn("--bogus", self.refused(script, "--bogus"))
                self.assertIn("/nowhere", self.refused(script, "/nowhere"))
                self.assertIn("--no-install", self.refused(script, "--no-install=yes"))
            for name, value in values.items():
                with self.subTest(script, option=name):
                    self.assertIn(f"--{name}", self.refused(script, f"--{name}"))
                    self.assertIn(f"--{name}", self.refused(script, f"--{name}={BAD[name]}"))
                    self.refused(script, f"--{name}={value}", "--bogus")

    def test_a_word_that_is_wanted(self):
        for words in ((), ("sid",), ("bookworm", "trixie"), ("bookworm|trixie",)):
            with self.subTest(words):
                self.assertIn("bookworm or trixie", self.refused("tests/bare.sh", *words))

    def bash(self, script, **more):
        return subprocess.run(
            ["/usr/bin/bash", "-euc", script], capture_output=True, text=True, timeout=PATIENCE, check=False, **more
        )

    def test_apt_waits_for_who_reads_lists(self):
        counted = self.touched
        busy = "E: Could not get lock /var/lib/apt/lists/lock. It is held by process 1 (apt-get)"
        for free_at, seconds, status in ((3, 600, 0), (3, 0, 100)):
            with self.subTest(seconds=seconds):
                counted.write_text("")
                result = self.bash(f"""
                    source {ROOT}/examples/setup.sh
                    sleep() {{ :; }}
                    e2ee_apt() {{
                      echo >>{counted}
                      (($(wc -l <{counted}) >= {free_at})) || {{ echo "{busy}" && return 100; }}
                    }}
                    E2EE_LOCK_SECONDS={seconds}
                    e2ee_apt_update""")
                self.assertEqual(result.returncode, status, result.stderr)

    def test_a_moved_checkout_says_what_to_do(self):
        moved = self.touched.parent / "a checkout"
        shutil.copytree(ROOT / "examples", moved / "examples", ignore=lambda *_: ["recorder", "browser"])
        (moved / "build" / "meson-info").mkdir(parents=True)
        where = {"directories": {"source": str(ROOT), "build": f"{ROOT}/build"}}
        (moved / "build/meson-info/meson-info.json").write_text(json.dumps(where))
        result = self.bash('"$0"/examples/demo.sh --no-install'.replace("$0", str(moved)))
        self.assertEqual(result.returncode, 2, result.stderr)
        self.assertIn(str(ROOT), result.stderr)
        self.bash(result.stderr.splitlines()[-1].strip())
        self.assertFalse((moved / "build").exists(), "the command that is printed removes the build")

    def test_help_names_what_is_tested_here(self):
        for script, values in SCRIPTS.items():
            with self.subTest(script):
                result = self.run_script(script, "--help")
                self.assertEqual((result.returncode, result.stderr), (0, ""))
                self.assertIn(f"Usage: {script}", result.stdout)
                options = options_of(result.stdout)
                self.assertEqual({name for name, (_, value) in options.items() if value}, set(values))
                self.assertEqual(self.run_script(script, "-h").stdout, result.stdout)
                version = self.run_script(script, "--version").stdout
                self.assertRegex(version, r"^\w+\.sh \d+\.\d+\.\d+\n$")
        self.assertFalse(self.touched.exists())

    def test_demo_has_the_options_of_the_call(self):
        if not test_programs.CALL.exists():
            self.skipTest("e2ee-call is not built")
        said = subprocess.run(
            [test_programs.CALL, "--help"], capture_output=True, text=True, timeout=PATIENCE, check=True
        ).stdout
        call = {name: how for name, how in options_of(said).items() if not name.startswith("help")}
        demo = options_of(self.run_script("examples/demo.sh", "--help").stdout)
        demo.pop("no-install")
        self.assertEqual(demo, call)


if __name__ == "__main__":
    unittest.main(verbosity=2)
