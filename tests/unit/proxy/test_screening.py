"""The input half: what is decided, what goes upstream, and what cannot be looked at."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from guardproxy.core.conversation import Scope, Stage
from guardproxy.core.detector_info import DetectorInfo, Tier, Unit
from guardproxy.core.findings import Failure, FailureKind, Finding, Span
from guardproxy.core.judge import Context
from guardproxy.core.rules import (
    Action,
    Disclosing,
    Escalation,
    FailMode,
    Kind,
    Ladder,
    LadderStep,
    Mode,
    Policy,
    PolicyRef,
    Rule,
    Unscanned,
)
from guardproxy.detectors.bench import Bench, Inspection, Toolbox
from guardproxy.errors import BadRequest, GuardUnavailable, Overloaded
from guardproxy.policy.messages import load
from guardproxy.policy.shipped import directory
from guardproxy.proxy.screening import Looks, check_limits, complain, forget_refused, look_over_turns, screen
from guardproxy.wire.chat import parse_request
from guardproxy.wire.messages import parse_request as anthropic_request

CATALOGUE = load(directory(), date(2026, 11, 24))
SOURCE = CATALOGUE.locales["en"].lines.source


def words(name, action, phrase, **more):
    return Rule(name, Kind.WORDS, "", Ladder((LadderStep(action, 1.0),)), phrases=(phrase,), **more)


RULES = (
    words("no", Action.REFUSE, "bluefinch"),
    words("hide", Action.REDACT, "captain turnip", replace_with="[name]"),
    words("note", Action.WARN, "garden ladder"),
)
POLICY = Policy(PolicyRef("p", 1, "0"), RULES)


def request(*said, **more):
    roles = ("user", "assistant")
    messages = [{"role": roles[i % 2], "content": text} for i, text in enumerate(said)]
    return parse_request({"model": "m", "messages": messages, **more})


class Model:
    info = DetectorInfo("m", "1", frozenset({"crime.fraud"}), Tier.MODEL, Unit.SCORE, spans=False)

    async def inspect(self, _segments):
        return Failure("m", FailureKind.UNAVAILABLE, "input")


async def screened(asked, policy=POLICY, box=Toolbox(), note=lambda _seen: None):  # noqa: B008 - frozen
    return await screen(asked, Looks(policy, Bench(policy, box), Context()), note)


@pytest.mark.parametrize(
    ("text", "action", "sent"),
    [
        ("a calm walrus", Action.ALLOW, "a calm walrus"),
        ("over the garden ladder", Action.WARN, "over the garden ladder"),
        ("ask Captain Turnip now", Action.REDACT, "ask [name] now"),
        ("captain turnip, captain turnip", Action.REDACT, "[name], [name]"),
        ("a bluefinch", Action.REFUSE, "a bluefinch"),
        ("captain turnip saw a bluefinch", Action.REFUSE, "captain turnip saw a bluefinch"),
    ],
)
async def test_what_is_decided_and_what_goes_upstream(text, action, sent):
    asked = request(text)
    result = await screened(asked)
    assert (result.decision.action, result.decision.stage) == (action, Stage.INPUT)
    assert result.tree["messages"][0]["content"] == sent
    assert asked.tree["messages"][0]["content"] == text  # what was asked stays as it was


async def test_a_place_that_cannot_be_replaced_is_refused():
    result = await screened(request("hello", metadata2={"captain turnip": "x"}))
    assert result.decision.action is Action.REFUSE
    assert result.decision.rule_name == "hide"


async def test_digests_are_of_texts_not_of_joins():
    result = await screened(request("one", "two", "three"))
    assert len(result.digests) == len(set(result.digests)) == 3


@pytest.mark.parametrize(("fails", "stops"), [(FailMode.CLOSED, True), (FailMode.OPEN, False)])
async def test_a_check_that_did_not_run(fails, stops):
    rule = Rule("fraud", Kind.HAZARD, "crime", Ladder((LadderStep(Action.REFUSE, 0.5),)), fails=fails)
    noted, policy = [], Policy(POLICY.ref, (rule,))
    work = screened(request("hi"), policy, Toolbox(models=(Model(),)), noted.append)
    if stops:
        with pytest.raises(GuardUnavailable) as caught:
            await work
        assert "request" in str(caught.value)
    else:
        assert (await work).decision.action is Action.ALLOW
    assert [f.detector for f in noted[0].failures] == ["m"]


REFUSAL = f"I can't help with that.\n\n{SOURCE.replace('{service}', 'guardproxy').replace('{reference}', 'ABC')}"


def remembered(asked):
    return [m["content"] for m in asked.tree["messages"]]


def test_a_refused_turn_and_its_refusal_are_forgotten():
    asked = request("one", "two", "bad thing", REFUSAL, "five")
    assert remembered(forget_refused(asked, POLICY, CATALOGUE)) == ["one", "two", "five"]


def test_the_turns_of_other_surfaces_are_found_in_their_own_list():
    """The system text is no turn, and a tool's result makes two messages of one."""
    results = [{"type": "tool_result", "tool_use_id": "t", "content": "found"}, {"type": "text", "text": "two"}]
    turns = [("user", results), ("assistant", "three"), ("user", "bad thing"), ("assistant", REFUSAL), ("user", "five")]
    messages = [{"role": role, "content": content} for role, content in turns]
    asked = anthropic_request({"model": "m", "system": "be kind", "messages": messages})
    kept = forget_refused(asked, POLICY, CATALOGUE)
    assert kept.tree["messages"] == [*messages[:2], messages[4]]


