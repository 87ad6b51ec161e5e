"""The detector edge: whatever goes wrong inside a detector is a Failure, and rules say what follows."""

from __future__ import annotations

import asyncio
import math
from dataclasses import replace

import pytest

from guardproxy.core.commands import CONTENT
from guardproxy.core.conversation import Piece, Pointer, Scope, Segment, Stage, Unscannable
from guardproxy.core.detector_info import DetectorInfo, Tier, Unit
from guardproxy.core.findings import Failure, FailureKind, Finding, Span
from guardproxy.core.lookers import needs
from guardproxy.core.rules import Action, FailMode, Kind, Ladder, LadderStep, Mode, Policy, PolicyRef, Rule
from guardproxy.detectors import pii
from guardproxy.detectors.base import Medium
from guardproxy.detectors.bench import ON_THE_LOOP, Bench, Toolbox
from guardproxy.detectors.verdicts import VerdictCache

INFO = DetectorInfo("odd.model", "1", frozenset({"crime.fraud"}), Tier.MODEL, Unit.SCORE, spans=False)
EYE = DetectorInfo("odd.eye", "1", frozenset({"privacy.pii"}), Tier.INSTANT, Unit.MATCH, spans=True)


def segment(text="some text", stage=Stage.INPUT, **more):
    scope = Scope.MODEL if stage is Stage.OUTPUT else Scope.USER
    return Segment(text, stage, more.pop("scope", scope), **more)


def rule(kind=Kind.HAZARD, target="crime", **more):
    return Rule("r", kind, target, Ladder((LadderStep(Action.REFUSE, 0.5),)), **more)


def policy(*rules):
    return Policy(PolicyRef("p", 1, "0"), rules)


class Model:
    """Answers with whatever it is given; an exception is raised."""

    def __init__(self, answer, info=INFO):
        self.info = info
        self.answer = answer
        self.asked = []

    async def inspect(self, segments):
        self.asked.append([s.text for s in segments])
        if isinstance(self.answer, BaseException):
            raise self.answer
        if callable(self.answer):
            return await self.answer(segments)
        return self.answer


class Eye:
    def __init__(self, answer=(), info=EYE):
        self.info = info
        self.answer = answer
        self.seen = []

    def look(self, segment):
        self.seen.append(segment.text)
        if isinstance(self.answer, BaseException):
            raise self.answer
        return [Finding(self.info.id, "privacy.pii", 1.0, segment, Span(0, 1)) for _ in self.answer]


USUAL = (rule(), rule(Kind.DETECTOR, "odd.eye"))


def bench_of(model=None, eye=None, rules=USUAL, **more):
    box = Toolbox(instant=(eye,) if eye else (), models=(model,) if model else (), **more)
    return Bench(policy(*rules), box)


def finding(score=0.7, hazard="crime.fraud"):
    return Finding("odd.model", hazard, score, segment())


async def forever(_segments):
    await asyncio.Event().wait()


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (RuntimeError("some text"), FailureKind.EXCEPTION),
        (KeyError("x"), FailureKind.EXCEPTION),
        (TimeoutError(), FailureKind.TIMEOUT),
        (forever, FailureKind.TIMEOUT),
        ([finding(math.nan)], FailureKind.INVALID_RESULT),
        ([finding(math.inf)], FailureKind.INVALID_RESULT),
        ([finding(1.01)], FailureKind.INVALID_RESULT),
        ([finding(-0.01)], FailureKind.INVALID_RESULT),
        ([finding(None)], FailureKind.INVALID_RESULT),
        ([finding("0.7")], FailureKind.INVALID_RESULT),
        ([finding(hazard="crime.drugs")], FailureKind.INVALID_RESULT),
        ([finding(), finding(math.nan)], FailureKind.INVALID_RESULT),
        (["unsafe"], FailureKind.INVALID_RESULT),
        (None, FailureKind.INVALID_RESULT),
        ("", FailureKind.INVALID_RESULT),
        (Failure("odd.model", FailureKind.OVERLOADED, "input"), FailureKind.OVERLOADED),
    ],
)
async def test_what_goes_wrong_is_a_failure(answer, kind):
    bench = bench_of(Model(answer), deadline=lambda _characters: 0.05)
    seen = await bench.inspect([segment()])
    assert seen.findings == ()
    assert seen.failures == (Failure("odd.model", kind, "input"),)
    assert [name for name, _ in seen.seconds] == ["instant", "odd.model"]


