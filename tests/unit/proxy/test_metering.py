"""Tokens of an exchange: the upstream's word first, its texts else, drafts together."""

from dataclasses import dataclass

from guardproxy.core.conversation import Conversation, Message, Part, Pointer, Role, Scope
from guardproxy.proxy.metering import Meter


@dataclass
class Answer:
    characters: int = 0


def asked(text):
    return Conversation((Message(Role.USER, Scope.USER, (Part(text, Pointer(("input",))),)),))


def test_nothing_was_sent_nothing_was_used():
    assert Meter().tokens == 0


def test_four_characters_a_token_as_they_come():
    meter, answer = Meter(), Answer()
    meter.begin(asked("x" * 9), answer)
    assert meter.tokens == 3
    answer.characters = 10
    assert meter.tokens == 5


def test_what_the_upstream_says_counts_instead():
    meter, answer = Meter(), Answer(1000)
    meter.begin(asked("x" * 9), answer)
    meter.note({"usage": {"input_tokens": 3, "output_tokens": 1}})
    meter.note({"usage": {"output_tokens": 8}})
    meter.note({"choices": []})
    assert meter.tokens == 11


def test_every_draft_is_paid():
    meter = Meter()
    meter.begin(asked("x" * 8), Answer(4))
    meter.begin(asked("x" * 8), Answer())
    meter.note({"usage": {"prompt_tokens": 5, "completion_tokens": 5}})
    assert meter.tokens == 3 + 10