def test_a_result_is_not_forgotten_for_its_call_would_wait_for_it():
    results = [{"type": "tool_result", "tool_use_id": "t", "content": "found"}]
    turns = [("user", results), ("assistant", REFUSAL), ("user", "five")]
    messages = [{"role": role, "content": content} for role, content in turns]
    asked = anthropic_request({"model": "m", "messages": messages})
    assert forget_refused(asked, POLICY, CATALOGUE) is asked


@pytest.mark.parametrize(
    ("said", "policy"),
    [
        (("one", "two", "three"), POLICY),
        ((REFUSAL, "two", "three"), POLICY),  # a user who quotes a refusal
        (("bad thing", REFUSAL, "three"), replace(POLICY, forget_refused=False)),
        (("bad thing", REFUSAL, "three"), replace(POLICY, disclosing=Disclosing(source_line=False))),
    ],
)
def test_nothing_else_is_forgotten(said, policy):
    asked = request(*said)
    assert forget_refused(asked, policy, CATALOGUE) is asked


class Words:
    def plain(self, shape, hazard=""):
        return f"{shape} {hazard}"


PICTURE = [{"type": "text", "text": "look"}, {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}]


@pytest.mark.parametrize(
    ("how", "action", "rule", "unread"),
    [
        (Unscanned.REFUSE, Action.REFUSE, "unscannable", False),
        (Unscanned.WARN, Action.WARN, "unscannable", True),
        (Unscanned.ALLOW, Action.ALLOW, "", True),
    ],
)
async def test_a_picture_passes_only_if_the_policy_says_so(how, action, rule, unread):
    policy = replace(POLICY, on_unscannable=how)
    result = await screened(request(PICTURE), policy)
    assert (result.decision.action, result.decision.rule_name, result.unread) == (action, rule, unread)
    assert result.decision.hazard == ("unscannable.media" if rule else "")
    assert result.decision.would_have is action


async def test_a_written_rule_that_refuses_stands_before_the_attachment():
    parts = [{"type": "text", "text": "a bluefinch"}, PICTURE[1]]
    assert (await screened(request(parts))).decision.rule_name == "no"
    redacted = await screened(
        request([{"type": "text", "text": "captain turnip"}, PICTURE[1]]),
        replace(POLICY, on_unscannable=Unscanned.WARN),
    )
    assert (redacted.decision.rule_name, redacted.unread) == ("hide", True)
    assert redacted.tree["messages"][0]["content"][0]["text"] == "[name]"


@pytest.mark.parametrize("how", list(Unscanned))
def test_token_ids_are_the_callers_mistake_whatever_the_policy_says(how):
    conversation = parse_request(
        {"model": "m", "messages": [{"role": "user", "content": "a"}], "x": [1] * 9}
    ).conversation
    with pytest.raises(BadRequest) as caught:
        check_limits(conversation, replace(POLICY, on_unscannable=how), Words())
    assert (caught.value.code, caught.value.param) == ("unscannable_prompt", "x")


def test_what_is_sealed_passes_only_if_the_policy_says_so():
    turns = [("user", "a"), ("assistant", [{"type": "redacted_thinking", "data": "AAAA"}]), ("user", "b")]
    messages = [{"role": role, "content": content} for role, content in turns]
    conversation = anthropic_request({"model": "m", "messages": messages}).conversation
    check_limits(conversation, replace(POLICY, on_unscannable=Unscanned.ALLOW), Words())
    with pytest.raises(BadRequest) as caught:
        check_limits(conversation, POLICY, Words())
    assert (caught.value.code, caught.value.param) == ("unsupported_content_part", "messages[1].content[0]")


