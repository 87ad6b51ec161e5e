"""What `explain` prints for people: the tree of `accounts`, line by line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from guardproxy.cli.accounts import BUILT_IN
from guardproxy.core.rules import Action, Mode

Told = Mapping[str, Any]
FEW = 6
"""Findings of a text, and rules that reached nothing, without `--all`: the surest, the nearest."""


def told(tree: Told, *, every: bool) -> Iterator[str]:
    """All of it; without `every` the rules that reached nothing are cut to the nearest."""
    yield f"policy {tree['policy']} ({tree['policy_hash']})  {tree['file']}"
    if "record" in tree:
        yield from _record_lines(tree["record"])
    for stage in tree["stages"]:
        yield ""
        yield from _stage_lines(stage, every=every)
    if tree["turned_away"]:
        yield f"\nturned away before anything was decided: {tree['turned_away']}"
    if "record" not in tree:
        yield from _reader_lines(tree)
    if tree["not_looked"]:
        yield "\nnobody looked:"
        yield from (f"  {reason}" for reason in tree["not_looked"])


def _record_lines(record: Told) -> Iterator[str]:
    same = "the same policy" if record["same_policy"] else "another policy"
    yield f"decision {record['decision_id']}, recorded under {record['policy']} ({record['policy_hash']}): {same}"
    yield f"  recorded: {', '.join(record['decided']) or record['outcome']}"
    yield from (f"  not in full: {reason}" for reason in record["not_in_full"])
    if record["open_end"]:
        yield f"  {record['open_end']}"


def _reader_lines(tree: Told) -> Iterator[str]:
    """The words, and where they come from."""
    if tree["user_reads"] is None:
        if tree["stages"] and not tree["answer_given"]:
            yield "\nthe user reads the model's answer, and nothing of ours"
        return
    refused = any(stage["decision"]["action"] == Action.REFUSE.word for stage in tree["stages"])
    if tree["asks_again"]:
        yield f"\nthe model is asked again, at most {tree['asks_again']} times; when no draft passes, the user reads:"
    else:
        yield "\nthe user reads:" if refused or tree["answer_given"] else "\nthe user reads, beside the model's answer:"
    yield from (f"  {line}" if line else "" for line in tree["user_reads"].splitlines())
    for text in tree["texts"]:
        where = "" if text["place"] == BUILT_IN else f"  {text['place']}"
        fallbacks = f" ({'; '.join(text['fallbacks'])})" if text["fallbacks"] else ""
        yield f"  from {text['key']}{fallbacks}{where}"


def _stage_lines(stage: Told, *, every: bool) -> Iterator[str]:
    """Texts and findings, rules that reached a step, rules that did not, the decision."""
    yield str(stage["stage"]).upper()
    for text in stage.get("texts", ()):
        yield from _text_lines(text, every=every)
    acting = [rule for rule in stage["rules"] if _acts(rule)]
    below = sorted((rule for rule in stage["rules"] if not _acts(rule) and rule["looks"]), key=_missing)
    idle = [rule for rule in stage["rules"] if not _acts(rule) and not rule["looks"]]
    for rule in acting:
        yield from _rule_lines(rule)
    yield from (f"  rule {r['rule']} {r['score']:.2f} {r['idle']}  {r['place']}" for r in idle if r["idle"])
    shown = below if every else below[:FEW]
    yield from map(_below, shown)
    silent = [rule for rule in idle if not rule["idle"]]
    yield from (
        f"  does not look here: {rule['rule']} {rule['score']:.2f}  {rule['place']}" for rule in silent if every
    )
    for found in stage["heard_by_no_rule"] if every else ():
        yield f"  no rule listens to {_found(found)}"
    yield f"  {_silent(stage, len(below) - len(shown), 0 if every else len(silent))}"
    yield f"  decision: {_decided(stage['decision'])}"


def _silent(stage: Told, hidden: int, away: int) -> str:
    rest = [f"{hidden} more below a step"] if hidden else []
    rest += [f"{away} do not look here"] if away else []
    rest += [f"{stage['silent_rules']} heard nothing"]
    return "other rules: " + ", ".join(rest)


def _text_lines(text: Told, *, every: bool) -> Iterator[str]:
    joined = ", joined" if text["joined"] else ""
    yield f"  text {text['where']} ({text['scope']}, {text['characters']} characters{joined})"
    found: Sequence[Told] = sorted(text["findings"], key=lambda one: -one["score"])
    yield from (f"    {_found(one)}" for one in (found if every else found[:FEW]))
    if len(found) > FEW and not every:
        yield f"    and {len(found) - FEW} more, at most {found[FEW]['score']:.2f} (--all)"
    if not found:
        yield "    nothing was found"


def _found(found: Told) -> str:
    where = f" at {found['span'][0]}:{found['span'][1]}" if found["span"] else ""
    view = "" if found["view"] in ("plain", "window") else f", read as {found['view']}"
    whose = f", rule {found['rule']}" if found["rule"] else ""
    return f"{found['detector']}: {found['hazard']} {found['score']:.2f}{where}{view}{whose}"


def _acts(rule: Told) -> bool:
    return bool(rule["reached"] or rule["logged_by_exception"] or rule["excused_by"])


def _missing(rule: Told) -> float:
    return float(rule["next"]["distance"]) if rule["next"] else 1.0


def _rule_lines(rule: Told) -> Iterator[str]:
    enforced = rule["state"] == Mode.ENFORCE
    yield f"  rule {rule['rule']}  {rule['place']}" + ("" if enforced else f"  [{_state(rule)}]")
    kinds = dict.fromkeys(f"{h['detector']}: {h['hazard']} {h['score']:.2f}" for h in rule["heard"])
    yield f"    heard {', '.join(kinds)}"
    for hole in rule["excused_by"]:
        yield f"    excused by the exception at {hole['place']} (then: {hole['then']})"
    reached, following = rule["reached"], rule["next"]
    if reached:
        would = "reaches" if enforced else "would reach"
        yield f"    {rule['score']:.2f} {would} {reached['action']} from {_from(reached)}"
    if rule["logged_by_exception"]:
        yield "    log, as the exception says"
    if following and rule["score"] > 0:
        yield f"    {following['distance']:.2f} below {following['action']} from {_from(following)}"


def _below(rule: Told) -> str:
    state = "" if rule["state"] == Mode.ENFORCE else f"  [{_state(rule)}]"
    following = rule["next"]
    if not following:
        return f"  not acting: {rule['rule']} {rule['score']:.2f}  {rule['place']}{state}"
    missing = f"{rule['score']:.2f}, {following['distance']:.2f} below {following['action']} from {_from(following)}"
    return f"  below a step: {rule['rule']} {missing}{state}"


def _state(rule: Told) -> str:
    return str(rule["state"]) + (f", {rule['state_place']}" if rule["state_place"] else "")


def _from(step: Told) -> str:
    return f"{step['threshold']:.2f}  {step['place']}"


def _decided(decision: Told) -> str:
    would = ""
    if decision["would_have"] != decision["action"]:
        would = f"; with its shadow rules enforced it would be {decision['would_have']}"
    if decision["action"] == Action.ALLOW.word:
        return f"allow{would}"
    by = f" by {decision['rule']}" if decision["rule"] else ""
    at = f" ({decision['place']})" if decision["place"] else ""
    return f"{decision['action']}{by}{at}, hazard {decision['hazard']}{would}"
