"""Anthropic's stream: however the model's words are cut into events, a client has the same message in the end."""

import json
import random

from hypothesis import given, seed, settings
from hypothesis import strategies as st

from guardproxy.core.commands import Release
from guardproxy.core.rules import Action
from guardproxy.testing.messages_play import block, call, end, play, start, thoughts
from guardproxy.wire.envelope import Ask, Envelope
from guardproxy.wire.messages_conversion import Collector
from guardproxy.wire.messages_own import typed_event
from guardproxy.wire.messages_stream import MessagesStream
from guardproxy.wire.seam import SEAM
from guardproxy.wire.sse import SseDecoder

SEED = 20251124
WORDS = st.lists(
    st.sampled_from([" violet", " kettle", " tea", " ", " a", " é🔥", "\n", " violet kettle"]), max_size=5
).map("".join)
INPUTS = st.dictionaries(st.sampled_from(["a", "b"]), st.one_of(WORDS, st.integers(0, 9)), max_size=2)
CITED = WORDS.map(lambda words: {"type": "char_location", "cited_text": words})
BLOCKS = st.one_of(
    st.tuples(st.just("text"), WORDS, st.lists(CITED, max_size=1)),
    st.tuples(st.just("thinking"), WORDS),
    st.tuples(st.just("tool_use"), INPUTS),
    st.tuples(st.just("server_tool_use"), INPUTS),
    st.tuples(st.just("x"), WORDS),
)
ANSWERS = st.lists(BLOCKS, max_size=5)


def cut(words, rng):
    """The text in pieces, some of them empty; with `rng` None in one."""
    if rng is None:
        return [words]
    places = sorted(rng.randint(0, len(words)) for _ in range(rng.randint(0, 6)))
    return [words[a:b] for a, b in zip([0, *places], [*places, len(words)], strict=True)]


def events(answer, rng):
    yield start()
    for at, (kind, words, *more) in enumerate(answer):
        if rng and rng.random() < 0.2:
            yield {"type": "ping"}
        if kind == "text":
            cited = [{"type": "citations_delta", "citation": citation} for citation in more[0]]
            pieces = [{"type": "text_delta", "text": piece} for piece in cut(words, rng)]
            yield from block(at, {"type": "text", "text": ""}, *pieces, *cited)
        elif kind == "thinking":
            yield from thoughts(at, *cut(words, rng))
        elif kind == "x":
            yield from block(at, {"type": "x", "y": words})
        else:
            yield from call(at, *cut(json.dumps(words), rng), kind=kind)
    yield from end()


@seed(SEED)
@settings(max_examples=300, deadline=None)
@given(ANSWERS, st.integers(0, 10**6), st.sampled_from([Action.REFUSE, Action.REDACT]), st.booleans())
def test_the_cutting_does_not_matter(answer, number, action, structured):
    whole = play(events(answer, None), action=action, structured=structured)
    pieces = play(events(answer, random.Random(number)), action=action, structured=structured)
    assert pieces.message() == whole.message()
    assert " violet kettle" not in json.dumps(pieces.message())


@seed(SEED)
@settings(max_examples=150, deadline=None)
@given(ANSWERS, st.integers(0, 10**6))
def test_a_harmless_answer_leaves_whole(answer, number):
    harmless = json.loads(json.dumps(answer).replace("kettle", "teapot"))
    sent = list(events(harmless, random.Random(number)))
    collector = Collector()
    for tree in json.loads(json.dumps(sent)):
        collector.add(tree)
    assert play(sent).message() == {**collector.tree(), "usage": {"input_tokens": 3, "output_tokens": 5}}


class Moderator:
    """Lets go of random parts of what it holds."""

    def __init__(self, rng):
        self.rng, self.seen, self.gone = rng, {}, {}

    def take(self, delta):
        self.seen[delta.channel] = self.seen.get(delta.channel, "") + delta.text

    def some(self, *, all_of_it=False):
        for channel, words in self.seen.items():
            first = self.gone.get(channel, 0)
            last = len(words) if all_of_it else first if channel.whole else self.rng.randint(first, len(words))
            if last > first:
                self.gone[channel] = last
                yield Release(0, channel, first, last, words[first:last])


@seed(SEED)
@settings(max_examples=200, deadline=None)
@given(ANSWERS, st.integers(0, 10**6))
def test_nothing_is_lost_and_nothing_leaves_before_its_turn(answer, number):
    rng = random.Random(number)
    moderator, own, frames = Moderator(rng), MessagesStream(Envelope("x", 1, "m"), Ask()), []
    sent = list(events(answer, rng))
    for tree in json.loads(json.dumps(sent)):
        for delta in own.chunk(tree).deltas:
            moderator.take(delta)
        if rng.random() < 0.6:
            for release in list(moderator.some()):
                frames += own.release(release)
        frames += own.ready()
        left = [json.loads(event.data) for event in SseDecoder().feed(b"".join(frames))]
        shown = "".join(t["delta"].get("text", "") for t in left if t["type"] == "content_block_delta")
        released = [
            words[: moderator.gone.get(channel, 0)] for channel, words in moderator.seen.items() if not channel.key
        ]
        assert (released[0].replace(SEAM, "") if released else "").startswith(shown)
    for release in list(moderator.some(all_of_it=True)):
        frames += own.release(release)
    sides = []
    for trees in (sent, [json.loads(event.data) for event in SseDecoder().feed(b"".join([*frames, *own.finish()]))]):
        collector = Collector()
        for tree in json.loads(json.dumps(trees)):
            collector.add(tree)
        sides.append(collector.tree())
    assert sides[0]["content"] == sides[1]["content"]


@seed(SEED)
@settings(max_examples=100, deadline=None)
@given(ANSWERS, st.integers(0, 10**6))
def test_bytes_may_be_cut_anywhere(answer, number):
    rng = random.Random(number)
    sent = list(events(answer, rng))
    raw = b"".join(typed_event(tree) for tree in sent)
    decoder, found = SseDecoder(), []
    places = sorted(rng.randint(0, len(raw)) for _ in range(20))
    for a, b in zip([0, *places], [*places, len(raw)], strict=True):
        found += decoder.feed(raw[a:b])
    assert [json.loads(event.data) for event in [*found, *decoder.flush()]] == sent
