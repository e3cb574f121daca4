# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs the Python blocks of a page in one process, as someone does who types them in.

Takes {"file", "line", "text"} as a line of JSON, answers with the traceback, empty if there is none."""

import json
import os
import sys
import traceback


def main():
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what blocks print goes to the log
    names = {"__name__": "__main__"}
    for line in sys.stdin:
        block = json.loads(line)
        try:
            text = "\n" * (block["line"] - 1) + block["text"]
            exec(compile(text, block["file"], "exec"), names)
            trouble = ""
        except Exception:
            trouble = traceback.format_exc()
        print(json.dumps(trouble), file=answers, flush=True)


main()
