"""What a user of a client sees, as JSON lines: the shared half of the Python client scripts.

A script is called with jobs, JSON each: {"id", "base", "model", "surface", "stream", "text", "structured", "retries"}. It prints
one line with the versions of what it tries, then one line a job:
{"id", "text", "finish", "refusal", "error": {"class", "code", "status", "message"}}.
"""

import importlib.metadata
import json
import sys


class Seen:
    """What came back so far; it is kept when the client raises in mid-stream."""

    def __init__(self):
        self.text = ""
        self.finish = None
        self.refusal = None

    def say(self, piece):
        self.text += piece or ""

    def refuse(self, piece):
        if piece:
            self.refusal = (self.refusal or "") + piece

    def end(self, finish):
        self.finish = finish or self.finish


def described(error):
    """An exception as a program would look at it."""
    body = getattr(error, "body", None)
    inner = body.get("error", body) if isinstance(body, dict) else {}
    return {
        "class": type(error).__name__,
        "code": getattr(error, "code", None) or inner.get("code") or inner.get("type"),
        "status": getattr(error, "status_code", None),
        "message": str(error),
    }


def run(packages, ask):
    """Does each job with `ask(job, seen)`."""
    print(json.dumps({"versions": {name: importlib.metadata.version(name) for name in packages}}), flush=True)
    for raw in sys.argv[1:]:
        job, seen, error = json.loads(raw), Seen(), None
        try:
            ask(job, seen)
        except Exception as raised:  # noqa: BLE001 - whatever a client raises is what its user sees
            error = described(raised)
        print(json.dumps({"id": job["id"], **vars(seen), "error": error}), flush=True)
