import json

import pytest

from guardproxy.core.commands import CONTENT, Release
from guardproxy.wire.answer import WHOLE_CONTENT, ChannelText, Edit, joined
from guardproxy.wire.messages_answer import answer_of, render
from guardproxy.wire.messages_leaves import call_of, reasoning_of
from guardproxy.wire.seam import SEAM

NOTE = {"guardproxy": {"action": "allow"}}


def message(*blocks, **more):
    top = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": list(blocks)}
    usage = {"input_tokens": 3, "output_tokens": 5, "service_tier": "standard"}
    return {**top, "stop_reason": "end_turn", "stop_sequence": None, "usage": usage, **more}


def read(tree, **how):
    return answer_of(json.loads(json.dumps(tree)), structured=how.get("structured", False))


def allowed(answer, changes=()):
    """Everything released as it came but for some channels."""
    texts = {}
    for text in answer.texts:
        texts[text.channel] = texts.get(text.channel, "") + text.text
    return tuple(ChannelText(channel, text) for channel, text in {**texts, **dict(changes)}.items())


def rendered(answer, changes=(), releases=(), **how):
    """`releases`: what left of a channel, piece by piece."""
    known = {text.channel: text for text in [*allowed(answer, changes), *joined(releases)]}
    return json.loads(render(answer, Edit(0, tuple(known.values()), **how), NOTE))


CALL = {"type": "tool_use", "id": "t1", "name": "f", "input": {"a": "b", "n": 1.5}}
THOUGHT = {"type": "thinking", "thinking": "c", "signature": "c2lnbmVk"}
SAID = {"type": "text", "text": "d", "citations": None}


def test_an_answer_leaves_as_it_came():
    tree = message(THOUGHT, SAID, CALL, {"type": "x", "y": ["z"]}, x_field={"a": "b"})
    answer = read(tree)
    assert rendered(answer) == {**tree, **NOTE}
    assert [called.name for called in answer.called] == ["f"]
    channels = {text.channel: text.text for text in answer.texts}
    assert channels[CONTENT] == "d"
    assert channels[reasoning_of(0)] == "c"
    assert json.loads(channels[call_of(2)]) == CALL["input"]
    assert "msg" not in repr(answer)


def test_structured_prose_is_one_text():
    assert read(message(SAID), structured=True).texts[0].channel == WHOLE_CONTENT


def test_what_is_not_allowed_does_not_leave():
    tree = message(SAID, {"type": "x", "secret name": "z"}, x_field="v")
    answer = read(tree)
    left = json.loads(render(answer, Edit(0), NOTE))
    assert left["content"] == [{"type": "text", "text": "", "citations": None}, {"type": ""}]
    assert "x_field" not in left


def test_redaction_inside_blocks_and_inputs():
    two = message({"type": "text", "text": "a violet "}, {"type": "text", "text": "kettle b"}, CALL)
    answer = read(two)
    removed = [
        Release(0, CONTENT, 0, 2, "a "),
        Release(0, CONTENT, 2, 16, "[removed]"),
        Release(0, CONTENT, 16, 18, " b"),
    ]
    left = rendered(answer, {call_of(2): '{"a": "[x]", "n": 1.5}'}, removed)
    assert [block.get("text") for block in left["content"]] == ["a [removed]", " b", None]
    assert left["content"][2]["input"] == {"a": "[x]", "n": 1.5}


def test_where_blocks_meet_a_word_may_end_and_may_go_on():
    answer = read(message({"type": "text", "text": "a"}, CALL, {"type": "text", "text": "b"}))
    assert [text.text for text in answer.texts if text.channel == CONTENT] == ["a", SEAM, "b"]
    releases = [Release(0, CONTENT, 0, 2, f"a{SEAM}"), Release(0, CONTENT, 2, 3, "[x]")]
    assert [block.get("text") for block in rendered(answer, (), releases)["content"]] == ["a", None, "[x]"]


def test_changed_thoughts_leave_out_with_their_seal():
    left = rendered(read(message(THOUGHT, SAID)), {reasoning_of(0): "[x]"})
    assert left["content"] == [SAID]


def test_notices_are_blocks_of_their_own():
    left = rendered(read(message(SAID)), before="Help.", after="Check.")
    assert [block["text"] for block in left["content"]] == ["Help.\n\n", "d", "\n\nCheck."]


def test_a_refusal_keeps_the_frame_only():
    tree = message(THOUGHT, SAID, CALL, stop_sequence="s", x_field="v", container={"id": "c"})
    left = json.loads(render(read(tree), Edit(0, refusal="No."), NOTE))
    assert left == {
        "id": "msg_1",
        "model": "m",
        "type": "message",
        "role": "assistant",
        "content": [{"type": "text", "text": "No."}],
        "stop_reason": "refusal",
        "stop_sequence": None,
        "usage": {"input_tokens": 3, "output_tokens": 5},
        **NOTE,
    }


@pytest.mark.parametrize(
    ("reason", "left"), [("end_turn", "end_turn"), ("refusal", "refusal"), ("violet kettle", "end_turn")]
)
def test_a_reason_that_nobody_cleared_is_none(reason, left):
    answer = read(message(SAID, stop_reason=reason))
    texts = [text for text in allowed(answer) if text.text != "violet kettle"]
    assert json.loads(render(answer, Edit(0, tuple(texts)), NOTE))["stop_reason"] == left


def test_an_input_that_is_no_json_stays_a_text():
    call = {**CALL, "input": "free text"}
    assert rendered(read(message(call)))["content"] == [call]
