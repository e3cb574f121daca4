# SPDX-License-Identifier: LGPL-2.1-or-later
"""The commands of the docs that a test cannot run as they are written: why, and what is checked
instead. Everything else in a shell block runs."""

import functools
import json
import re
import subprocess
from dataclasses import dataclass
from typing import Callable

from sandbox import BUILD, LIMIT, QUICK, ROOT, Fault

OPTION = re.compile(r"(?<![\w-])--[a-z][\w-]*")


def options_exist(_sandbox, command):
    """--help of the program knows the options that the command has."""
    program = next(word for word in command.split() if "=" not in word)
    unknown = set(OPTION.findall(command)) - options_of(program)
    if unknown:
        raise Fault(f"{program} --help does not name {', '.join(sorted(unknown))}")


def options_of(program):
    how = "--help-all" if program.startswith("e2ee-") else "--help"
    if "/" in program:
        program = str(ROOT / program)
    try:
        run = subprocess.run([program, how], capture_output=True, text=True, timeout=LIMIT, check=False)
    except OSError as error:
        raise Fault(f"{program}: {error}") from None
    if run.returncode != 0:
        raise Fault(f"{program} {how} ends with status {run.returncode}:\n{run.stdout}{run.stderr}")
    return set(OPTION.findall(run.stdout))


def demo(sandbox, command):
    if QUICK:
        options_exist(sandbox, command)
    else:
        sandbox.run(command, limit=2 * LIMIT)


@functools.cache
def introspect(what):
    run = subprocess.run(
        ["meson", "introspect", what, str(BUILD)], capture_output=True, check=True, timeout=LIMIT
    )
    return json.loads(run.stdout)


def built(_sandbox, command):
    known = {option["name"] for option in introspect("--buildoptions")}
    unknown = set(re.findall(r"-D([\w.-]+)=", command)) - known
    if unknown:
        raise Fault(f"meson knows no option {', '.join(sorted(unknown))}")
    if not (BUILD / "build.ninja").exists():
        raise Fault(f"{BUILD} was not made by meson")


def tests_exist(_sandbox, command):
    names = {test["name"] for test in introspect("--tests")}
    asked = [word for word in command.split("meson test", 1)[1].split() if word[0] != "-"]
    unknown = set(asked) - names - {"build"}
    if unknown:
        raise Fault(f"there is no test {', '.join(sorted(unknown))}")


def programs():
    """Those that are installed."""
    for target in introspect("--targets"):
        if target["type"] == "executable" and target["installed"]:
            yield target["name"]


def in_use(sandbox, _command):
    if "e2ee" not in sandbox.env.get("GST_PLUGIN_PATH", ""):
        raise Fault("the environment of the build is not set")


def refused(_sandbox, _command):
    raise Fault("TABLE in tests/docs/elsewhere.py has no row that says what is checked instead")


@dataclass
class Row:
    command: str  # a pattern for its beginning
    reason: str
    check: Callable


TABLE = [
    Row(
        r"(sudo|apt|apt-get|dpkg|systemctl|mount|rm|pip3?|npm|curl|wget|docker|podman|reboot) ",
        "it would change the machine",
        refused,
    ),
    Row(r"tests/run\.sh\b", "it runs this test", options_exist),
    Row(r"tests/(interop|recorder)/run\.sh\b", "minutes; a step of its own", options_exist),
    Row(r"tests/bench/run\.sh\b", "measures for minutes", options_exist),
    Row(r"examples/demo\.sh --no-install$", "a call; demo.sh runs above", options_exist),
    Row(r"examples/demo\.sh\b", "a call of ten seconds, in the full run", demo),
    Row(r"examples/browser/run\.sh\b", "serves until Ctrl-C; its own page runs it", options_exist),
    Row(r"meson setup (-\S+ )*build\b", "what is tested was built so", built),
    Row(r"meson devenv -C build -w \.$", "opens a shell; blocks run in that environment", in_use),
    Row(r"ninja -C build install$", "writes to /usr/local; tests/install.sh installs", built),
    Row(r"(\w+=\w+ )?meson test -C build\b", "minutes; tests/run.sh has it", tests_exist),
    # With names in capitals for what the reader puts in.
    Row(r"e2ee-\w+ [^\n]*\b[A-Z]{2,}\b", "a form to fill in", options_exist),
]


def row_for(command):
    return next((row for row in TABLE if re.match(row.command, command)), None)
