import json

import pytest

from guardproxy.core.commands import CONTENT, Channel, ChannelKind, Release
from guardproxy.errors import UpstreamBadAnswer
from guardproxy.testing.scripts import continuation
from guardproxy.wire.answer import WHOLE_CONTENT, ChannelText, Edit, joined
from guardproxy.wire.chat_answer import read_answer, render
from guardproxy.wire.seam import SEAM
from guardproxy.wire.shape import TEXT

TOOL = Channel(ChannelKind.TOOL, "0", whole=True)
NOTE = {"guardproxy": {"action": "allow"}}


def body(*messages, **top):
    choices = [{"index": at, "message": m, "finish_reason": "stop"} for at, m in enumerate(messages)]
    return {"id": "c1", "object": "chat.completion", "created": 1, "model": "m", "choices": choices, **top}


def say(text):
    return {"role": "assistant", "content": text}


def answer_to(tree, **options):
    return read_answer(json.dumps(tree).encode(), **options)


def keep_all(answer, choice=0):
    releases = []
    seen = {}
    for text in answer.texts:
        if text.choice == choice:
            at = seen.get(text.channel, 0)
            releases.append(Release(choice, text.channel, at, at + len(text.text), text.text))
            seen[text.channel] = at + len(text.text)
    return Edit(choice, joined(releases))


def rendered(answer, *edits, **options):
    return json.loads(render(answer, edits, **options))


def test_a_text_completion_is_looked_at_and_leaves_as_one():
    logprobs = {"tokens": ["hello"], "token_logprobs": [-1], "text_offset": [0], "top_logprobs": None}
    tree = json.loads(continuation("hello", "bad", logprobs=logprobs, stop_reason="x").segments[0])
    answer = answer_to(tree, shape=TEXT)
    assert [(t.choice, t.channel, t.text) for t in answer.texts if t.channel == CONTENT] == [
        (0, CONTENT, "hello"),
        (1, CONTENT, "bad"),
    ]
    out = rendered(answer, keep_all(answer), Edit(1, refusal="No."), annotation=NOTE, shape=TEXT)
    refused = {"index": 1, "text": "No.", "logprobs": None, "finish_reason": "content_filter"}
    assert out == {**tree, "choices": [tree["choices"][0], refused], **NOTE}


def test_an_allowed_answer_keeps_everything():
    tree = body(
        {**say("hello"), "x_vendor": {"a": ["b", 1]}},
        usage={"total_tokens": 3},
        timings={"predicted_ms": 1.5},
        x_top="t",
    )
    answer = answer_to(tree)
    assert rendered(answer, keep_all(answer), annotation=NOTE) == {**tree, **NOTE}


def test_what_is_not_released_does_not_leave():
    tree = body({**say("hello"), "x_vendor": {"a": ["b", 1]}, "reasoning_content": "hm"}, x_top="t")
    found = rendered(answer_to(tree), Edit(0, (ChannelText(CONTENT, "hello"),)))
    assert found["choices"][0]["message"] == {"role": "assistant", "content": "hello", "reasoning_content": ""}
    assert "x_top" not in found


def test_redacted_texts():
    call = {"id": "t", "type": "function", "function": {"name": "f", "arguments": '{"q":"555"}'}}
    answer = answer_to(body({**say("call 555 now"), "tool_calls": [call]}))
    assert [(c.choice, c.name) for c in answer.called] == [(0, "f")]
    found = rendered(answer, Edit(0, (ChannelText(CONTENT, "call … now"), ChannelText(TOOL, '{"q":"…"}'))))
    message = found["choices"][0]["message"]
    assert message["content"] == "call … now"
    assert message["tool_calls"] == [{**call, "function": {"name": "f", "arguments": '{"q":"…"}'}}]


def test_a_channel_over_several_places():
    parts = [{"type": "text", "text": "one "}, {"type": "text", "text": "two"}]
    answer = answer_to(body(say(parts)))
    assert [t.text for t in answer.texts] == ["one ", SEAM, "two"]
    kept = rendered(answer, keep_all(answer))
    assert kept["choices"][0]["message"]["content"] == parts
    releases = [Release(0, CONTENT, 0, 5, f"one {SEAM}"), Release(0, CONTENT, 5, 8, "…")]
    changed = rendered(answer, Edit(0, joined(releases)))
    assert [p["text"] for p in changed["choices"][0]["message"]["content"]] == ["one ", "…"]


