"""Does the answer that comes now meet its reader for the first time (`disclosure.first_turn`)? Pure."""

from __future__ import annotations

from guardproxy.core.catalogue import Catalogue
from guardproxy.core.conversation import Conversation, Message, Role
from guardproxy.core.refusal import is_own_refusal, text_there


def is_first_contact(conversation: Conversation, catalogue: Catalogue) -> bool:
    """True while the user has had no answer.

    A greeting in front of the first question is none, nor are words at the end that the model is to go on from. A
    refusal of ours counts when it told that an AI speaks. Of texts that nobody reads one after the other none is first.
    """
    asked, last = False, len(conversation.messages) - 1
    for at, message in enumerate(conversation.messages):
        if message.role is Role.USER:
            asked = True
        elif message.role is Role.ASSISTANT and asked and at < last and _is_answer(message, catalogue):
            return False
    return not conversation.batch


def _is_answer(message: Message, catalogue: Catalogue) -> bool:
    text = "\n".join(part.text for part in message.parts)
    if not is_own_refusal(text, catalogue):
        return bool(text.strip())
    return any(text_there(text, words.lines.ai_notice) for words in catalogue.locales.values())