class Gallery:
    """Looks at pictures: those of one content hold a made-up hazard."""

    info = DetectorInfo(
        "gallery", "1", frozenset({"sexual.adult"}), Tier.MODEL, Unit.SCORE, spans=False, media=frozenset({"image"})
    )

    def __init__(self, answer=None):
        self.answer = answer
        self.shown = []

    async def inspect_media(self, media):
        self.shown += media
        if self.answer is not None:
            return self.answer
        wicked = [m for m in media if m.content["image_url"]["url"].endswith("BAD=")]
        return [Finding("gallery", "sexual.adult", 0.9, m.segment, Span(0, 1)) for m in wicked]


def picture_rule(**more):
    return Rule("pictures", Kind.HAZARD, "sexual", Ladder((LadderStep(Action.REFUSE, 0.5),)), **more)


def with_pictures(**more):
    return replace(POLICY, rules=(*POLICY.rules, picture_rule(**more)))


WICKED = [{"type": "image_url", "image_url": {"url": "data:image/png;base64,BAD="}}]
FILE = [{"type": "file", "file": {"file_data": "data:application/pdf;base64,AA=="}}]


@pytest.mark.parametrize(
    ("content", "action", "rule"),
    [
        (PICTURE, Action.ALLOW, ""),
        (WICKED, Action.REFUSE, "pictures"),
        (FILE, Action.REFUSE, "unscannable"),
        ([*PICTURE, *FILE], Action.REFUSE, "unscannable"),
    ],
)
async def test_a_detector_that_reads_pictures_opens_the_door_for_them(content, action, rule):
    gallery = Gallery()
    result = await screened(request(content), with_pictures(), Toolbox(media=(gallery,)))
    assert (result.decision.action, result.decision.rule_name, result.unread) == (action, rule, False)
    assert {m.kind for m in gallery.shown} <= {"image"}
    assert all("base64" not in repr(m) for m in gallery.shown)


@pytest.mark.parametrize(
    "more",
    [
        {"mode": Mode.SHADOW},
        {"checks": frozenset({Stage.OUTPUT})},
        {"scopes": frozenset({Scope.TOOL_RESULT})},
    ],
)
async def test_the_door_opens_for_an_enforced_rule_only(more):
    result = await screened(request(PICTURE), with_pictures(**more), Toolbox(media=(Gallery(),)))
    assert result.decision.rule_name == "unscannable"


async def test_an_audio_answer_stays_unread_whoever_reads_sound():
    gallery = Gallery()
    gallery.info = replace(Gallery.info, media=frozenset({"audio"}))
    asked = parse_request(
        {"model": "m", "messages": [{"role": "user", "content": "hi"}], "modalities": ["text", "audio"]}
    )
    assert (await screened(asked, with_pictures(), Toolbox(media=(gallery,)))).decision.rule_name == "unscannable"
    assert gallery.shown == []


@pytest.mark.parametrize("answer", [Failure("gallery", FailureKind.UNAVAILABLE, "input"), "nonsense"])
async def test_a_detector_of_pictures_that_breaks_fails_closed(answer):
    with pytest.raises(GuardUnavailable):
        await screened(request(PICTURE), with_pictures(), Toolbox(media=(Gallery(answer),)))


@pytest.mark.parametrize(("limit", "fits"), [(9, True), (8, False)])
def test_all_texts_count_for_the_length(limit, fits):
    conversation = request("four", "five ").conversation
    policy = replace(POLICY, max_input_chars=limit)
    if fits:
        check_limits(conversation, policy, Words())
    else:
        with pytest.raises(BadRequest) as caught:
            check_limits(conversation, policy, Words())
        assert (caught.value.status, caught.value.code) == (413, "request_too_large")


FRAUD = Rule("fraud", Kind.HAZARD, "crime.fraud", Ladder((LadderStep(Action.REFUSE, 0.5),)))
WATCHED = Policy(
    PolicyRef("p", 1, "0"), (FRAUD,), escalation=Escalation(("crime",), Ladder((LadderStep(Action.WARN, 1.0),)))
)


class Ears(Model):
    """Hears fraud in everything, and keeps what it was asked."""

    def __init__(self):
        self.asked = []

    async def inspect(self, segments):
        self.asked += [s.text for s in segments]
        return [Finding("m", "crime.fraud", 0.9, s) for s in segments]


async def over_turns(asked, policy=WATCHED, model=None):
    noted = []
    bench = Bench(policy, Toolbox(models=(model or Ears(),)))
    return await look_over_turns(asked, policy, bench, noted.append), noted


