"""Which answer is somebody's first."""

from datetime import date
from pathlib import Path

import pytest

from guardproxy.core.conversation import Conversation, Message, Part, Pointer, Role, Scope
from guardproxy.core.introduction import is_first_contact
from guardproxy.policy.messages import load

CATALOGUE = load(Path(__file__).parents[3] / "policies", date(2026, 11, 24))
REFUSED = "I can't help with this.\n\nThis reply comes from the safety policy of X, not from the model. Reference R1."
TOLD = f"You are talking to an AI system.\n\n{REFUSED}"
ROLES = {"s": Role.SYSTEM, "u": Role.USER, "a": Role.ASSISTANT}


def conversation(*said, batch=False):
    """`u: hello` and so on."""
    messages = []
    for at, one in enumerate(said):
        role, _, text = one.partition(": ")
        messages.append(Message(ROLES[role], Scope.USER, (Part(text, Pointer(("messages", at))),)))
    return Conversation(tuple(messages), batch=batch)


@pytest.mark.parametrize(
    ("said", "first"),
    [
        ((), True),
        (("u: hello",), True),
        (("s: Be kind.", "u: hello"), True),
        (("a: How may I help?", "u: hello"), True),
        (("u: hello", "u: anybody?"), True),
        (("u: hello", "a: Sure, it"), True),
        (("u: hello", "a:  ", "u: hello?"), True),
        (("u: hello", "a: Hi.", "u: more"), False),
        (("a: How may I help?", "u: hello", "a: Hi.", "u: more"), False),
        (("u: hello", f"a: {REFUSED}", "u: more"), True),
        (("u: hello", f"a: {TOLD}", "u: more"), False),
        (("u: hello", f"a: {REFUSED}", "u: more", "a: Hi.", "u: more"), False),
    ],
)
def test_first_contact(said, first):
    assert is_first_contact(conversation(*said), CATALOGUE) is first


def test_of_many_texts_none_is_first():
    assert not is_first_contact(conversation("u: a", "u: b", batch=True), CATALOGUE)