@pytest.mark.parametrize("score", [0, 0.0, 0.5, 1.0, 1])
async def test_what_goes_well_is_kept(score):
    seen = await bench_of(Model([finding(score)])).inspect([segment()])
    assert ([f.score for f in seen.findings], seen.failures) == ([score], ())


async def test_a_cancelled_exchange_is_no_failure_of_the_detector():
    with pytest.raises(asyncio.CancelledError):
        await bench_of(Model(asyncio.CancelledError())).inspect([segment()])


async def test_a_failed_look_is_not_remembered():
    model = Model(RuntimeError())
    bench = bench_of(model, cache=VerdictCache())
    assert (await bench.inspect([segment()])).failures
    model.answer = []
    assert not (await bench.inspect([segment()])).failures
    assert not (await bench.inspect([segment()])).failures
    assert len(model.asked) == 2  # the third time it was remembered


async def test_no_tenant_is_answered_faster_for_what_another_has_asked():
    model = Model([])
    bench = bench_of(model, cache=VerdictCache())
    for tenant, asked in (("one", 1), ("two", 2), ("one", 2), ("two", 2)):
        await bench.of(tenant).inspect([segment()])
        assert len(model.asked) == asked


async def test_the_deadline_knows_the_length():
    given = []
    bench = bench_of(Model([]), deadline=lambda characters: given.append(characters) or 1.0)
    await bench.inspect([segment("four"), segment("seven..")])
    assert given == [11]


@pytest.mark.parametrize("length", [3, ON_THE_LOOP + 1])
async def test_an_instant_detector_that_breaks_takes_no_other_along(length):
    words = rule(Kind.WORDS, "", phrases=("zorp blick",))
    bench = bench_of(eye=Eye(ValueError()), rules=(words, rule(Kind.DETECTOR, "odd.eye")))
    seen = await bench.inspect([segment("zorp blick " + "x" * length)])
    assert [f.detector for f in seen.findings] == ["words"]
    assert seen.failures == (Failure("odd.eye", FailureKind.EXCEPTION, "input", caused_by_input=True),)
    assert bench.fatal(seen.failures[0])


async def test_text_rules_that_break_fail_for_every_rule_they_serve(monkeypatch):
    rules = (rule(Kind.WORDS, "", phrases=("zorp",)), rule(Kind.PATTERN, "z[o]rp"))
    bench = bench_of(eye=Eye("x"), rules=(*rules, rule(Kind.DETECTOR, "odd.eye")))

    def broken(_self, _segment):
        raise RecursionError

    monkeypatch.setattr("guardproxy.detectors.textrules.TextRules.findings", lambda *_a: broken(None, None))
    seen = await bench.inspect([segment()])
    assert {f.detector for f in seen.failures} == {"words", "pattern", "disguise.over_encoded"}
    assert [f.detector for f in seen.findings] == ["odd.eye"]
    for one in rules:
        assert any(Bench(policy(one), Toolbox()).fatal(failure) for failure in seen.failures)


async def test_half_a_character_never_passes_unseen():
    """RE2 reads UTF-8 and cannot read a lone surrogate; the wire turns them away, and this edge would too."""
    bench = bench_of(rules=(rule(Kind.PATTERN, "z[o]rp"),))
    seen = await bench.inspect([segment("\ud800 zorp")])
    assert [f.rule for f in seen.findings] == ["r"] or any(bench.fatal(failure) for failure in seen.failures)


