import json

import pytest

from guardproxy.core.commands import CONTENT, Channel, ChannelKind, Release
from guardproxy.errors import UpstreamBadAnswer
from guardproxy.testing.scripts import chunk, text_chunk
from guardproxy.wire.chat_stream import ChatStream, read_chunk
from guardproxy.wire.envelope import Ask, Envelope
from guardproxy.wire.shape import TEXT
from guardproxy.wire.sse import Event

NOTE = {"guardproxy": {"action": "allow"}}
USAGE = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
START = {"role": "assistant", "content": ""}


class Player:
    """A stream and a moderator that does what the test says; frames come back as trees."""

    def __init__(self, **ask):
        self.stream = ChatStream(Envelope("chatcmpl-x", 9, "asked"), Ask(**ask))
        self.frames = []
        self.seen = {}

    def feed(self, *chunks):
        """Everything is released at once."""
        for tree in chunks:
            for delta in self.stream.chunk(tree).deltas:
                at = self.seen.get((delta.choice, delta.channel), 0)
                self.seen[delta.choice, delta.channel] = at + len(delta.text)
                self.frames += self.stream.release(
                    Release(delta.choice, delta.channel, at, at + len(delta.text), delta.text)
                )
            self.frames += self.stream.ready()
        return self

    def hold(self, *chunks):
        """Nothing is released."""
        for tree in chunks:
            self.stream.chunk(tree)
            self.frames += self.stream.ready()
        return self

    def add(self, frames):
        self.frames += frames
        return self

    @property
    def trees(self):
        return [frame.decode() if b"[DONE]" in frame else json.loads(frame[6:]) for frame in self.frames]

    def choice(self, index=0):
        return [
            tree["choices"][0]
            for tree in self.trees
            if isinstance(tree, dict) and tree.get("choices") and tree["choices"][0]["index"] == index
        ]

    def text(self, index=0, name="content"):
        return "".join((c.get("delta") or {}).get(name) or "" for c in self.choice(index))

    def ends(self, index=0):
        return [c["finish_reason"] for c in self.choice(index) if c["finish_reason"]]


def test_a_clean_stream_leaves_as_it_came():
    sent = [
        chunk(START),
        chunk({"content": "Hello "}, timings={"n": 1.5}),
        chunk({"content": "there."}, usage=None),
        chunk({}, "stop"),
        {**chunk({}), "choices": [], "usage": USAGE},
    ]
    player = Player().feed(*json.loads(json.dumps(sent)))
    assert player.stream.complete
    player.add(player.stream.finish(NOTE))
    assert player.trees == [*sent[:3], {**sent[3], **NOTE}, sent[4], "data: [DONE]\n\n"]


def test_the_finish_reason_is_split_from_its_text():
    player = Player().feed(chunk({"content": "a"}), chunk({"content": "b"}, "stop", usage=USAGE))
    assert player.text() == "ab"
    player.add(player.stream.finish(NOTE))
    assert player.ends() == ["stop"]
    assert [tree.get("usage") for tree in player.trees[:-1]] == [None, None, USAGE]


def test_azure_sends_chunks_without_choices_and_without_delta():
    filtered = {"choices": [], "id": "", "prompt_filter_results": [{"prompt_index": 0, "severity": "safe"}]}
    offsets = {"index": 0, "finish_reason": None, "content_filter_offsets": {"check_offset": 4}}
    sent = [
        filtered,
        chunk(START),
        chunk({"content": "Hello"}),
        {**chunk({}), "choices": [offsets]},
        chunk({}, "stop"),
        {**chunk({}), "choices": [offsets]},
    ]
    player = Player().feed(*json.loads(json.dumps(sent)))
    player.add(player.stream.finish(NOTE))
    assert player.trees == [*sent[:5], {**sent[5], **NOTE}, "data: [DONE]\n\n"]


@pytest.mark.parametrize("delta", [None, {}, {"content": None}, {"content": []}])
def test_empty_deltas_pass(delta):
    tree = chunk({})
    tree["choices"][0]["delta"] = delta
    player = Player().feed(chunk({"content": "a"}), tree, chunk({}, "stop"))
    assert [c["delta"] for c in player.choice()][1] == delta


def test_choices_do_not_wait_for_each_other():
    player = Player(n=2).hold(chunk({"content": "slow"}))
    player.feed(chunk({"content": "fast"}, index=1), chunk({}, "stop", index=1))
    assert player.text(1) == "fast"
    assert player.text(0) == ""
    assert not player.stream.complete


