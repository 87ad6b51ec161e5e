"""Any segmentation of the same bytes gives the same events, or the same fault after the same events."""

from itertools import pairwise

from hypothesis import given, seed, settings
from hypothesis import strategies as st

from guardproxy.errors import UpstreamBadAnswer
from guardproxy.wire.sse import SseDecoder, event

TOKENS = [
    b"data:",
    b"data: ",
    b"event: x",
    b": note",
    b"foo",
    b"\n",
    b"\r",
    b"\r\n",
    b"[DONE]",
    b'{"a":1}',
    "é\u2028🔥".encode(),
    b"\xff",
    b"\xef\xbb\xbf",
    b" ",
    b"\n\n",
    b"\r\n\r\n",
]
STREAMS = st.lists(st.sampled_from(TOKENS), max_size=40).map(b"".join)


def cuts(raw, places):
    borders = sorted({0, len(raw), *(place % (len(raw) + 1) for place in places)})
    return [raw[a:b] for a, b in pairwise(borders)]


def read(pieces):
    decoder, found = SseDecoder(), []
    try:
        for piece in pieces:
            found += decoder.feed(piece)
        found += decoder.flush()
    except UpstreamBadAnswer as fault:
        return found, str(fault)
    return found, ""


@seed(20251124)
@settings(max_examples=600, deadline=None)
@given(STREAMS, st.lists(st.integers(0, 10_000), max_size=12))
def test_cut_anywhere(raw, places):
    assert read(cuts(raw, places)) == read([raw])
    assert read(raw[i : i + 1] for i in range(len(raw))) == read([raw])


@seed(20251124)
@settings(max_examples=200, deadline=None)
@given(st.lists(st.dictionaries(st.text(max_size=5), st.text(max_size=20), max_size=3), max_size=5))
def test_what_is_written_is_read_back(trees):
    raw = b"".join(event(tree) for tree in trees)
    events, fault = read([raw])
    assert fault == ""
    assert [event(found.data.encode()) for found in events] == [event(tree) for tree in trees]