def test_policy_tests_see_the_exception():
    with pytest.raises(ValueError, match=r"^$"):
        bench_of(eye=Eye(ValueError())).look([segment()])


@pytest.mark.parametrize(
    ("made", "failure", "fatal"),
    [
        (rule(), {}, True),
        (rule(fails=FailMode.OPEN), {}, False),
        (rule(fails=FailMode.OPEN), {"caused_by_input": True}, True),
        (rule(mode=Mode.SHADOW), {}, False),
        (rule(mode=Mode.SHADOW), {"caused_by_input": True}, False),
        (rule(mode=Mode.DISABLED), {}, False),
        (rule(target="hate"), {}, False),
        (rule(target="crime.fraud"), {}, True),
        (rule(Kind.DETECTOR, "odd.model"), {}, True),
        (rule(Kind.DETECTOR, "odd.eye"), {}, False),
        (rule(checks=frozenset({Stage.OUTPUT})), {}, False),
        (rule(checks=frozenset({Stage.OUTPUT})), {"stage": "output"}, True),
        (rule(Kind.WORDS, "", phrases=("a",)), {"detector": "words"}, True),
        (rule(Kind.PATTERN, "a"), {"detector": "words"}, False),
        (rule(Kind.PATTERN, "a"), {"detector": "pattern"}, True),
        (rule(Kind.DETECTOR, "disguise.over_encoded"), {"detector": "disguise.over_encoded"}, True),
    ],
)
def test_which_failures_are_fatal(made, failure, fatal):
    given = {"detector": "odd.model", "kind": FailureKind.TIMEOUT, "stage": "input", **failure}
    assert bench_of(Model([]), rules=(made,)).fatal(Failure(**given)) is fatal


@pytest.mark.parametrize(
    ("made", "wanted"),
    [
        (rule(), True),
        (rule(mode=Mode.SHADOW), True),
        (rule(mode=Mode.DISABLED), False),
        (rule(target="hate"), False),
        (rule(Kind.DETECTOR, "odd.eye"), False),
    ],
)
async def test_only_what_a_rule_needs_runs(made, wanted):
    model = Model([])
    bench = bench_of(model, rules=(made,))
    await bench.inspect([segment()])
    assert bool(model.asked) is wanted
    assert ("odd.model" in bench.detectors) is wanted
    assert bench.classifies is wanted
    assert needs(made, INFO) is (wanted or made.mode is Mode.DISABLED)


A, B = Pointer(("messages", 0)), Pointer(("messages", 1))


@pytest.mark.parametrize(
    ("shown", "model_reads", "eye_reads"),
    [
        (segment(), True, True),
        (segment(""), False, True),
        (segment(identifier=True), False, False),
        (segment(stage=Stage.OUTPUT), True, True),
        (segment("ab", pieces=(Piece(A, 0, 1), Piece(B, 1, 2))), False, True),
        (segment("a b", pieces=(Piece(A, 0, 1), Piece(B, 2, 3))), True, True),
    ],
)
async def test_who_reads_what(shown, model_reads, eye_reads):
    model, eye = Model([]), Eye()
    await bench_of(model, eye).inspect([shown])
    assert (bool(model.asked), bool(eye.seen)) == (model_reads, eye_reads)


async def test_identifiers_are_for_personal_data():
    info = DetectorInfo(
        "odd.eye", "1", frozenset({"privacy.pii"}), Tier.INSTANT, Unit.MATCH, spans=True, personal_data=True
    )
    eye = Eye(info=info)
    await bench_of(eye=eye).inspect([segment(identifier=True)])
    assert eye.seen == ["some text"]


async def test_an_answer_of_our_own_is_read_by_the_letter_only():
    model, eye = Model([]), Eye()
    bench = bench_of(model, eye)
    await bench.inspect([segment("ours", scope=Scope.HISTORY, given=True), segment("theirs", scope=Scope.HISTORY)])
    assert (model.asked, eye.seen) == ([["theirs"]], ["ours", "theirs"])