def test_a_chunk_with_several_choices_is_split():
    tree = chunk({"content": "a"})
    tree["choices"].append({"index": 1, "delta": {"content": "b"}, "finish_reason": "stop"})
    player = Player(n=2)
    reading = player.stream.chunk(tree)
    assert [(d.choice, d.text) for d in reading.deltas] == [(0, "a"), (1, "b")]
    assert reading.finished == (1,)
    player.add(player.stream.release(Release(1, CONTENT, 0, 1, "b")))
    assert (player.text(0), player.text(1)) == ("", "b")


@pytest.mark.parametrize(
    ("calls", "names", "texts"),
    [
        (
            [
                [{"index": 0, "id": "a", "function": {"name": "f", "arguments": ""}}],
                [{"index": 0, "function": {"arguments": "{}"}}],
            ],
            ["f"],
            [("0", "{}")],
        ),
        ([[{"id": "a", "function": {"name": "f", "arguments": "{}"}}]], ["f"], [("id:a", "{}")]),
        (
            [[{"id": "a", "function": {"name": "f", "arguments": "{"}}], [{"function": {"arguments": "}"}}]],
            ["f"],
            [("id:a", "{"), ("id:a", "}")],
        ),
        (
            [[{"index": 0, "function": {"name": "lo"}}], [{"index": 0, "function": {"name": "ok"}}]],
            ["look"],
            [],
        ),
        ([[{"index": 0, "function": {"name": "f", "arguments": c}}] for c in "{}"], ["f"], [("0", "{"), ("0", "}")]),
        (
            [[{"index": 0, "function": {"name": "f", "arguments": {"q": 1}}}, {"index": 1, "function": {"name": "g"}}]],
            ["f", "g"],
            [("0", '{"q":1}')],
        ),
    ],
)
def test_tool_calls_in_every_shape(calls, names, texts):
    player = Player()
    readings = [player.stream.chunk(chunk({"tool_calls": call})) for call in calls]
    readings.append(player.stream.chunk(chunk({}, "tool_calls")))
    assert [c.name for c in readings[-1].called] == names
    assert [(d.channel.key, d.text) for r in readings for d in r.deltas] == texts


def test_tool_calls_leave_whole_at_the_end():
    def call(**function):
        return chunk({"tool_calls": [{"index": 0, "function": function}]})

    player = Player().feed(
        call(name="f", arguments=""), call(arguments='{"a"'), call(arguments=":1}"), chunk({}, "tool_calls")
    )
    assert player.frames == []
    player.add(player.stream.finish(NOTE))
    parts = [c["delta"]["tool_calls"][0]["function"] for c in player.choice()[:-1]]
    assert "".join(p["arguments"] for p in parts) == '{"a":1}'
    assert parts[0]["name"] == "f"


def test_a_refusal_before_any_text():
    player = Player().hold(chunk(START), chunk({"content": "bad"}))
    player.add(player.stream.halt(0, "Sorry, no.")).feed(chunk({"content": "worse"}), chunk({}, "stop"))
    assert player.stream.complete
    assert player.stream.all_halted
    player.add(player.stream.finish(NOTE))
    assert player.choice()[0]["delta"] == START
    assert player.text() == "Sorry, no."
    assert player.ends() == ["content_filter"]
    assert player.trees[-2]["guardproxy"] == NOTE["guardproxy"]
    assert {tree["id"] for tree in player.trees[:-1]} == {"c1"}


@pytest.mark.parametrize(
    ("released", "closed"),
    [("Once upon ", "Once upon \n\nSorry."), ("```py\nx = 1", "```py\nx = 1\n```\n\nSorry.")],
)
def test_a_refusal_after_text(released, closed):
    player = Player().feed(chunk(START), chunk({"content": released})).hold(chunk({"content": "bad"}))
    player.add(player.stream.halt(0, "Sorry."))
    player.add(player.stream.finish())
    assert player.text() == closed
    assert player.ends() == ["content_filter"]
    assert [c["delta"].get("role") for c in player.choice()].count("assistant") == 1


def test_a_refusal_in_the_reasoning_is_told_in_the_content():
    player = Player().feed(chunk({"reasoning_content": "hm "})).hold(chunk({"reasoning_content": "bad"}))
    player.add(player.stream.halt(0, "Sorry.")).add(player.stream.finish())
    assert player.text(name="reasoning_content") == "hm "
    assert player.text() == "Sorry."


