"""What a cell promises: verdict, wire form, headers, record, counters, and what the upstream got."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import Any

from guardproxy.testing.scripts import Script
from tests.conformance.cells import Cell
from tests.conformance.running import Running, Series, series
from tests.conformance.vocabulary import (
    ANSWER,
    CALM,
    CUT,
    HARD,
    INPUT,
    LATE,
    MODELS,
    NOTICE,
    OUTPUT,
    PLAIN,
    STYLED,
    WITHHELD,
    Seen,
)

POLICY, REVISION = "matrix", 7
FAULT, REFUSED, AGAIN = "error", "refuse", "regenerate"
BROKEN = {"fault": "test.fragile", "open": "test.brittle"}
UPSTREAM_FAULT = "upstream_protocol_error"


@dataclass(frozen=True, slots=True)
class Expected:
    """`outcome`: the word in header, record and counter. `stages`: the decisions that are made. `called`: how often the
    upstream was."""

    outcome: str
    rule: str
    stages: tuple[tuple[str, str], ...]
    called: int
    error: str = ""

    @property
    def refused_at(self) -> str:
        return next((stage for stage, action in self.stages if action == REFUSED), "")


@dataclass(frozen=True, slots=True)
class Asked:
    """What came of asking: the answer, what the client read, the record, what the upstream got."""

    status: int
    headers: dict[str, str]
    raw: bytes
    seen: Seen
    records: list[dict[str, Any]]
    sent: list[bytes]


def expected(cell: Cell, asked: Asked) -> Expected:
    """Worked out from the contract and the cell alone; but whether a stream was in time to be written again, it says."""
    place, action = cell.place, cell.action
    rule = place.rule or place.words(action).rule
    word = "allow" if action in ("shadow", "open") or place.dropped else place.becomes.get(action, action)
    word = REFUSED if word in STYLED else word
    if action == AGAIN and not cell.driver.judges and (not cell.driver.how.instructed or _came_late(cell, asked)):
        word = REFUSED
    rule = "" if word == "allow" else rule
    if cell.driver.judges:
        return _judged(cell, word, rule)
    output_too = bool(cell.driver.outputs) and (cell.stage == OUTPUT or cell.driver.how.output)
    if cell.stage == INPUT:
        if word == "fault":
            return Expected(FAULT, "", (), called=False, error="guard_unavailable")
        later = (("output", "allow"),) if output_too and word != REFUSED else ()
        return Expected(word, rule, (("input", word), *later), called=word != REFUSED)
    if word == "fault":
        return Expected(FAULT, "", (("input", "allow"),), called=True, error="guard_unavailable")
    if word == "withdrawn":
        stages = (("input", "allow"), ("output", action))
        return Expected(FAULT, "", stages, called=True, error=UPSTREAM_FAULT)
    return Expected(word, rule, (("input", "allow"), ("output", word)), called=1 + (word == AGAIN))


def _came_late(cell: Cell, asked: Asked) -> bool:
    """True when something of the draft had left already."""
    return cell.form != PLAIN and asked.records[0]["outcome"] == REFUSED


def _judged(cell: Cell, word: str, rule: str) -> Expected:
    before = (("input", "allow"),) if cell.stage == OUTPUT and not cell.place.alone else ()
    if word == "fault":
        return Expected(FAULT, "", before, called=False, error="guard_unavailable")
    if cell.driver.how.acts:
        return Expected(word, rule, (*before, (cell.stage, word)), called=False)
    return Expected("allow", "", ((cell.stage, "allow"),), called=False)


def ask(cell: Cell, proxy: Running) -> Asked:
    """Asks once. AssertionError when the answer is not well-formed."""
    driver, place = cell.driver, cell.place
    stream = cell.form != PLAIN
    text = place.text(cell.action)
    if cell.stage == OUTPUT and not driver.judges:
        drafts = [_script(cell), driver.calm(stream)] if cell.action == AGAIN else [_script(cell)]
        proxy.upstream.answer_with(lambda _: drafts.pop(0) if len(drafts) > 1 else drafts[0])
    elif not driver.judges:
        proxy.upstream.answer_with(driver.calm(stream))
    before = len(proxy.upstream.requests)
    body = driver.request(cell.stage, place, text, stream)
    if cell.action in MODELS:
        body["model"] = MODELS[cell.action]
    answered = proxy.post(driver.path, body, dict(driver.headers))
    sent = [request.body for request in proxy.upstream.requests[before:]]
    raw = answered.content
    seen = driver.read(answered.status_code, raw, stream)
    return Asked(answered.status_code, dict(answered.headers), raw, seen, proxy.new_records(), sent)


def _script(cell: Cell) -> Script:
    """What the upstream says in an output cell."""
    place = cell.place
    if place.script is None:
        raise AssertionError("an output channel needs a script")
    return place.script(place.text(cell.action), cell.form, CALM if cell.form == LATE else "")


def _squeezed(text: str) -> str:
    """A released text may end cleaner than it came."""
    return "".join(text.split())


def hold(cell: Cell, asked: Asked) -> None:
    """Everything but the counters."""
    promised = expected(cell, asked)
    _check_upstream(cell, promised, asked)
    _check_client(cell, promised, asked)
    _check_form(cell, promised, asked)
    _check_headers(cell, promised, asked)
    _check_record(cell, promised, asked)


def route_of(cell: Cell) -> str:
    """Routes are called after their models here."""
    return MODELS.get(cell.action, "default")


def counted(cell: Cell, asked: Asked) -> Counter[Series]:
    """How far the cell moves the counters."""
    promised, driver = expected(cell, asked), cell.driver
    moved: Counter[Series] = Counter()
    stages = {one["stage"] for record in asked.records for one in record["stages"] if one["action"] == "allow"}
    if promised.outcome == FAULT and asked.status == 200 and "output" in stages:
        moved[series("decisions_total", stage="output", action="allow", policy=POLICY)] += 1
    moved[series("requests_total", route=route_of(cell), surface=driver.name, outcome=promised.outcome)] += 1
    for stage, action in promised.stages:
        moved[series("decisions_total", stage=stage, action=action, policy=POLICY)] += 1
    if promised.outcome == REFUSED:
        hazard = "privacy" if cell.place.identifier else "custom"
        hazard = "unscannable" if promised.rule == "unscannable" else hazard
        moved[series("refusals_total", stage=promised.refused_at, hazard=hazard, policy=POLICY)] += 1
    words = cell.place.words(cell.action)
    if words.rule and cell.action not in BROKEN and not cell.place.dropped and cell.place.rule != "unscannable":
        shadow = cell.action == "shadow" or (cell.driver.judges and not cell.driver.how.acts)
        word = REFUSED if cell.action in ("shadow", *STYLED) else cell.action
        word = REFUSED if word == AGAIN and not cell.driver.how.instructed else word
        mode = "shadow" if shadow else "enforce"
        moved[series("rule_hits_total", rule=words.rule, action=word, mode=mode)] += 1
    if cell.action == "open" and not cell.place.dropped:
        moved[series("unchecked_total", stage=cell.stage, reason="detector_error")] += 1
    return moved


def _check_upstream(cell: Cell, promised: Expected, asked: Asked) -> None:
    assert len(asked.sent) == promised.called, "how often the upstream was called"
    if not asked.sent or cell.stage == OUTPUT:
        return
    words, place = cell.place.words(cell.action), cell.place
    body = json.loads(asked.sent[0])
    told = json.dumps(body, ensure_ascii=False)
    if promised.outcome == "redact":
        assert words.phrase not in told, "the upstream got what was to be replaced"
        assert all(half not in told for half in words.phrase.split()) or place.identifier
        assert words.kept in told
    else:
        assert body == cell.driver.request(INPUT, place, place.text(cell.action), cell.form != PLAIN), "changed"


def _check_client(cell: Cell, promised: Expected, asked: Asked) -> None:
    """Nothing of what is withheld is in any byte or string; what may pass is where it stood."""
    place, words = cell.place, cell.place.words(cell.action)
    hidden = promised.outcome in (REFUSED, FAULT, AGAIN, "redact") or place.dropped
    if hidden and not cell.driver.how.repeats:
        assert words.phrase.encode() not in asked.raw
        assert words.phrase not in asked.seen.strings
    if cell.stage == INPUT or promised.outcome in (REFUSED, FAULT, AGAIN) or place.dropped or cell.driver.judges:
        return
    kept = place.text(cell.action).replace(words.phrase, words.kept) if hidden else place.text(cell.action)
    if hidden and (place.sealed or (place.lossy and cell.form != PLAIN)):
        return
    if place.path is not None:
        assert kept in str(asked.seen.at(place.path)), "the text is not where it stood"
    elif not (hidden and not words.kept):
        assert kept in asked.seen.strings or (hidden and cell.channel == "unknown_name"), "the text is gone"


def _check_form(cell: Cell, promised: Expected, asked: Asked) -> None:
    driver, seen, place = cell.driver, asked.seen, cell.place
    if promised.outcome == FAULT:
        _check_fault(cell, promised, asked)
        return
    if driver.judges:
        assert asked.status == 200
        driver.check_verdict(place, cell.stage, cell.action, seen)
        return
    if promised.outcome == REFUSED:
        _check_refusal(cell, asked)
    else:
        assert asked.status == 200
        assert seen.error is None
        assert seen.finish in driver.how.natural, "how it ended"
        assert promised.outcome != AGAIN or ANSWER in seen.text or not driver.how.words, "the draft that was kept"
        _check_notice(cell, promised, seen)
    if seen.annotation is None:
        assert not driver.how.annotates or asked.status != 200, "the answer says nothing of the decision"
        return
    assert seen.annotation["action"] == promised.outcome
    assert seen.annotation["rule"] == (promised.rule or None)
    assert seen.annotation["stage"] == (cell.stage if promised.outcome != "allow" else None)
    assert seen.annotation["policy"] == f"{POLICY}@{REVISION}"
    assert seen.annotation["decision_id"] == asked.headers["x-guardproxy-decision-id"]


def _check_fault(cell: Cell, promised: Expected, asked: Asked) -> None:
    """503 (or the upstream's 502) in the surface's shape; after the first text an error frame and an incomplete end."""
    assert asked.seen.error == promised.error
    if asked.status == 200:
        assert cell.form != PLAIN, "a fault that looks like an answer"
        assert cell.stage == OUTPUT
        assert asked.seen.finish in cell.driver.how.incomplete
    else:
        assert asked.status == (502 if promised.error == UPSTREAM_FAULT else 503)
        assert promised.error == UPSTREAM_FAULT or int(asked.headers["retry-after"]) > 0
    for sentence in (HARD, WITHHELD, CUT):
        assert sentence not in asked.seen.strings, "a fault that looks like a refusal"


def _check_refusal(cell: Cell, asked: Asked) -> None:
    driver, seen, place = cell.driver, asked.seen, cell.place
    # A stream says "go on" also where what was released is a field that no person has seen.
    words = HARD if cell.stage == INPUT else WITHHELD if cell.form == PLAIN else (WITHHELD, CUT)
    as_error = cell.action == "refuse_error" and (cell.form == PLAIN or cell.stage == INPUT or asked.status == 400)
    if not driver.how.words or as_error:
        assert (asked.status, seen.error) == (400, "content_filter")
        assert asked.headers["x-should-retry"] == "false"
        assert seen.text.startswith(words)
        return
    assert asked.status == 200
    assert seen.error is None
    in_field = (place.structured or cell.action == "refuse_field") and driver.how.refusal_field
    if in_field and CUT not in seen.text:
        assert seen.refusal is not None
        assert seen.refusal.startswith(words) or (cell.form != PLAIN and "\n\n" + CUT in seen.refusal), "what is read"
        assert not seen.text, "the same text in both places"
        assert seen.finish == driver.how.finished
        return
    assert not seen.refusal or "not from the model" not in seen.refusal, "the same text in both places"
    assert seen.finish == driver.how.refused
    before, _, rest = seen.text.rpartition("\n\n" + CUT)
    if cell.form == LATE and not place.structured and not place.early:
        assert before, "some of the calm text has left"
        assert rest
    assert seen.text.startswith(words) or (before and rest), "what is read"
    if before:
        assert cell.form != PLAIN
        said = driver.read(200, b"".join(_script(cell).segments), stream=True).text
        assert _squeezed(said).startswith(_squeezed(before)), "the released text stays"
    assert "not from the model" in seen.text, "who speaks?"
    assert asked.headers["x-guardproxy-decision-id"] in seen.text, "no reference"


def _check_notice(cell: Cell, promised: Expected, seen: Seen) -> None:
    """Once, behind the text, where one may stand."""
    wanted = promised.outcome == "warn" and cell.driver.how.notices and cell.place.noticed
    assert seen.strings.count(NOTICE) >= (1 if wanted else 0)
    assert seen.text.count(NOTICE) == (1 if wanted else 0), "the notice"
    if wanted:
        assert seen.text.endswith(NOTICE)


def _check_headers(cell: Cell, promised: Expected, asked: Asked) -> None:
    """In a stream: what is known when headers go out."""
    headers = asked.headers
    early = cell.form != PLAIN and cell.stage == OUTPUT and asked.status == 200
    if early and promised.outcome == REFUSED and asked.seen.text.startswith(WITHHELD):
        early = False  # the refusal is the first that leaves
    # What a rule wants written again is known before it is known that it is too late for that.
    known = {"allow", promised.outcome, *({AGAIN} if cell.action == AGAIN else ())} if early else {promised.outcome}
    assert headers["x-guardproxy-decision"] in known
    rule = headers.get("x-guardproxy-rule", "")
    assert rule in ({"", promised.rule} if early else {promised.rule})
    assert headers["x-guardproxy-policy"] == f"{POLICY}@{REVISION}"
    assert len(headers["x-guardproxy-policy-hash"]) >= 12
    checked = headers.get("x-guardproxy-checked", "")
    missed = cell.stage if cell.action == "open" and not cell.place.dropped else ""
    full = ",".join(stage for stage, _ in promised.stages if stage != missed)
    so_far = full.partition(",")[0] if full.startswith("input") else ""
    assert checked in ({full, so_far} if cell.form != PLAIN else {full}), "what was checked"


def _check_record(cell: Cell, promised: Expected, asked: Asked) -> None:
    assert len(asked.records) == 1, "one request, one record"
    line = asked.records[0]
    assert line["decision_id"] == asked.headers["x-guardproxy-decision-id"]
    assert (line["surface"], line["stream"]) == (cell.driver.name, cell.form != PLAIN)
    assert (line["outcome"], line["status"]) == (promised.outcome, asked.status)
    assert (line["error"] or "") == promised.error
    assert line["route"] == route_of(cell)
    assert line["attempts"] == (2 if promised.outcome == AGAIN and not cell.driver.judges else 1)
    assert (line["policy"], line["revision"]) == (POLICY, REVISION)
    assert line["policy_hash"] == asked.headers["x-guardproxy-policy-hash"]
    missed = cell.action == "open" and not cell.place.dropped
    assert line["unchecked"] == ([{"stage": cell.stage, "reason": "detector_error"}] if missed else [])
    decided = [(one["stage"], one["action"]) for one in line["stages"] if one["action"] is not None]
    # Another choice is decided by itself; a stream that breaks off is recorded with what its headers knew.
    more = "choice" in cell.channel or (promised.outcome == FAULT and asked.status == 200)
    others = [pair for pair in decided if more and pair == ("output", "allow")]
    assert sorted({*decided, *others}) == sorted({*promised.stages, *others}), "the decisions"
    rules = {one["rule"] for one in line["stages"] if one["action"] not in (None, "allow")}
    acted = any(action != "allow" for _, action in promised.stages)
    assert rules == ({cell.place.rule or cell.place.words(cell.action).rule} if acted else set())
    if cell.action == "shadow" and not cell.place.dropped:
        assert [w["action"] for w in line["would_have"]] == [REFUSED]
    failures = {(failed["stage"], failed["detector"]) for failed in line["failures"]}
    broken = set() if cell.place.dropped else {(cell.stage, BROKEN[cell.action])} if cell.action in BROKEN else set()
    assert failures == broken or (cell.stage == OUTPUT and not failures), "what failed"
    assert cell.place.words(cell.action).phrase not in json.dumps(line)