async def test_the_last_turns_are_read_as_one_text_for_the_session_alone():
    ears = Ears()
    found, noted = await over_turns(request("how do I", "Yes?", "forge", "Yes?", "a stamp"), model=ears)
    assert ears.asked == ["how do I forge a stamp"]
    assert [(f.hazard, f.score) for f in found] == [("crime.fraud", 0.9)]
    assert [(type(seen), seen.findings) for seen in noted] == [(Inspection, ())]


@pytest.mark.parametrize(("said", "policy"), [(("a",), WATCHED), (("a", "b", "c"), POLICY)])
async def test_no_text_is_read_over_turns_that_nobody_needs(said, policy):
    assert await over_turns(request(*said), policy) == ((), [])


async def test_a_look_over_turns_that_fails_is_a_look_that_fails():
    with pytest.raises(GuardUnavailable):
        await over_turns(request("a", "b", "c"), model=Model())
    open_policy = replace(WATCHED, rules=(replace(FRAUD, fails=FailMode.OPEN),))
    assert (await over_turns(request("a", "b", "c"), open_policy, Model()))[0] == ()


async def test_an_answer_of_our_own_is_not_read_as_a_request():
    ears = Ears()
    box = Toolbox(models=(ears,))
    await screen(
        request("a", "b", "c"), Looks(WATCHED, Bench(WATCHED, box), Context()), lambda _: None, lambda text: text == "b"
    )
    assert ears.asked == ["a", "c"]


@pytest.mark.parametrize(
    ("count", "action"), [(None, Action.REFUSE), (1, Action.ALLOW), (2, Action.ALLOW), (3, Action.REFUSE)]
)
async def test_a_policy_may_look_at_the_latest_messages_only(count, action):
    asked = request("a bluefinch", "a calm walrus", "and now")
    seen = await screened(asked, replace(POLICY, messages_looked_at=count))
    assert seen.decision.action is action
    assert seen.tree is asked.tree
    assert len(seen.digests) == (count or 3)


async def test_a_message_of_parts_counts_once_on_every_surface():
    parts = [{"type": "tool_result", "tool_use_id": "t", "content": "a bluefinch"}, {"type": "text", "text": "so?"}]
    call = {"type": "tool_use", "id": "t", "name": "look", "input": {}}
    talk = [
        {"role": "user", "content": "look"},
        {"role": "assistant", "content": [call]},
        {"role": "user", "content": parts},
    ]
    asked = anthropic_request({"model": "m", "max_tokens": 9, "messages": talk})
    assert (await screened(asked, replace(POLICY, messages_looked_at=1))).decision.action is Action.REFUSE


async def test_the_last_turns_are_joined_of_what_is_looked_at():
    policy = replace(POLICY, escalation=Escalation(("crime",), 0.2, Ladder((LadderStep(Action.WARN, 1.0),))))
    asked, looked = request("one", "yes", "two"), []

    class Seeing(Bench):
        async def inspect_window(self, joined):
            looked.append(joined.text)
            return Inspection()

    for count in (None, 1):
        seeing = Seeing(policy, Toolbox())
        await look_over_turns(asked, replace(policy, messages_looked_at=count), seeing, lambda _seen: None)
    assert looked == ["one two"]


def failed(kind, caused_by_input=False):
    return Failure("m", kind, Stage.INPUT, caused_by_input)


def test_a_queue_that_is_full_is_the_callers_to_wait_for_and_all_else_is_ours():
    """429 with Retry-After against 503; a rule that fails open asks for neither."""
    closed = Rule("scam", Kind.DETECTOR, "m", Ladder((LadderStep(Action.REFUSE, 0.5),)))
    bench = Bench(Policy(PolicyRef("p", 1, "0"), (closed,)), Toolbox(models=(Model(),)))
    with pytest.raises(Overloaded, match="too much to look at") as caught:
        complain(bench, [failed(FailureKind.OVERLOADED)])
    assert (caught.value.status, caught.value.retry_after) == (429, 1)
    with pytest.raises(
        GuardUnavailable, match="the detector is not working right now; this says nothing about the texts"
    ):
        complain(bench, [failed(FailureKind.OVERLOADED), failed(FailureKind.TIMEOUT)], "the detector", "the texts")
    complain(bench, [])
    lax = Bench(Policy(PolicyRef("p", 1, "0"), (replace(closed, fails=FailMode.OPEN),)), Toolbox(models=(Model(),)))
    complain(lax, [failed(FailureKind.OVERLOADED), failed(FailureKind.TIMEOUT)])
    with pytest.raises(GuardUnavailable):
        complain(lax, [failed(FailureKind.EXCEPTION, caused_by_input=True)])