def test_one_refused_choice_leaves_the_others():
    player = Player(n=2).hold(chunk({"content": "bad"}))
    player.add(player.stream.halt(0, "Sorry."))
    assert not player.stream.all_halted
    player.feed(chunk({"content": "good"}, index=1), chunk({"content": "x"}), chunk({}, "stop", index=1))
    player.add(player.stream.finish(NOTE))
    assert (player.text(0), player.text(1)) == ("Sorry.", "good")
    assert (player.ends(0), player.ends(1)) == (["content_filter"], ["stop"])


def test_a_structured_refusal():
    player = Player(structured=True)
    reading = player.stream.chunk(chunk({"content": "{"}))
    assert [d.channel for d in reading.deltas] == [Channel(ChannelKind.CONTENT, whole=True)]
    player.add(player.stream.halt(0, "Sorry, no.")).add(player.stream.finish(NOTE))
    assert player.choice()[0]["delta"] == {"role": "assistant", "content": None}
    assert (player.text(), player.text(name="refusal")) == ("", "Sorry, no.")
    assert player.ends() == ["stop"]


@pytest.mark.parametrize(
    ("asked", "chunks", "usage"),
    [
        (False, [], None),
        (True, [], {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}),
        (True, [chunk({"content": "a"}, usage=USAGE)], USAGE),
    ],
)
def test_usage_after_a_refusal(asked, chunks, usage):
    player = Player(include_usage=asked).hold(*chunks)
    player.add(player.stream.halt(0, "Sorry.")).add(player.stream.finish())
    loose = [tree for tree in player.trees[:-1] if not tree["choices"]]
    assert [tree["usage"] for tree in loose] == ([usage] if usage else [])


def test_notices_around_the_text():
    player = Player()
    player.hold(chunk(START)).add(player.stream.notice(0, "Mind.", before=True))
    player.feed(chunk({"content": "text"}), chunk({"content": "!"}, "stop"))
    player.add(player.stream.notice(0, "Bye.", before=False)).add(player.stream.finish(NOTE))
    assert player.text() == "Mind.\n\ntext!\n\nBye."
    assert [c["delta"].get("role") for c in player.choice()].count("assistant") == 1
    assert player.ends() == ["stop"]


def test_a_fault_drops_what_is_held():
    player = Player(include_usage=True).feed(chunk(START), chunk({"content": "kept "})).hold(chunk({"content": "held"}))
    player.add(player.stream.fault("guard_unavailable", "The answer could not be checked.", NOTE))
    assert player.trees[2]["error"] == {
        "message": "The answer could not be checked.",
        "type": "server_error",
        "param": None,
        "code": "guard_unavailable",
    }
    assert player.text() == "kept "
    assert player.ends() == ["length"]
    assert player.trees[3]["guardproxy"] == NOTE["guardproxy"]
    assert player.trees[4:] == ["data: [DONE]\n\n"]


def test_a_fault_before_any_chunk():
    player = Player()
    player.add(player.stream.fault("upstream_timeout", "x"))
    assert [c["finish_reason"] for c in player.choice()] == ["length"]
    assert player.trees[1]["id"] == "chatcmpl-x"


def test_a_fault_leaves_ended_choices_their_reason():
    player = Player(n=2).feed(chunk({"content": "a"}), chunk({}, "stop")).hold(chunk({"content": "b"}, index=1))
    player.add(player.stream.fault("upstream_protocol_error", "x"))
    assert (player.ends(0), player.ends(1)) == (["stop"], ["length"])


def test_a_choice_whose_end_could_not_be_judged_has_not_ended():
    player = Player(n=2).feed(chunk({"content": "a"}), chunk({}, "stop"), chunk({"content": "b"}, index=1))
    player.feed(chunk({}, "stop", index=1)).stream.broke_off(1)
    player.add(player.stream.fault("guard_unavailable", "x"))
    assert (player.ends(0), player.ends(1)) == (["stop"], ["length"])


def test_an_answer_that_cannot_be_recorded_has_not_ended_whatever_it_says():
    player = Player(n=3).feed(chunk({"content": "a"}), chunk({}, "stop"), chunk({"content": "b"}, index=1))
    player.add(player.stream.halt(2, "No."))
    player.add(player.stream.fault("audit_unavailable", "the decision log cannot be written", NOTE))
    assert [player.ends(choice) for choice in range(3)] == [["length"]] * 3
    assert [tree["error"]["code"] for tree in player.trees if "error" in tree] == ["audit_unavailable"]


