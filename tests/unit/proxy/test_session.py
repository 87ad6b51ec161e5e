"""Who a session belongs to, and when it is watched at all."""

from __future__ import annotations

from dataclasses import replace

import pytest

from guardproxy.core.conversation import Conversation, Message, Part, Pointer, Role, Scope, Stage
from guardproxy.core.cool_down import Mark, Pause, Pauses
from guardproxy.core.decide import decide
from guardproxy.core.escalation import Level
from guardproxy.core.rules import Action, CoolDown, Escalation, Ladder, LadderStep, Policy, PolicyRef
from guardproxy.core.session import SessionState
from guardproxy.observe.outcome import subject_of
from guardproxy.proxy.session import Who, subject_named, watch_of, who_of
from guardproxy.state.sessions import Sessions

REF = PolicyRef("p", 1, "h")
PLAIN = Policy(REF, ())
WATCHED = Policy(
    REF, (), escalation=Escalation(("crime",), Ladder((LadderStep(Action.WARN, 1.0),))), cool_down=CoolDown(3, 900, 600)
)


def said(*texts):
    """User and assistant in turn."""
    roles = [(Role.USER, Scope.USER), (Role.ASSISTANT, Scope.HISTORY)]
    return Conversation(
        tuple(
            Message(*roles[at % 2], (Part(text, Pointer(("messages", at, "content"))),))
            for at, text in enumerate(texts)
        )
    )


SAID = said("good morning", "Good morning.", "I have a question about the herons in our park")


def who(conversation=SAID, **given):
    return who_of(Sessions(b"k"), "t", conversation, **{"identifier": None, "header": "", **given})


@pytest.mark.parametrize(
    ("given", "source"),
    [
        ({"identifier": "u", "header": "h"}, "safety_identifier"),
        ({"identifier": "", "header": "h"}, "header"),
        ({}, "history"),
    ],
)
def test_the_surest_name_counts(given, source):
    assert who(**given).source == source


def test_texts_of_a_batch_and_nameless_ones_are_nobody_s():
    assert who(replace(SAID, batch=True), header="h") is None
    assert who(Conversation(())) is None


def test_a_history_tells_sessions_apart_once_it_says_enough():
    assert (
        who(said("hi"))
        == who(said("how do I bake bread with rye flour in an oven that is too small"))
        == Who("history", "")
    )
    assert who(said("hi", "Hello.", "and you?")).key == ""
    assert who(said("hi", "Hello.", "I have a question about herons and bread")).key != ""


def test_what_follows_the_beginning_changes_nothing_and_the_beginning_everything():
    later = said("good morning", "Good morning.", "I have a question about the herons in our park", "Yes?", "Why grey?")
    assert who(later) == who()
    assert who(said("good evening", "", "I have a question about the herons in our park")) != who()
    assert who(said("good morning", "", "I have a question about the herons in your park")) != who()


async def test_nothing_is_remembered_of_a_session_nobody_can_tell_apart():
    sessions = Sessions(b"k")
    watch = await watch_of(sessions, Who("history", ""), WATCHED, 10.0)
    watch.visit.heed(said("hi"), [], decide([], REF, Stage.INPUT))
    watch.settle((), ())
    await watch.keep()
    assert len(sessions) == 0
    assert watch.note().source == "history"


async def test_only_a_policy_that_asks_for_it_watches():
    assert await watch_of(Sessions(b"k"), who(), PLAIN, 0.0) is None
    assert await watch_of(Sessions(b"k"), None, WATCHED, 0.0) is None
    assert await watch_of(Sessions(b"k"), who(), WATCHED, 0.0) is not None


async def test_a_turn_is_kept_once_and_as_long_as_something_counts():
    sessions = Sessions(b"k")
    pauses = Pauses((Mark("crime", 0.0),), (Pause("weapons", 5000.0),))
    sessions.put(who().key, SessionState((Level("crime.fraud", 1.5, 1),), pauses, 0.0), 9000.0)
    watch = await watch_of(sessions, who(), WATCHED, 10.0)
    watch.visit.heed(SAID, [], decide([], REF, Stage.INPUT))
    watch.settle((), ())
    await watch.keep()
    kept = sessions.get(who().key, 4999.0)
    await watch.keep()
    assert sessions.get(who().key, 4999.0) is kept
    assert sessions.get(who().key, 5000.0) == SessionState(at=5000.0)
    note = watch.note()
    assert (note.source, note.step, note.paused) == ("history", "warn", ("weapons",))


@pytest.mark.parametrize(
    ("identifier", "header", "expected"),
    [
        ("ann", "tab-1", ("safety_identifier", "ann")),
        (None, "tab-1", ("header", "tab-1")),
        ("", "", None),
        (None, "", None),  # whoever began with some words cannot ask for anything
    ],
)
def test_whom_the_log_is_to_forget_on_request(identifier, header, expected):
    wanted = subject_of("t", *expected) if expected else ""
    assert subject_named("t", identifier=identifier, header=header) == wanted
