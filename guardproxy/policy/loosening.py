"""Does a changed rule act less than before? (`policy-language.md` 7)"""

from __future__ import annotations

from guardproxy.core.canonical import fold_key
from guardproxy.core.rules import Action, FailMode, Ladder, Mode, Rule
from guardproxy.policy.values import Fields

_STRICTNESS = {"allow": 0, "warn": 1, "escalate": 2, "refuse": 3}
_POLICY_WIDE = {"on_unscannable": "refuse", "uncovered_language": "allow", "logit_bias": "allow"}
"""What a policy does where no rule speaks, and what it does when it says nothing of it."""
_RANK = {Mode.ENFORCE: 2, Mode.SHADOW: 1, Mode.DISABLED: 0}


def looser(old: Rule, new: Rule) -> list[str]:
    """Each way in which `new` acts less, as `old → new`; [] when it does not."""
    if old.mode is Mode.DISABLED:
        return []
    found = []
    if _RANK[new.mode] < _RANK[old.mode]:
        found.append(f"mode {old.mode} → {new.mode}")
    if new.level > old.level:
        found.append(f"level {old.level} → {new.level}")
    if _milder(old.ladder, new.ladder):
        found.append(f"{spelled(old.ladder)} → {spelled(new.ladder)}")
    for what, before, after in (("checks", old.checks, new.checks), ("scopes", old.scopes, new.scopes)):
        if before - after:
            found.append(f"{what} {_names(before)} → {_names(after)}")
    if old.fails is FailMode.CLOSED and new.fails is FailMode.OPEN:
        found.append("if_detector_fails closed → open")
    gone = {fold_key(p) for p in set(old.phrases) - set(new.phrases)} - {fold_key(p) for p in new.phrases}
    if gone:
        found.append(f"{len(gone)} phrases removed")
    return found


def looser_outside_rules(old: Fields, new: Fields) -> list[str]:
    """The keys by which a policy does less than its parent where no rule speaks, as `key old → new`."""
    found = []
    for key, unsaid in _POLICY_WIDE.items():
        before, after = (str(f[key].value) if key in f else unsaid for f in (old, new))
        if _STRICTNESS[after] < _STRICTNESS[before]:
            found.append(f"{key} {before} → {after}")
    return found


def _milder(old: Ladder, new: Ladder) -> bool:
    """Is there a score at which the new ladder does less?"""
    for step in old.steps:
        reached = new.reached(step.threshold)
        if (reached.action if reached else Action.ALLOW) < step.action:
            return True
    return False


def spelled(ladder: Ladder) -> str:
    """A ladder on one line: `warn 0.70, refuse 0.90`."""
    return ", ".join(f"{s.action.word} {s.threshold:.2f}" for s in ladder.steps) or "nothing"


def _names(words: frozenset[object]) -> str:
    return "+".join(sorted(str(w) for w in words)) or "none"
