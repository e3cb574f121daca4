# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a test needs of a page of Markdown: its code blocks, marks, links and inline code.

A mark is a comment that readers do not see. On the line in front of a block it says how the block
is run; on its own it is a step of its own. See Page in page.py for the marks."""

import re
from dataclasses import dataclass

FENCE = re.compile(r"^( *)(`{3,}|~{3,}) *([\w+-]*)")
MARK = re.compile(r"<!-- *test: *(\w+)\s*(.*?)\s*-->", re.S)
INDENTED = re.compile(r"^(    |\t)")
LIST_ITEM = re.compile(r"^ *([-*+]|\d+[.)]) ")
INLINE = re.compile(r"(?<!`)`([^`]+)`(?!`)")
LINK = re.compile(r"\]\(([^()\s]+)\)")
HEADING = re.compile(r"^#+ +(.*?) *#*$", re.M)


@dataclass
class Step:
    """A code block, or a mark that is a step of its own."""

    line: int  # of its first line of text
    language: str
    text: str
    mark: tuple = ()  # its words: the first, and the rest

    def title(self):
        first = next((line.strip() for line in self.text.splitlines() if line.strip()), "")
        return " ".join([*self.mark[:1], first])


class Markdown:
    def __init__(self, path):
        self.path = path
        self.steps = []
        self._prose = []  # the lines outside of blocks; those of blocks are empty
        self._lines = path.read_text(encoding="utf-8").splitlines()
        self._read()
        self.prose = "\n".join(self._prose)

    def _read(self):
        mark, in_list, at = None, False, 0
        while at < len(self._lines):
            line = self._lines[at]
            blank_before = at == 0 or not self._lines[at - 1].strip()
            if "<!--" in line:
                end = self._end_of_comment(at)
                found = MARK.search("\n".join(self._lines[at:end]))
                if found and found.group(1) in MODIFIERS:
                    mark = found.groups()
                elif found:
                    self.steps.append(Step(at + 1, "", found.group(2), found.groups()))
            elif fence := FENCE.match(line):
                end = self._end_of_fence(at, fence.group(2))
                self._block(at + 1, end - 1, fence.group(3), len(fence.group(1)), mark)
                mark = None
            elif INDENTED.match(line) and blank_before and not in_list:
                end = self._end_of_indented(at)
                self._block(at, end, "", 4, mark)
                mark = None
            else:
                if line.strip():
                    in_list = bool(LIST_ITEM.match(line)) or (in_list and line.startswith(" "))
                end = at + 1
                self._prose.append(line)
                at = end
                continue
            self._prose += [""] * (end - at)
            at = end
        if mark:
            raise ValueError(f"{self.path}: no block follows the mark {mark[0]}")

    def _end_of_comment(self, at):
        while "-->" not in self._lines[at]:
            at += 1
        return at + 1

    def _end_of_fence(self, at, fence):
        at += 1
        while self._lines[at].strip() != fence:
            at += 1
        return at + 1

    def _end_of_indented(self, at):
        last = at
        while at < len(self._lines) and (not self._lines[at].strip() or INDENTED.match(self._lines[at])):
            if self._lines[at].strip():
                last = at
            at += 1
        return last + 1

    def _block(self, begin, end, language, indent, mark):
        lines = [re.sub(rf"^ {{0,{indent}}}", "", line) for line in self._lines[begin:end]]
        self.steps.append(Step(begin + 1, language, "\n".join(lines), mark or ()))

    def inline(self):
        """(line, text) of each inline code; a line break in it counts as a blank."""
        for found in INLINE.finditer(self.prose):
            yield self._line_of(found), re.sub(r"\s*\n\s*", " ", found.group(1))

    def links(self):
        for found in LINK.finditer(self.prose):
            yield self._line_of(found), found.group(1)

    def anchors(self):
        """What GitHub makes of the headings."""
        return {
            re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
            for heading in HEADING.findall(self.prose)
        }

    def line(self, number):
        return self._lines[number - 1]

    def _line_of(self, found):
        return self.prose.count("\n", 0, found.start()) + 1


# Marks that belong to the block behind them.
MODIFIERS = ("background", "file", "output", "excerpt")
