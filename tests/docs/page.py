# SPDX-License-Identifier: LGPL-2.1-or-later
"""A page of the docs: every block and command of it, run in order in one sandbox."""

import json
import re
import select
import subprocess
import sys
from pathlib import Path

import media
import names
from elsewhere import row_for
from markdown import Markdown, Step
from sandbox import LIMIT, ROOT, Background, Fault, Sandbox, no_complaint

HERE = Path(__file__).resolve().parent
SHELL = ("", "sh", "bash", "shell")
COMMAND = re.compile(
    r"^(\w+=\w+ )?((tests|examples)/[\w/]*\.sh|e2ee-\w+ |gst-(inspect|launch)-1\.0 |pkg-config |meson |ninja )"
)
PIPELINE = re.compile(r"^\.\.\. ! | ! \.\.\.$")
PROVIDER = re.compile(r'^(key-provider=)?"?(shared|participant),(?!\.\.\.)')
COMMENT = re.compile(r"\s+#.*$|^#.*$")


class Session:
    """The Python process of a page."""

    def __init__(self, sandbox):
        self.log = sandbox.log()
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-B", str(HERE / "session.py")],
                cwd=sandbox.folder,
                env=sandbox.env,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self._seen = 0

    def run(self, file, line, text):
        self.process.stdin.write(json.dumps({"file": file, "line": line, "text": text}) + "\n")
        self.process.stdin.flush()
        if not select.select([self.process.stdout], [], [], LIMIT)[0]:
            self.process.kill()
        answer = self.process.stdout.readline()
        printed = self.log.read_text(encoding="utf-8", errors="replace")
        printed, self._seen = printed[self._seen :], len(printed)
        if not answer:
            raise Fault(f"Python ended with status {self.process.wait()}:\n{printed}")
        if trouble := json.loads(answer):
            raise Fault(trouble)
        no_complaint(printed)

    def close(self):
        if self.process.poll() is None:
            self.process.stdin.close()
            self.process.wait(LIMIT)