@pytest.mark.parametrize(
    "tree",
    [
        {"error": {"message": "x"}},
        {"object": "error", "message": "x"},
        {"choices": ["x"]},
        {"choices": {}},
        {"choices": [{"index": 0, "delta": {}, "finish_reason": "error"}]},
    ],
)
def test_error_frames_are_faults(tree):
    with pytest.raises(UpstreamBadAnswer):
        Player().stream.chunk(tree)


@pytest.mark.parametrize("data", ["{", "[]", "null", "<html>", '{"a":\ud800}'])
def test_read_chunk(data):
    with pytest.raises(UpstreamBadAnswer):
        read_chunk(Event(data))


def test_text_after_the_finish_reason_does_not_leave():
    player = Player().feed(chunk({"content": "a"}), chunk({}, "stop"))
    reading = player.stream.chunk(chunk({"content": "unseen"}))
    assert reading.deltas == ()
    player.add(player.stream.finish())
    assert player.text() == "a"


def test_tokens_without_a_text_do_not_leave_at_the_end_or_behind_it():
    end, late = chunk({}, "stop"), chunk({})
    end["choices"][0]["logprobs"] = {"content": [{"token": "unseen", "logprob": -1}]}
    late["choices"][0]["logprobs"] = end["choices"][0]["logprobs"]
    player = Player().feed(chunk({"content": "a"}), end, late)
    player.add(player.stream.finish())
    assert [c.get("logprobs") for c in player.choice()] == [None] * 3


def test_a_stream_without_end_is_not_complete():
    assert not Player().stream.complete
    assert not Player().feed(chunk({"content": "a"})).stream.complete


def test_unknown_strings_in_loose_chunks_leave_only_when_cleared():
    sent = [chunk({"content": "a"}), {"choices": [], "x_top": "v", "n": 1}, chunk({}, "stop")]
    cleared = Player().feed(*json.loads(json.dumps(sent)))
    cleared.add(cleared.stream.finish())
    assert cleared.trees[1] == {"choices": [], "x_top": "v", "n": 1}
    held = Player().hold(*json.loads(json.dumps(sent)))
    held.add(held.stream.release(Release(0, CONTENT, 0, 1, "a"))).add(held.stream.finish())
    assert held.trees[1] == {"choices": []}  # "n" is a name that no list knows


def test_more_choices_than_anybody_asked_for():
    for index in (-1, 128, 10**12):
        with pytest.raises(UpstreamBadAnswer, match="more choices"):
            Player().stream.chunk(chunk({"content": "a"}, index=index))


def texts_of(*chunks):
    return [TEXT.inward(tree, "delta") for tree in chunks]


def text_player(**ask):
    player = Player()
    player.stream = ChatStream(Envelope("cmpl-x", 9, "asked", TEXT), Ask(**ask))
    return player


def test_a_text_completion_leaves_as_it_came():
    sent = [text_chunk("Two "), text_chunk("metres."), text_chunk("", "stop")]
    player = text_player().feed(*texts_of(*sent))
    player.add(player.stream.finish(NOTE))
    assert player.trees == [*sent[:2], {**sent[2], **NOTE}, "data: [DONE]\n\n"]


def test_a_halted_text_completion_has_no_roles():
    player = text_player(include_usage=True).feed(*texts_of(text_chunk("Two ")))
    player.hold(*texts_of(text_chunk("bad")))
    player.add(player.stream.halt(0, "No.")).add(player.stream.finish(NOTE))
    choices = player.choice()
    assert "".join(c["text"] for c in choices) == "Two \n\nNo."
    assert choices[-1]["finish_reason"] == "content_filter"
    assert all(set(c) == {"text", "index", "logprobs", "finish_reason"} for c in choices)
    assert all(tree["object"] == "text_completion" for tree in player.trees[:-1])
    assert player.trees[-2]["usage"]["total_tokens"] == 0


def test_a_text_chunk_is_read_in_its_shape():
    read = read_chunk(Event('{"choices":[{"index":0,"text":"a"}]}'), TEXT)
    assert read == {"choices": [{"index": 0, "delta": {"content": "a"}}]}
