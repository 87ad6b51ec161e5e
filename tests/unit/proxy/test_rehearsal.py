"""One exchange played without sockets: decisions and words as in the proxy."""

from dataclasses import replace
from datetime import date

import pytest

from guardproxy.core.conversation import Stage
from guardproxy.core.escalation import Level
from guardproxy.core.judge import Context
from guardproxy.core.rules import (
    Action,
    Disclosing,
    Escalation,
    Kind,
    Ladder,
    LadderStep,
    LocaleTexts,
    Mode,
    NoticePlace,
    Policy,
    PolicyRef,
    Rule,
)
from guardproxy.core.session import SessionState, Visit
from guardproxy.detectors.bench import Toolbox
from guardproxy.errors import ModelFilesError
from guardproxy.policy.messages import load
from guardproxy.policy.shipped import directory
from guardproxy.proxy import rehearsal as module
from guardproxy.proxy.corpus import row_of
from guardproxy.proxy.languages import Languages
from guardproxy.proxy.rehearsal import Rehearsal, Workbench, workbench
from guardproxy.proxy.settings import DetectorSettings, ServiceSettings, Settings
from guardproxy.state.answers import Answers

CATALOGUE = load(directory(), date(2026, 11, 24))


def words(name, action, phrase, **more):
    return Rule(name, Kind.WORDS, "", Ladder((LadderStep(action, 1.0),)), phrases=(phrase,), **more)


POLICY = Policy(
    PolicyRef("p", 1, "0"),
    (
        words("no", Action.REFUSE, "bluefinch", counts_as="custom", topic=LocaleTexts((("en", "finches"),))),
        words("hide", Action.REDACT, "captain turnip", replace_with="[name]"),
        words("note", Action.WARN, "garden ladder", place=NoticePlace.AFTER, counts_as="advice.legal"),
        words("again", Action.REGENERATE, "blazing turnip", checks=frozenset({Stage.OUTPUT})),
        words("watch", Action.REFUSE, "paper submarine", mode=Mode.SHADOW),
        Rule("contempt", Kind.HAZARD, "hate", Ladder((LadderStep(Action.REFUSE, 0.5),))),
    ),
    max_input_chars=200,
)


@pytest.fixture
def play(model):
    bench = Workbench(Toolbox(models=(model,)), CATALOGUE, Languages(), ServiceSettings())

    async def played(locale="", *, first_turn=False, **row):
        item = row_of(row, "1").item
        policy = replace(POLICY, disclosing=Disclosing(first_turn=first_turn))
        return await Rehearsal(bench, policy, Context(now=1_800_000_000.0), locale).play(item)

    return played


@pytest.mark.parametrize(
    ("row", "actions", "rules", "text"),
    [
        ({"text": "a calm walrus"}, [Action.ALLOW], [""], ""),
        ({"text": "a walrus", "assistant": "Fine."}, [Action.ALLOW, Action.ALLOW], ["", ""], "Fine."),
        (
            {"text": "hi", "assistant": "It was captain turnip."},
            [Action.ALLOW, Action.REDACT],
            ["", "hide"],
            "It was [name].",
        ),
        ({"text": "a paper submarine", "assistant": "Fine."}, [Action.ALLOW, Action.ALLOW], ["", ""], "Fine."),
        ({"assistant": "Fine."}, [Action.ALLOW], [""], "Fine."),
    ],
)
async def test_what_passes(play, row, actions, rules, text):
    played = await play(**row)
    assert [d.action for d in played.decisions] == actions
    assert [d.rule_name for d in played.decisions] == rules
    assert (played.text, played.turned_away) == (text, "")


async def test_a_refused_request_has_no_answer(play):
    played = await play(text="a bluefinch", assistant="Fine.")
    assert (played.input.action, played.output) == (Action.REFUSE, None)
    assert "finches" in played.text
    assert "Reference EXAMPLE" in played.text
    assert played.rendered[0].key.endswith("@en")


