"""What one effective policy asks for that cannot be, or that its owner should know: windows, dates, dead rules."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from guardproxy.core.conversation import Stage
from guardproxy.core.hazards import covers, family_of
from guardproxy.core.rules import Action, FailMode, Kind, Mode, Release, Rule, Source
from guardproxy.policy.compile import get, part, streaming_of
from guardproxy.policy.compose import Effective, Placed
from guardproxy.policy.hearing import World
from guardproxy.policy.problems import Problems
from guardproxy.policy.written import Written

_LONGEST_EXCEPTION = timedelta(days=366)
_SOON = timedelta(days=30)


def check_streaming(made: Effective, problems: Problems) -> None:
    """GP401, GP402, GP710."""
    streaming, own = streaming_of(made.fields), part(made.fields, "streaming")
    output = [r for r in made.compiled if r.enforced and Stage.OUTPUT in r.checks]
    if streaming.release is Release.IMMEDIATE and output:
        hint = "release: after_check, or no enforced rule that checks output"
        message = f"text is released before it is checked, and {output[0].id} is to stop it"
        problems.error("GP401", own["release"].place, message, hint)
    window = part(own, "window")
    if "window" in own and (2 * streaming.overlap >= streaming.characters or streaming.overlap >= streaming.first):
        place = window["overlap"].place if "overlap" in window else own["window"].place
        message = f"an overlap of {streaming.overlap} does not fit windows of {streaming.first}/{streaming.characters}"
        problems.error("GP402", place, message, "below half of characters, and below first")
    again = [r for r in output if any(s.action is Action.REGENERATE for s in r.ladder.steps)]
    if again and streaming.release is not Release.BUFFER:
        place = own["release"].place if "release" in own else again[0].source
        message = "an answer that has begun cannot be written again"
        problems.warning("GP710", place, message, "streaming: {release: buffer}")


def check_levels(made: Effective, problems: Problems) -> None:
    """GP219 once more, for levels that came together from two policies."""
    scene = made.scene
    own = made.document.fields.get("levels")
    if own is not None and scene.shadow < scene.enforce and len(own.value) == 1:
        message = f"levels.shadow {scene.shadow} (inherited) is below levels.enforce {scene.enforce}"
        if not any(row.place == own.place and row.code == "GP219" for row in problems):
            problems.error("GP219", own.place, message, "write both")


def check_exceptions(made: Effective, world: World, problems: Problems) -> None:
    """GP306, GP704; words need spans (GP210)."""
    rules = {rule.id: rule for rule in made.rules}
    for written in made.document.exceptions:
        _check_end(written, world, problems)
        when, target = part(written.fields, "when"), written.fields.get("rule")
        rule = rules.get(target.value) if target is not None else None
        if "words" in when and rule is not None and not _has_spans(rule, world):
            message = f"{rule.id} gives no places in the text, so words cannot narrow it"
            problems.error("GP210", when["words"].key, message, "narrow by routes or tenants")


def _check_end(written: Written, world: World, problems: Problems) -> None:
    field = written.fields.get("expires")
    if field is None:
        return
    if field.value < world.today:
        if world.serving:
            problems.warning("GP306", field.place, f"the exception ended on {field.value} and no longer applies")
        else:
            problems.error("GP306", field.place, f"the exception ended on {field.value}", "take it out, or renew it")
    elif field.value - world.today > _LONGEST_EXCEPTION:
        problems.error("GP306", field.place, "more than 366 days ahead", "exceptions are looked at once a year")
    elif field.value - world.today <= _SOON:
        problems.warning("GP704", field.place, f"the exception ends in {(field.value - world.today).days} days")


def _has_spans(rule: Placed, world: World) -> bool:
    if "words" in rule.fields or "pattern" in rule.fields:
        return True
    if "detector" in rule.fields:
        info = world.named(rule.fields["detector"].value)
        return info is None or info.spans
    reporting = world.reporting(rule.fields["hazard"].value)
    return bool(reporting) and all(info.spans for info in reporting)


def advise(made: Effective, problems: Problems) -> None:
    """GP705, GP712, GP714."""
    document = made.document
    compiled = made.compiled
    failing_open = [r for r in compiled if r.enforced and r.fails is FailMode.OPEN]
    for rule in failing_open:
        if any(p.id == rule.id and p.home == document.name for p in made.rules):
            problems.warning("GP712", rule.source, f'"{rule.id}" fails open: unchecked text passes')
    if get(document.fields, "on_unscannable", "refuse") == "allow":
        place = document.fields["on_unscannable"].place
        problems.warning("GP712", place, "pictures, sound and files pass unchecked")
    looked_at = part(document.fields, "conversation").get("messages")
    if looked_at is not None and looked_at.value != "all":
        count = looked_at.value
        message = f"only the latest {count} messages are checked" if count > 1 else "only the latest message is checked"
        problems.warning("GP714", looked_at.place, message, "messages: all")
    _dead_rules(made, compiled, problems)


def _dead_rules(made: Effective, compiled: tuple[Rule, ...], problems: Problems) -> None:
    """GP705. Earlier rules are found by what they listen to: 2,000 rules are compared in no time."""
    own = {p.id: p.place for p in made.rules if p.home == made.document.name}
    earlier: dict[str, list[Rule]] = {}
    for rule in compiled:
        if rule.mode is not Mode.ENFORCE:
            continue
        if rule.id in own:
            _outranked(rule, [r for key in _asked_for(rule) for r in earlier.get(key, ())], own[rule.id], problems)
        for key in rule.phrases or (f"{rule.kind}:{rule.target}",):
            earlier.setdefault(key, []).append(rule)


def _asked_for(rule: Rule) -> tuple[str, ...]:
    if rule.kind is Kind.WORDS:
        return rule.phrases[:1]
    own = f"{rule.kind}:{rule.target}"
    return (own, f"{rule.kind}:{family_of(rule.target)}") if rule.kind is Kind.HAZARD else (own,)


def _outranked(rule: Rule, earlier: Sequence[Rule], place: Source, problems: Problems) -> None:
    for before in earlier:
        if _sees_more(before, rule) and _does_more(before, rule):
            problems.warning("GP705", place, f'"{rule.id}" can never decide: "{before.id}" always outranks it')
            return


def _sees_more(before: Rule, rule: Rule) -> bool:
    """Whatever `rule` hears, the earlier one hears too."""
    if before.kind is not rule.kind or not (rule.checks <= before.checks and rule.scopes <= before.scopes):
        return False
    match rule.kind:
        case Kind.HAZARD:
            return covers(before.target, rule.target)
        case Kind.WORDS:
            return set(rule.phrases) <= set(before.phrases)
        case _:
            return before.target == rule.target


def _does_more(before: Rule, rule: Rule) -> bool:
    """At each step of `rule` the earlier one does at least as much."""
    for step in rule.ladder.steps:
        reached = before.ladder.reached(step.threshold)
        if reached is None or reached.action < step.action:
            return False
    return True