async def test_a_window_is_for_models_only():
    model, eye = Model([finding()]), Eye("x")
    seen = await bench_of(model, eye).inspect_window(segment(stage=Stage.OUTPUT))
    assert ([f.detector for f in seen.findings], eye.seen) == (["odd.model"], [])


async def test_nothing_to_look_at():
    seen = await bench_of(Model([finding()])).inspect([])
    assert (seen.findings, seen.failures) == ((), ())


def test_scanners_are_fresh_each_time():
    rules = (rule(Kind.WORDS, "", phrases=("zorp",)), rule(Kind.DETECTOR, "pii.email"))
    bench = Bench(policy(*rules), Toolbox(tuple(pii.all_detectors())))
    first, second = bench.scanners(CONTENT), bench.scanners(CONTENT)
    assert len(first) == len(second) == 2
    first[0].feed("zo")
    assert second[0].feed("rp ").findings == ()
    assert len(bench_of().scanners(CONTENT)) == 1


def test_patient_scanners_find_the_same_and_settle_it_at_the_end():
    bench = Bench(policy(rule(Kind.WORDS, "", phrases=("zorp",))), Toolbox())
    (hasty,), (patient,) = bench.scanners(CONTENT), bench.patient_scanners(CONTENT)
    text = "a zorp and then some other words "
    assert hasty.feed(text).safe > patient.feed(text).safe == 0
    assert [f.span for f in patient.flush().findings] == [Span(2, 6)]
    long = bench.patient_scanners(CONTENT)[0]
    assert long.feed(text * 60).safe > 0, "what is held stays bounded"


def test_the_toolbox_says_what_is_installed():
    assert Toolbox((Eye(),), (Model([]),)).infos == (EYE, INFO)


@pytest.mark.parametrize(
    ("rules", "told"),
    [
        ((rule(),), [("odd.model", True), ("windows", True)]),
        ((rule(checks=frozenset({Stage.INPUT})),), [("odd.model", False)]),
        ((rule(Kind.DETECTOR, "odd.eye", checks=frozenset({Stage.INPUT})),), [("odd.eye", False)]),
        ((rule(Kind.WORDS, "", phrases=("kite",)),), [("rule:r", True)]),
        ((rule(mode=Mode.DISABLED),), []),
    ],
)
async def test_who_looks_is_told_with_every_look(rules, told):
    bench = bench_of(Model([]), Eye(), rules=rules)
    seen, window = await bench.inspect([segment()]), await bench.inspect_window(segment(stage=Stage.OUTPUT))
    assert [(looker.name, looker.output) for looker in seen.by] == told
    assert seen.by == window.by


GALLERY = DetectorInfo(
    "gallery", "1", frozenset({"crime.fraud"}), Tier.MODEL, Unit.SCORE, spans=False, media=frozenset({"image", "file"})
)
PLACE = Pointer(("messages", 0, "content", 0))


class Gallery(Model):
    async def inspect_media(self, media):
        self.asked.append([m.kind for m in media])
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer(media) if callable(self.answer) else self.answer


def medium(kind="image", scope=Scope.USER):
    return Medium(kind, Segment.of_medium(Unscannable(kind, PLACE, scope)), {"type": kind})


def gallery_bench(answer=(), *rules, info=GALLERY):
    gallery = Gallery(answer, info)
    return gallery, Bench(policy(*(rules or (rule(),))), Toolbox(media=(gallery,)))


async def test_a_detector_of_media_gets_the_kinds_it_names():
    gallery, bench = gallery_bench(lambda media: [Finding("gallery", "crime.fraud", 0.7, media[0].segment)])
    seen = await bench.inspect_media([medium("audio"), medium("image"), medium("file")])
    assert gallery.asked == [["image", "file"]]
    assert [(f.hazard, f.segment.pieces[0].pointer) for f in seen.findings] == [("crime.fraud", PLACE)]
    assert [name for name, _ in seen.seconds] == ["gallery"]
    assert await bench.inspect_media([medium("audio")]) == await bench.inspect_media([])


