# SPDX-License-Identifier: LGPL-2.1-or-later
"""Lines of JSON: {"id", "op", ...} is answered by {"id", "result"} or {"id", "error"}."""

import json
import sys


def answer(number, **what):
    sys.stdout.write(json.dumps({"id": number, **what}) + "\n")
    sys.stdout.flush()


def serve(peer):
    """Calls peer.do_OP(...) for each line, to the end of the input."""
    for line in sys.stdin:
        request = json.loads(line)
        number, operation = request.pop("id"), request.pop("op")
        try:
            answer(number, result=getattr(peer, "do_" + operation)(**request))
        except Exception as error:  # pylint: disable=broad-except
            answer(number, error=f"{type(error).__name__}: {error}")