async def test_a_withheld_answer_in_the_readers_language(play):
    played = await play("de", text="hi", assistant="The gloomp is here.")
    assert played.output.rule_name == "contempt"
    assert "nicht vom Modell" in played.text


async def test_an_answer_that_is_to_be_written_again_shows_the_fallback(play):
    played = await play(text="hi", assistant="You blazing turnip.")
    assert (played.output.action, played.output.rule_name) == (Action.REGENERATE, "again")
    assert "not from the model" in played.text


async def test_notices_stand_around_the_answer(play):
    played = await play(text="a garden ladder", assistant="Two metres.")
    assert played.text.startswith("Two metres.\n\n")
    alone = await play(text="a garden ladder")
    assert played.text == f"Two metres.\n\n{alone.text}"


async def test_what_is_turned_away_and_what_cannot_be_judged(play, model):
    played = await play(text="x" * 201)
    assert played.turned_away
    assert not played.unavailable
    model.fails = True
    failed = await play(text="a calm walrus")
    assert failed.unavailable
    assert [failure.detector for failure in failed.failures] == ["m"]


async def test_the_detectors_of_the_settings():
    settings = Settings(detectors=DetectorSettings(embedded=False))
    async with workbench(settings, 1_800_000_000.0) as bench:
        assert bench.missing == "switched off by the settings"
        assert not bench.toolbox.models
        assert bench.languages.of("Guten Morgen, wie geht es Ihnen heute?") == "de"


class Broken:
    closed = False

    async def ready(self):
        raise ModelFilesError("the model is cut")

    async def close(self):
        self.closed = True


async def test_classifiers_whose_files_are_missing_are_left_out(monkeypatch):
    broken = Broken()
    monkeypatch.setattr(module, "classifiers", lambda _settings: broken)
    async with workbench(Settings(), 1_800_000_000.0) as bench:
        assert (bench.missing, bench.toolbox.models) == ("the model is cut", ())
    assert broken.closed


AI = "You are talking to an AI system."


async def test_the_first_answer_says_that_an_ai_speaks(play):
    played = await play(text="a garden ladder", assistant="Two metres.", first_turn=True)
    assert played.text.startswith(f"{AI}\n\nTwo metres.")
    assert "catalogue/lines/ai_notice@en" in {one.key for one in played.rendered}
    refused = await play(text="the bluefinch", first_turn=True)
    assert refused.text.startswith(f"{AI}\n\nI can't help")
    again = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "Hello."}]
    later = await play(messages=[*again, {"role": "user", "content": "more"}], assistant="Two metres.", first_turn=True)
    assert later.text == "Two metres."


async def test_a_turn_of_a_session_meets_its_step_and_knows_the_answers_before(model):
    policy = replace(POLICY, escalation=Escalation(("hate",), Ladder((LadderStep(Action.REFUSE, 1.0),)), 0.1))
    rules = (replace(policy.rules[-1], ladder=Ladder((LadderStep(Action.REFUSE, 0.99),))),)
    bench = Workbench(Toolbox(models=(model,)), CATALOGUE, Languages(), ServiceSettings())
    rehearsal = Rehearsal(bench, replace(policy, rules=rules), Context(now=1_800_000_000.0), "en")
    answers = Answers(b"")
    first = await rehearsal.play(row_of({"text": "hi", "assistant": "The gloomp is here."}, "1").item, None, answers)
    assert answers.gave("", first.text)
    visit = Visit(rehearsal.policy, SessionState((Level("hate.threat", 1.5, 1),), at=1_800_000_000.0), 1_800_000_000.0)
    asked = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": first.text}]
    played = await rehearsal.play(
        row_of({"messages": [*asked, {"role": "user", "content": "a gloomp"}]}, "2").item, visit, answers
    )
    assert (played.input.action, played.input.rule_name) == (Action.REFUSE, "session")
    again = await rehearsal.play(
        row_of({"messages": [*asked, {"role": "user", "content": "a walrus"}]}, "3").item, visit, answers
    )
    assert again.input.action is Action.ALLOW
