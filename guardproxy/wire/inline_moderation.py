"""OpenAI's inline `moderation` of chat completions and responses: what is asked (wire.md 5).

    take_moderation(tree) -> tuple[Tree, ModerationAsk | None]     the request without it; raises errors.BadRequest

The member is for us and goes no further. What is answered: `moderations.stage_member`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from guardproxy.core.conversation import Stage
from guardproxy.errors import BadRequest
from guardproxy.wire.body import Tree, place_name

NAME = "moderation"


class ModerationMode(StrEnum):
    """`score` reports; `block` refuses what is flagged, too."""

    SCORE = "score"
    BLOCK = "block"


@dataclass(frozen=True, slots=True)
class ModerationAsk:
    """What was asked for. A stage that is not named is reported."""

    input: ModerationMode = ModerationMode.SCORE
    output: ModerationMode = ModerationMode.SCORE

    def blocks(self, stage: Stage) -> bool:
        """True when a flagged stage must be refused."""
        return (self.input if stage is Stage.INPUT else self.output) is ModerationMode.BLOCK


def take_moderation(tree: Tree) -> tuple[Tree, ModerationAsk | None]:
    """The model named there is any word: our own detectors look. Members that nobody knows have no effect."""
    value = tree.get(NAME)
    rest = {name: member for name, member in tree.items() if name != NAME}
    if value is None:
        return rest if NAME in tree else tree, None
    _object(value, (NAME,))
    if not isinstance(value.get("model"), str):
        raise _wrong((NAME, "model"), "a string")
    policy = value.get("policy")
    if policy is None:
        return rest, ModerationAsk()
    _object(policy, (NAME, "policy"))
    modes = {stage: _mode(policy.get(stage), (NAME, "policy", stage)) for stage in ("input", "output")}
    return rest, ModerationAsk(modes["input"], modes["output"])


def _mode(value: Any, path: tuple[str, ...]) -> ModerationMode:
    if value is None:
        return ModerationMode.SCORE
    _object(value, path)
    try:
        return ModerationMode(value.get("mode"))
    except ValueError:
        raise _wrong((*path, "mode"), "score or block") from None


def _object(value: Any, path: tuple[str, ...]) -> None:
    if not isinstance(value, dict):
        raise _wrong(path, "an object")


def _wrong(path: tuple[str, ...], wanted: str) -> BadRequest:
    place = place_name(path)
    return BadRequest(f"{place} must be {wanted}", code="invalid_type", param=place)