async def test_a_part_has_no_places_to_replace():
    _, bench = gallery_bench(lambda media: [Finding("gallery", "crime.fraud", 0.7, media[0].segment, Span(0, 3))])
    assert [f.span for f in (await bench.inspect_media([medium()])).findings] == [None]


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Failure("gallery", FailureKind.UNAVAILABLE, Stage.INPUT), FailureKind.UNAVAILABLE),
        (ValueError("x"), FailureKind.EXCEPTION),
        ("text", FailureKind.INVALID_RESULT),
        (lambda media: [Finding("gallery", "hate.speech", 0.7, media[0].segment)], FailureKind.INVALID_RESULT),
    ],
)
async def test_whatever_goes_wrong_with_media_is_a_failure(answer, kind):
    _, bench = gallery_bench(answer)
    seen = await bench.inspect_media([medium()])
    assert [(f.detector, f.kind, f.stage) for f in seen.failures] == [("gallery", kind, Stage.INPUT)]
    assert bench.fatal(seen.failures[0])


@pytest.mark.parametrize(
    ("kind", "scope", "rules", "read"),
    [
        ("image", Scope.USER, (rule(),), True),
        ("audio", Scope.USER, (rule(),), False),
        ("audio_answer", Scope.USER, (rule(),), False),
        ("image", Scope.TOOL_RESULT, (rule(scopes=frozenset({Scope.USER})),), False),
        ("image", Scope.USER, (rule(mode=Mode.SHADOW),), False),
        ("image", Scope.USER, (rule(target="hate"),), False),
        ("image", Scope.USER, (rule(checks=frozenset({Stage.OUTPUT})),), False),
    ],
)
def test_what_is_read_is_said_by_the_enforced_rules(kind, scope, rules, read):
    _, bench = gallery_bench((), *rules)
    assert bench.reads(Unscannable(kind, PLACE, scope)) is read


def test_a_detector_of_media_makes_no_language_covered():
    only = replace(GALLERY, hazards=frozenset({"crime.fraud"}))
    _, bench = gallery_bench((), info=only)
    assert not bench.covers("is")


async def test_a_detector_of_media_reads_no_text():
    gallery, bench = gallery_bench()
    await bench.inspect([segment()])
    assert gallery.asked == []
    assert bench.detectors == ()


async def test_a_known_text_is_not_looked_at_by_instant_detectors_again():
    eye = Eye("x")
    bench = bench_of(eye=eye, cache=VerdictCache())
    old, new = segment("old"), segment("new")
    await bench.inspect([old])
    again = segment("old")
    seen = await bench.inspect([new, again])
    assert eye.seen == ["old", "new"]
    assert [found.segment for found in seen.findings] == [new, again]


async def test_what_is_remembered_stands_where_it_would_have_been_found():
    rules = (Rule("w", Kind.WORDS, "", Ladder((LadderStep(Action.REFUSE, 1.0),)), phrases=("kite",)), *USUAL)
    texts = [segment("a kite"), segment("b"), segment("another kite")]
    plain, caching = bench_of(eye=Eye("x"), rules=rules), bench_of(eye=Eye("x"), rules=rules, cache=VerdictCache())
    await caching.inspect([texts[1]])
    for _ in range(2):
        assert (await caching.inspect(texts)).findings == (await plain.inspect(texts)).findings


async def test_a_look_that_failed_is_not_remembered():
    eye = Eye(ValueError())
    bench = bench_of(eye=eye, cache=VerdictCache())
    for _ in range(2):
        assert (await bench.inspect([segment()])).failures
    assert len(eye.seen) == 2


async def test_known_texts_do_not_count_for_the_thread(monkeypatch):
    bench = bench_of(eye=Eye(), cache=VerdictCache())
    long = "x" * (ON_THE_LOOP + 1)
    await bench.inspect([segment(long)])
    monkeypatch.setattr(asyncio, "to_thread", None)
    await bench.inspect([segment(long), segment("new")])
