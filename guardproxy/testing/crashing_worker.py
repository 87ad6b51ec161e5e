"""A classifier process that a text can kill: the worker of `faulty_serve`. The protocol is that of `detectors.worker`."""

from __future__ import annotations

import json
import os
import signal
import sys

WORD = "krellin"


def main() -> int:
    """Says that it is ready, gives every text the score 0, and dies of one word as if it had run out of memory."""
    sys.stdout.write(json.dumps({"ready": "1"}) + "\n")
    sys.stdout.flush()
    for line in sys.stdin:
        order = json.loads(line)
        if WORD in order.get("text", ""):
            os.kill(os.getpid(), signal.SIGKILL)
        if "text" in order:
            sys.stdout.write(json.dumps({"id": order["id"], "scores": [0.0]}) + "\n")
            sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
