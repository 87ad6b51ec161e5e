"""Whatever stands in a policy file, the linter answers with rows, and what it lets through compiles."""

from datetime import date
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from guardproxy.core.detector_info import DetectorInfo, Tier, Unit
from guardproxy.policy.hearing import World
from guardproxy.policy.lint import check

INFOS = (
    DetectorInfo("pii.card_number", "1", frozenset({"privacy.pii"}), Tier.INSTANT, Unit.MATCH, spans=True),
    DetectorInfo("sample.model", "1", frozenset({"crime", "violence.graphic"}), Tier.MODEL, Unit.SCORE, spans=False),
)
ABOVE = """guardproxy: policy/v1
policy: above
revision: 1
owner: team@example.org
about: What the other policy stands on.
rules:
  - {id: held, about: This stays as it is., words: [tin whistle], on_match: refuse, locked: true}
  - {id: deceit, about: Deceit is not for us., hazard: crime, thresholds: {log: 0.4, refuse: 0.9}}
"""
BELOW = """guardproxy: policy/v1
policy: below
revision: 7
extends: above
owner: team@example.org
about: Everything the language has, once.
applies_to: {routes: [support], tenants: ["*"]}
mode: enforce
levels: {enforce: 1, shadow: 2}
if_detector_fails: closed
on_unscannable: refuse
not_watched: [violence]
max_input_chars: 5000
streaming:
  release: after_check
  window: {first: 160, characters: 400, overlap: 120, cut_at: sentence}
  longest_hold: 1500ms
rules:
  - id: card-numbers
    about: Payment card numbers stay out.
    detector: pii.card_number
    on_match: redact
    replace_with: "[card number]"
    tags: [privacy]
  - id: code-name
    about: The code name stays inside.
    words: [paper kite, медная цапля]
    on_match: refuse
    counts_as: custom.code_name
    topic: {en: our plans}
  - id: tickets
    about: Ticket numbers stay inside.
    pattern: '\\bHX-[0-9]{4}\\b'
    checks: [output]
    scopes: [user, history]
    on_match: warn
    place: before
override:
  - rule: deceit
    change: {thresholds: {warn: 0.55}}
    because: A notice helps people here.
exceptions:
  - rule: code-name
    when: {words: [paper kite shop], routes: [support]}
    then: allow
    because: The shop's address is public.
    expires: 2027-03-31
conversation: {messages: all, forget_refused: true}
messages:
  default_locale: en
  tone: warm
  hard: {en: "I can't help with {topic} here. I'm glad to help with something else."}
  by_rule: {tickets: {notice: {en: Please do not pass this on.}}}
tests:
  - {name: calm, user: Good morning, expect: allow}
  - {name: acts, messages: [{role: user, content: x}], scores: {input: {crime: 0.95}}, expect: {refuse: deceit}}
"""
PIECES = [
    "~",
    "[]",
    "{}",
    "true",
    "0",
    "-1",
    "1e9",
    "x",
    "''",
    "[[]]",
    "{a: {b: c}}",
    "\t",
    "- ",
    ": ",
    "&a",
    "*a",
    "0.5",
    "никто",
]
LINES = BELOW.splitlines()


@st.composite
def mutations(draw):
    lines = list(LINES)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(lines) - 1))
        match draw(st.sampled_from(["drop", "double", "swap", "value", "cut", "insert"])):
            case "drop" if len(lines) > 1:
                del lines[at]
            case "double":
                lines.insert(at, lines[at])
            case "swap":
                other = draw(st.integers(0, len(lines) - 1))
                lines[at], lines[other] = lines[other], lines[at]
            case "value":
                lines[at] = lines[at].partition(":")[0] + ": " + draw(st.sampled_from(PIECES))
            case "cut":
                lines[at] = lines[at][: draw(st.integers(0, len(lines[at])))]
            case _:
                where = draw(st.integers(0, len(lines[at])))
                lines[at] = lines[at][:where] + draw(st.sampled_from(PIECES)) + lines[at][where:]
    return "\n".join(lines)


def nothing(_policy):
    return lambda _segments: []


def linted(folder: Path, raw: bytes):
    (folder / "above.yaml").write_text(ABOVE)
    (folder / "below.yaml").write_bytes(raw)
    return check([folder], World(INFOS, date(2026, 11, 24), settled=False), nothing)


def test_the_policy_itself_is_fine(tmp_path):
    assert linted(tmp_path, BELOW.encode()).errors == ()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=mutations())
def test_mutated_policies(tmp_path, text):
    checked = linted(tmp_path, text.encode())
    names = {one.policy.ref.name for one in checked.compiled}
    assert "above" in names
    broken = any(row.file.endswith("below.yaml") and row.is_error and row.code != "GP507" for row in checked.problems)
    assert broken or len(names) == 2
    lines = text.count("\n") + 1
    assert all(
        1 <= row.line <= lines + 1 and row.column >= 1 for row in checked.problems if row.file.endswith("below.yaml")
    )


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(raw=st.binary(max_size=200))
def test_any_bytes(tmp_path, raw):
    assert any(row.file.endswith("below.yaml") for row in linted(tmp_path, raw).errors)
