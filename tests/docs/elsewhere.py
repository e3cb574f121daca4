# SPDX-License-Identifier: LGPL-2.1-or-later
"""The commands of the docs that a test cannot run as they are written: why, and what is checked
instead. Everything else in a shell block runs."""

import functools
import json
import re
import shutil
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


def setup(sandbox, command):
    """meson configures these sources so; ninja is left out."""
    shutil.rmtree(sandbox.folder / "build", ignore_errors=True)
    sandbox.run(f"{command.partition('&&')[0]} '{ROOT}'")


def configure(sandbox, command):
    """As written, of a build of its own."""
    if not (sandbox.folder / "build" / "build.ninja").exists():
        setup(sandbox, "meson setup build")
    sandbox.run(command)


def devenv(sandbox, command):
    """A command in place of the shell finds the plugin, and nothing else says where it is."""
    inside = command.replace("-C build", f"-C '{BUILD}'")
    sandbox.run(f"cd '{ROOT}'; unset GST_PLUGIN_PATH LD_LIBRARY_PATH; {inside} gst-inspect-1.0 e2eeencrypt")


def target(sandbox, command):
    """ninja has the target. Of installing, tests/install.sh tests what it does."""
    sandbox.run(command.replace("-C build", f"-n -C '{BUILD}'"))


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
    Row(r"tests/(interop|sframe|recorder|livekit)/run\.sh\b", "minutes; a step of its own", options_exist),
    Row(r"tests/livekit/webrtcsrc\.sh\b", "builds for ten minutes, on demand", options_exist),
    Row(r"examples/chat/chat\.py\b", "needs a LiveKit server; tests/livekit chats", options_exist),
    Row(r"build/examples/camera/e2ee-camera\b", "stays; tests/python has viewers", options_exist),
    Row(r"tests/bench/run\.sh\b", "measures for minutes", options_exist),
    Row(r"examples/demo\.sh --no-install$", "a call; demo.sh runs above", options_exist),
    Row(r"examples/demo\.sh\b", "a call of ten seconds, in the full run", demo),
    Row(r"examples/browser/run\.sh\b", "serves until Ctrl-C; its own page runs it", options_exist),
    Row(r"meson setup (-\S+ )*build\b", "configures only; what is tested is built", setup),
    Row(r"meson configure build\b", "of a build of its own", configure),
    Row(r"meson devenv -C build -w \.$", "opens a shell; here it runs a command", devenv),
    Row(r"ninja -C build install$", "writes to /usr/local; tests/install.sh installs", target),
    Row(r"(\w+=\w+ )?meson test -C build\b", "minutes; tests/run.sh has it", tests_exist),
    # With names in capitals for what the reader puts in.
    Row(r"e2ee-\w+ [^\n]*\b[A-Z]{2,}\b", "a form to fill in", options_exist),
]


def row_for(command):
    return next((row for row in TABLE if re.match(row.command, command)), None)
