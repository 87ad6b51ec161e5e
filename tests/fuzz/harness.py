"""`python tests/fuzz/harness.py sse|body|readings [libFuzzer options]`: atheris over one parser; `make atheris` runs all.

Each target holds a law, so that a find is more than a crash: the same events however the bytes are cut; what is taken
is written back and taken again; every reading's way back stays inside the text.
"""

import sys
from itertools import pairwise

import atheris

with atheris.instrument_imports(include=["guardproxy"]):
    from guardproxy.core.canonical.readings import readings
    from guardproxy.errors import BadRequest, UpstreamBadAnswer
    from guardproxy.wire.body import parse, serialise
    from guardproxy.wire.sse import SseDecoder

LONGEST = 4000


def events(pieces):
    decoder, found = SseDecoder(), []
    try:
        for piece in pieces:
            found += decoder.feed(piece)
        found += decoder.flush()
    except UpstreamBadAnswer as fault:
        return found, str(fault)
    return found, ""


def sse(data):
    if len(data) < 2:
        return
    size, raw = 1 + data[0] % 16, data[1:]
    borders = [*range(0, len(raw), size), len(raw)]
    assert events(raw[a:b] for a, b in pairwise(borders)) == events([raw])


def body(data):
    try:
        tree = parse(data)
    except BadRequest:
        return
    assert parse(serialise(tree)) == tree


def canonical(data):
    text = data[:LONGEST].decode("utf-8", "surrogatepass" if data[:1] == b"\xed" else "ignore")
    for reading in readings(text).all:
        for at in range(0, len(reading.view.text), 7):
            span = reading.view.original(at, min(at + 5, len(reading.view.text)))
            assert 0 <= span.start <= span.end <= len(text)


TARGETS = {"sse": sse, "body": body, "readings": canonical}

if __name__ == "__main__":
    target = TARGETS[sys.argv.pop(1)]
    atheris.Setup(sys.argv, target)
    atheris.Fuzz()
