"""How many tokens an exchange has used: what the upstream says, or what its texts are worth."""

from __future__ import annotations

from guardproxy.core.conversation import Conversation
from guardproxy.proxy.answering import Moderated
from guardproxy.wire.body import Tree
from guardproxy.wire.quota import Tokens, tokens_of

CHARACTERS_A_TOKEN = 4


class Meter:
    """One for each exchange; it may ask the upstream more than once."""

    def __init__(self) -> None:
        self._before = 0
        self._told = Tokens()
        self._asked = 0
        self._answer: Moderated | None = None

    def begin(self, asked: Conversation, answer: Moderated) -> None:
        """The upstream has taken a request and begins to answer."""
        self._before, self._told, self._answer = self.tokens, Tokens(), answer
        self._asked = sum(len(part.text) for message in (*asked.messages, *asked.extras) for part in message.parts)

    def note(self, tree: Tree) -> None:
        """An answer, or one event of a stream: it may say how many tokens there were."""
        self._told = self._told.with_more(tokens_of(tree))

    @property
    def tokens(self) -> int:
        """So far. Where the upstream does not count: four characters a token, both ways."""
        if self._answer is None:
            return self._before
        worth = -(-(self._asked + self._answer.characters) // CHARACTERS_A_TOKEN)
        return self._before + (self._told.all or worth)