class Page:
    def __init__(self, path, report):
        self.name = str(path.relative_to(ROOT))
        self.markdown = Markdown(path)
        self.report = report
        self.sandbox = Sandbox()
        self.session = None
        self.background = None  # what goes on
        self.pair = []  # the steps that `again` repeats
        self.said = ""  # by what went on last
        self.done = set()

    def run(self):
        try:
            for step in self.markdown.steps:
                if step.language in SHELL and not step.mark:
                    self._shell(step)
                else:
                    self._check(step.line, step.title(), self._step, step)
            if self.background:
                self._check(1, "nothing goes on at the end of the page", self._stopped)
            for line, text in self.markdown.inline():
                self._inline(line, text)
            self._check(1, "links and anchors", names.check_links, self.markdown)
            self._check(1, "names", names.check_names, self.markdown)
        finally:
            self._close()

    def _check(self, line, what, action, *arguments):
        self.report.check(f"{self.name}:{line}", what, action, *arguments)

    def _start(self, text, until):
        run = Background(self.sandbox, text)
        try:
            run.wait_for(re.escape(until))
        except Fault:
            run.kill()
            raise
        self.background = run

    def _stopped(self):
        raise Fault("the mark interrupt or ends is missing")

    def _close(self):
        if self.background:
            self.background.kill()
        if self.session:
            self.session.close()
        self.sandbox.remove()

    # ---- steps ---------------------------------------------------------------------------------

    def _step(self, step):
        if step.mark:
            run = self.MARKS.get(step.mark[0])
        else:
            run = self.LANGUAGES.get(step.language)
        if run is None:
            raise Fault(f'"{step.mark[0] if step.mark else step.language}" is not known to this test')
        run(self, step)

    def _shell(self, step):
        here = []
        for offset, command in commands(step.text):
            bare, line = COMMENT.sub("", command).strip(), step.line + offset
            if bare.startswith("key-provider="):
                self._check(line, bare, media.encrypt_with, self.sandbox, bare)
            elif PIPELINE.search(bare):
                self._check(line, bare, media.parse, bare)
            elif row := row_for(bare):
                self._elsewhere(line, bare, row)
            elif bare:
                here.append(command)
        if here:
            text = "\n".join(here)
            self._check(step.line, here[0], self.sandbox.run, text)
            if self.background:
                self.pair = [*self.pair[:1], text]

    def _python(self, step):
        self.session = self.session or Session(self.sandbox)
        self.session.run(str(ROOT / self.name), step.line, step.text)

    def _c(self, step):
        source = self.sandbox.folder / "block.c"
        source.write_text(f'#line {step.line} "{self.name}"\n{step.text}\n', encoding="utf-8")
        headers = "" if "#include" in step.text else "-include gst/e2ee/e2ee.h"
        what = "-o block block.c" if re.search(r"\bmain *\(", step.text) else "-c block.c"
        self.sandbox.run(
            f"cc -Wall -Wextra -Werror -Wno-unused-function -DGST_USE_UNSTABLE_API {headers} {what} "
            "$(pkg-config --cflags --libs gstreamer-e2ee-1.0)"
        )
        if what.startswith("-o"):
            self.sandbox.run("./block")

    def _ini(self, step):
        raise Fault("a mark says what the file is for: <!-- test: file NAME -->")

    def _text(self, step):
        for offset, line in enumerate(step.text.splitlines()):
            if COMMAND.match(line.strip()):
                raise Fault(f"line {step.line + offset} is a command")

    def _elsewhere(self, line, command, row):
        if command not in self.done:
            self.done.add(command)
            self._check(line, f"{command} [{row.reason}]", row.check, self.sandbox, command)

    # ---- marks in front of a block -------------------------------------------------------------

    def _background(self, step):
        """background until TEXT: goes on once it has printed that."""
        if self.background:
            raise Fault("another block goes on already")
        self.pair = [step]
        self._start(step.text, step.mark[1].removeprefix("until "))

    def _file(self, step):
        """file NAME: the block is what is in the file."""
        path = self.sandbox.folder / step.mark[1]
        path.touch(mode=0o600)
        path.write_text(step.text + "\n", encoding="utf-8")

    def _output(self, step):
        """output COMMAND: it prints these lines and runs until Ctrl-C; a word with … is any word."""
        self.done.add(step.mark[1])
        run = Background(self.sandbox, f"exec {step.mark[1]}")
        try:
            run.wait_for(re.sub(r"\S*…", r"\\S+", re.escape(step.text)))
            run.interrupt()
            run.ends_with(0)
        finally:
            run.kill()

    def _excerpt(self, step):
        """excerpt FILE: these lines are in it, in this order; ... are others."""
        rest = iter((ROOT / step.mark[1]).read_text(encoding="utf-8").splitlines())
        for line in step.text.splitlines():
            if line != "..." and line.strip() not in map(str.strip, rest):
                raise Fault(f"not in {step.mark[1]}, or not there:\n{line}")

    # ---- marks of their own --------------------------------------------------------------------

    def _interrupt(self, step):
        """interrupt [STATUS]: Ctrl-C for what goes on in the background."""
        if self.background:
            self.background.interrupt()
        self._ends(step)

    def _ends(self, step):
        """ends [STATUS]: what goes on in the background ends by itself."""
        run, self.background = self.background, None
        if not run:
            raise Fault("nothing goes on in the background")
        run.ends_with(int(step.text or 0))
        self.said = run.says()

    def _again(self, step):
        """again, and lines A => B: the block that went on, and the one behind it, with B for A."""
        block, other = self.pair
        text = block.text
        for line in step.text.splitlines():
            old, new = line.split(" => ")
            if old not in text + other:
                raise Fault(f"neither block has {old}")
            text, other = text.replace(old, new), other.replace(old, new)
        self._start(text, block.mark[1].removeprefix("until "))
        self.sandbox.run(other)
        self._interrupt(Step(step.line, "", ""))

    def _said(self, step):
        """said TEXT: by what went on in the background."""
        if step.text not in self.said:
            raise Fault(f"it said:\n{self.said}")

    def _sh(self, step):
        """sh COMMANDS: as a block, with the functions of helpers.sh."""
        self.sandbox.run(f". '{HERE}/helpers.sh'\n{step.text}")

    def _plays(self, step):
        """plays FILE N: it can be decoded and has N pictures or more."""
        file, least = step.text.split()
        pictures = media.pictures(self.sandbox.folder / file)
        if pictures < int(least):
            raise Fault(f"{file} has {pictures} pictures")

    # ---- inline code ---------------------------------------------------------------------------

    def _inline(self, line, text):
        if PROVIDER.match(text):
            self._check(line, text, media.encrypt_with, self.sandbox, text, self.markdown.line(line))
        elif COMMAND.match(text) and "..." not in text:
            if row := row_for(text):
                self._elsewhere(line, text, row)
            else:
                self._check(line, text, self.sandbox.run, text)
        elif " ! " in text:
            self._check(line, text, media.parse, text)

    LANGUAGES = {"python": _python, "c": _c, "ini": _ini, "text": _text}
    MARKS = {
        "background": _background,
        "file": _file,
        "output": _output,
        "excerpt": _excerpt,
        "again": _again,
        "interrupt": _interrupt,
        "ends": _ends,
        "plays": _plays,
        "python": _python,
        "said": _said,
        "sh": _sh,
    }


def commands(text):
    """(offset of its first line, text) of each command; those of several lines end in backslashes."""
    command, begin = "", 0
    for offset, line in enumerate(text.splitlines()):
        begin = begin if command else offset
        command += line + "\n"
        if not line.endswith("\\"):
            if command.strip():
                yield begin, command.rstrip("\n")
            command = ""
