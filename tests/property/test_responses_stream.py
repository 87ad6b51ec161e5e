"""Nothing is lost, nothing leaves unreleased, and the stock SDK accepts it, whenever the releases come."""

import json
import random

from hypothesis import given, seed, settings
from hypothesis import strategies as st

from guardproxy.core.commands import ChannelKind, Release
from guardproxy.testing.scripts_typed import (
    custom_call,
    function_call,
    output_text,
    reasoning,
    refusal_part,
    response_stream,
    says,
)
from guardproxy.wire.envelope import Ask, Envelope
from guardproxy.wire.responses_stream import ResponsesStream
from tests.wire.responses_wire import NOTE, accepted, events_of

WORDS = st.text(alphabet="ab é🔥\n`", max_size=8)
PARTS = st.one_of(st.builds(output_text, WORDS), st.builds(refusal_part, WORDS))
ITEMS = st.lists(
    st.one_of(
        WORDS,
        st.builds(lambda parts: says(*parts), st.lists(PARTS, min_size=1, max_size=3)),
        st.builds(reasoning, WORDS, WORDS),
        st.builds(lambda text: function_call("f", text), WORDS),
        st.builds(lambda text: custom_call("g", text), WORDS),
        st.builds(lambda text: {"type": "mcp_call", "name": "n", "server_label": "s", "arguments": text}, WORDS),
        st.builds(lambda text: {"type": "code_interpreter_call", "code": text, "container_id": "c"}, WORDS),
        st.builds(lambda text: {"type": "web_search_call", "action": {"type": "search", "query": text}}, WORDS),
    ),
    max_size=4,
)


def scripted(items, size):
    """A stream of the items; the SDK wants each call to have its own id."""
    own = [{**item, "call_id": f"call_{at}"} if "call_id" in item else item for at, item in enumerate(items)]
    return response_stream(*own, size=size)


class Releases:
    """Lets go of random stretches of what it holds; whole channels and `kept` ones only at the end, or never."""

    def __init__(self, rng):
        self.rng, self.seen, self.gone = rng, {}, {}

    def some(self, *, all_of_it=False):
        for channel, text in self.seen.items():
            start = self.gone.get(channel, 0)
            whole = channel.whole and not all_of_it
            end = len(text) if all_of_it else start if whole else self.rng.randint(start, len(text))
            if end > start:
                self.gone[channel] = end
                yield Release(0, channel, start, end, text[start:end])


def told(script, number, *, until=None, notices=False):
    """What leaves of a stream with releases at random; `until`: the answer is refused after so many events."""
    rng = random.Random(number)
    stream, releases = ResponsesStream(Envelope("resp_own", 1, "m"), Ask()), Releases(rng)
    frames = []
    if notices:
        frames += stream.notice(0, "in front", before=True)
    for at, tree in enumerate(events_of(script)):
        reading = stream.chunk(json.loads(json.dumps(tree)))
        for delta in reading.deltas:
            releases.seen[delta.channel] = releases.seen.get(delta.channel, "") + delta.text
        for release in releases.some(all_of_it=bool(reading.finished) and until is None):
            frames += stream.release(release)
        frames += stream.ready()
        if at == until:
            frames += stream.halt(0, "No.")
    if notices:
        frames += stream.notice(0, "behind", before=False)
    frames += stream.finish(NOTE)
    out = [json.loads(frame.decode().split("data: ", 1)[1]) for frame in frames]
    assert [tree["sequence_number"] for tree in out] == list(range(len(out)))
    return out, releases


def joined(trees):
    """The texts that clients join, by item and place."""
    found = {}
    for tree in trees:
        if tree["type"].endswith(".delta"):
            index = tree.get("content_index", tree.get("summary_index"))
            key = tree["type"].removesuffix(".delta"), tree["output_index"], index
            found[key] = found.get(key, "") + tree["delta"]
    return {key: text for key, text in found.items() if text}


def repeated(trees):
    """The same as `….done` says it."""
    found = {}
    for tree in trees:
        name, _, how = tree["type"].rpartition(".")
        member = next((m for m in ("text", "refusal", "arguments", "input", "code") if m in tree), None)
        if how == "done" and member:
            index = tree.get("content_index", tree.get("summary_index"))
            found[name, tree["output_index"], index] = tree[member]
    return {key: text for key, text in found.items() if text}


@seed(20261129)
@settings(max_examples=300, deadline=None)
@given(ITEMS, st.integers(1, 4), st.integers(0, 10**6))
def test_a_released_stream_is_the_upstreams(items, size, number):
    script = scripted(items, size)
    out, _ = told(script, number)
    source = events_of(script)
    accepted(out)
    assert joined(out) == joined(source)
    assert repeated(out) == repeated(source)
    last = out[-1]["response"]
    assert last.pop("guardproxy")
    assert last == source[-1]["response"]


@seed(20261129)
@settings(max_examples=300, deadline=None)
@given(ITEMS, st.integers(1, 4), st.integers(0, 10**6), st.integers(0, 30))
def test_a_refused_stream_holds_what_was_released_and_ends_well(items, size, number, until):
    script = scripted(items, size)
    until = min(until, len(events_of(script)) - 1)
    out, releases = told(script, number, until=until)
    accepted(out)
    assert (out[-1]["type"], out[-1]["response"]["status"]) == ("response.incomplete", "incomplete")
    content = "".join(text for (name, *_), text in joined(out).items() if name == "response.output_text")
    given_out = sum(releases.gone.get(c, 0) for c in releases.gone if c.kind is ChannelKind.CONTENT)
    assert content.endswith("No.")
    assert len(content.removesuffix("No.").rstrip("\n`")) <= given_out
    assert repeated(out) == joined(out)
    items_told = {item["id"]: item for item in out[-1]["response"]["output"]}
    done = {tree["item"]["id"]: tree["item"] for tree in out if tree["type"] == "response.output_item.done"}
    assert items_told == done
    assert not any(item["type"] in {"function_call", "custom_tool_call"} for item in done.values())


@seed(20261129)
@settings(max_examples=200, deadline=None)
@given(ITEMS, st.integers(1, 4), st.integers(0, 10**6))
def test_notices_have_places_of_their_own(items, size, number):
    script = scripted(items, size)
    out, _ = told(script, number, notices=True)
    accepted(out)
    output = out[-1]["response"]["output"]
    texts = [p.get("text") for item in output if item["type"] == "message" for p in item["content"]]
    assert any(text == "in front\n\n" for text in texts) or texts == ["in front\n\nbehind"]
    assert texts[-1].endswith("behind")
    assert repeated(out) == joined(out)
    done = [tree["item"] for tree in out if tree["type"] == "response.output_item.done"]
    assert sorted(item["id"] for item in done) == sorted(item["id"] for item in output)
    assert {item["id"]: item for item in done} == {item["id"]: item for item in output}
