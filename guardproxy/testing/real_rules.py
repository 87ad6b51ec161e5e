"""Real word and pattern rules for the split law, and texts that hold their phrases in common disguises."""

from __future__ import annotations

from base64 import b64encode
from random import Random

from guardproxy.core.conversation import Scope, Segment, Stage
from guardproxy.core.judge import Context
from guardproxy.core.moderator import Plan
from guardproxy.core.rules import Action, Kind, Ladder, LadderStep, Policy, PolicyRef, Rule, Streaming
from guardproxy.detectors.textrules import TextRules

LONGEST_MATCH = 400
_PHRASES = (
    ("violet kettle", "the amber staircase song"),
    ("grünfink", "проект ромашка", "木星计画"),
    ("forget the earlier orders", "moonraker"),
)
_PATTERNS = (r"QX-\d{4}-\d{4}-[A-Z]{4}", r"(?i)pin[:=]\s?\d{4,6}")
_MATCHES = ("QX-2231-9047-LARK", "pin: 48151")
_WORDS = (
    "the", "a", "garden", "violet", "kettle.", "amber", "stairs,", "song", "and", "moon", "forget", "orders", "is",
    "it", "so?", "yes!", "\n\n", "1.", "QX-22", "pin", "9047", "проект", "木星", "e", "x y z", "ok;", "<b>", "don't",
)  # fmt: skip


def rules() -> list[Rule]:
    """Three word rules and two patterns, all refusing."""
    ladder = Ladder((LadderStep(Action.REFUSE, 1.0),))
    words = [Rule(f"words-{n}", Kind.WORDS, "", ladder, phrases=phrases) for n, phrases in enumerate(_PHRASES)]
    return words + [Rule(f"pattern-{n}", Kind.PATTERN, source, ladder) for n, source in enumerate(_PATTERNS)]


def text_rules() -> TextRules:
    """The compiled rules."""
    return TextRules(rules())


def plan() -> Plan:
    """A policy of these rules alone."""
    compiled = text_rules()
    policy = Policy(PolicyRef("real", 1, "0"), tuple(rules()), streaming=Streaming(longest_match=LONGEST_MATCH))
    return Plan(
        policy=policy,
        context=Context(),
        scanners=lambda _channel: (compiled.scanner(LONGEST_MATCH),),
        classifies=False,
        fatal=lambda _failure: True,
    )


def first_match(compiled: TextRules, text: str) -> int | None:
    """Where the first match begins that the look at a whole text finds."""
    found = compiled.look(Segment(text, Stage.OUTPUT, Scope.MODEL))
    return min((f.span.start for f in found if f.span), default=None)


def written(chance: Random) -> str:
    """Ordinary words, and in three of four texts a phrase or match, as it is or disguised."""
    words = [chance.choice(_WORDS) for _ in range(chance.randint(3, 30))]
    if chance.random() < 0.75:
        words.insert(chance.randrange(len(words) + 1), _disguised(chance))
    return " ".join(words)


def _disguised(chance: Random) -> str:
    phrase = chance.choice([p for phrases in _PHRASES for p in phrases] + list(_MATCHES))
    match chance.randrange(8):
        case 0:
            return phrase.upper()
        case 1:
            return "\u200b".join(phrase)
        case 2:
            return b64encode(phrase.encode()).decode()
        case 3:
            return " ".join(phrase.replace(" ", ""))
        case 4:
            return f"**{phrase}**"
        case _:
            return phrase