def test_parts_of_text_meet_in_each_choice_by_itself():
    parts = [{"type": "text", "text": "a"}, {"type": "thinking", "thinking": [{"type": "text", "text": "t"}]}]
    answer = answer_to(body(say([*parts, {"type": "text", "text": "b"}]), say("c")), structured=True)
    assert [text.text for text in answer.texts] == ["a", "t", SEAM, "b", "c"]
    assert [text.path for text in answer.texts if text.text == SEAM] == [()]


def test_log_probabilities_of_an_answer_in_parts():
    parts = [{"type": "text", "text": "one "}, {"type": "text", "text": "two"}]
    listed = [{"token": token, "logprob": -1, "top_logprobs": []} for token in ("one ", "two")]
    tokens = {"content": listed, "refusal": None}
    tree = body(say(parts))
    tree["choices"][0]["logprobs"] = tokens
    answer = answer_to(tree)
    assert rendered(answer, keep_all(answer))["choices"][0]["logprobs"] == tokens


def test_one_refused_choice_leaves_the_others():
    answer = answer_to(body(say("bad"), say("good"), usage={"total_tokens": 3}))
    found = rendered(answer, Edit(0, refusal="Sorry."), keep_all(answer, 1), annotation=NOTE)
    assert found["choices"] == [
        {"index": 0, "message": say("Sorry."), "logprobs": None, "finish_reason": "content_filter"},
        {"index": 1, "message": say("good"), "finish_reason": "stop"},
    ]
    assert found["usage"] == {"total_tokens": 3}
    assert found["guardproxy"] == {"action": "allow"}


def test_a_structured_refusal():
    answer = answer_to(body(say("{}")), structured=True)
    assert [t.channel for t in answer.texts] == [WHOLE_CONTENT]
    found = rendered(answer, Edit(0, refusal="Sorry."), in_field=True)
    assert found["choices"][0]["message"] == {"role": "assistant", "content": None, "refusal": "Sorry."}
    assert found["choices"][0]["finish_reason"] == "stop"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("text", "Mind.\n\ntext\n\nBye."),
        ([{"type": "text", "text": "text"}], ["Mind.", "text", "Bye."]),
        (None, None),
    ],
)
def test_notices(content, expected):
    answer = answer_to(body(say(content)))
    kept = keep_all(answer)
    found = rendered(answer, Edit(0, kept.texts, before="Mind.", after="Bye."))["choices"][0]["message"]["content"]
    assert ([p["text"] for p in found] if isinstance(found, list) else found) == expected


def test_logprobs_stay_only_with_the_text_they_repeat():
    logprobs = {"content": [{"token": "hi", "logprob": -1, "bytes": None, "top_logprobs": [{"token": "yo"}]}]}
    tree = body(say("hi"))
    tree["choices"][0]["logprobs"] = logprobs
    answer = answer_to(tree)
    kept = rendered(answer, keep_all(answer))["choices"][0]["logprobs"]
    assert kept == {"content": [{"token": "hi", "logprob": -1, "bytes": None, "top_logprobs": []}]}
    assert rendered(answer, Edit(0, (ChannelText(CONTENT, "h…"),)))["choices"][0]["logprobs"] is None
    assert rendered(answer, Edit(0, refusal="No."))["choices"][0]["logprobs"] is None


def test_a_finish_reason_that_is_no_known_word_is_text():
    tree = body(say("a"))
    tree["choices"][0]["finish_reason"] = "because"
    answer = answer_to(tree)
    assert rendered(answer, keep_all(answer))["choices"][0]["finish_reason"] == "because"
    assert rendered(answer, Edit(0))["choices"][0]["finish_reason"] == "stop"


def test_every_choice_needs_an_edit():
    answer = answer_to(body(say("a"), say("b")))
    with pytest.raises(AssertionError, match="one edit for each choice"):
        render(answer, [keep_all(answer, 0)])


@pytest.mark.parametrize("raw", [b"", b"[]", b'{"choices":[]}', b'{"error":{"message":"x"}}', b'{"choices":[1]}'])
def test_no_answer(raw):
    with pytest.raises(UpstreamBadAnswer):
        read_answer(raw)


@pytest.mark.parametrize("message", [None, "text", 5, [], {}])
def test_odd_messages_do_no_harm(message):
    answer = answer_to(body(message))
    assert rendered(answer, keep_all(answer))["choices"][0]["message"] == message


def test_reprs_hold_no_text():
    answer = answer_to(body(say("secret")))
    edit = Edit(0, (ChannelText(CONTENT, "secret"),), refusal="secret")
    assert "secret" not in repr(answer) + repr(edit) + repr(edit.texts)
