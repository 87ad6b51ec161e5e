"""Faults of the file itself: indentation, quotes, encodings, half a file, two files in one."""

from __future__ import annotations

from guardproxy.testing.mutations.fault import Excluded, Fault, both, ends_before, inside, put

KIND = "layout"
_BYTE = "\udcfc"
"""A lone Latin-1 byte (ü): written as it is, it is no UTF-8."""


def _cut_in_the_middle(text: str) -> str:
    """Half of the file, by characters: what a full disk or a killed editor leaves."""
    return text[: len(text) // 2]


def _nothing(_text: str) -> str:
    return ""


def _comments_only(text: str) -> str:
    return "".join(f"# {line}" for line in text.splitlines(keepends=True))


def _twice(text: str) -> str:
    return f"{text}---\n{text}"


FAULTS = (
    Fault(
        "tab",
        KIND,
        "base.yaml",
        "indented a line with a tab",
        inside("id: pii-iban", "    on_match", "\ton_match"),
    ),
    Fault(
        "key-outdented",
        KIND,
        "base.yaml",
        "moved a key two columns to the left",
        inside("id: crime-fraud", "    checks: [output]", "  checks: [output]"),
    ),
    Fault(
        "key-indented",
        KIND,
        "base.yaml",
        "moved a key two columns to the right",
        inside("id: crime-fraud", "    checks: [output]", "      checks: [output]"),
    ),
    Fault(
        "dash-lost",
        KIND,
        "base.yaml",
        "lost the dash before a rule, so that it runs into the one above",
        inside("id: crime-drugs", "  - id:", "    id:"),
    ),
    Fault(
        "rule-outdented",
        KIND,
        "base.yaml",
        "moved the head of a rule to the left margin",
        inside("id: crime-drugs", "  - id:", "- id:"),
    ),
    Fault(
        "no-space-after-colon",
        KIND,
        "base.yaml",
        "wrote `hazard:crime.fraud`",
        inside("id: crime-fraud", "hazard: crime", "hazard:crime"),
    ),
    Fault(
        "colon-in-text",
        KIND,
        "base.yaml",
        "wrote a colon into a text without quotes",
        inside("id: pii-iban", "about: Bank", "about: Money: bank"),
    ),
    Fault(
        "bracket-lost",
        KIND,
        "base.yaml",
        "lost the closing bracket of a list",
        inside("id: crime-fraud", "[output]", "[output"),
    ),
    Fault(
        "brace-lost",
        KIND,
        "strict.yaml",
        "lost a closing brace of an override",
        inside("rule: hate-threat", "0.75}}", "0.75}"),
    ),
    Fault(
        "quote-lost",
        KIND,
        "support-chat.yaml",
        "lost the closing quote of a text",
        inside("id: staff-nickname", '"[name]"', '"[name]'),
    ),
    Fault(
        "curly-quotes",
        KIND,
        "support-chat.yaml",
        "let a word processor curl the quotes of a replacement",
        inside("id: staff-nickname", '"[name]"', "“[name]”"),
    ),
    Fault(
        "double-quoted-pattern",
        KIND,
        "support-chat.yaml",
        "put a pattern into double quotes, where `\\b` is a backspace",
        inside("id: ticket-numbers", "'\\bHX-[0-9]{4}-[A-Z]{4}\\b'", '"\\bHX-[0-9]{4}-[A-Z]{4}\\b"'),
    ),
    Fault(
        "decimal-comma",
        KIND,
        "base.yaml",
        "wrote a threshold with a comma, as at home",
        inside("id: crime-fraud", "refuse: 0.90", "refuse: 0,90"),
    ),
    Fault(
        "conflict-markers",
        KIND,
        "base.yaml",
        "committed a merge with its conflict markers",
        inside(
            "id: crime-fraud",
            "    thresholds: {log: 0.40, refuse: 0.90}\n",
            "<<<<<<< HEAD\n    thresholds: {log: 0.40, refuse: 0.90}\n=======\n"
            "    thresholds: {log: 0.40, refuse: 0.95}\n>>>>>>> tuning\n",
        ),
    ),
    Fault(
        "merge-kept-both",
        KIND,
        "base.yaml",
        "resolved a merge by keeping both lines",
        inside(
            "id: crime-fraud",
            "    thresholds: {log: 0.40, refuse: 0.90}\n",
            "    thresholds: {log: 0.40, refuse: 0.90}\n    thresholds: {log: 0.40, refuse: 0.95}\n",
        ),
    ),
    Fault("half-a-file", KIND, "base.yaml", "saved half of the file (full disk)", _cut_in_the_middle),
    Fault("half-a-small-file", KIND, "strict.yaml", "saved half of the file (full disk)", _cut_in_the_middle),
    Fault(
        "cut-between-rules",
        KIND,
        "base.yaml",
        "cut the file off just between two rules, tests and all",
        ends_before("  - id: attack-jailbreak\n"),
    ),
    Fault(
        "cut-before-tests",
        KIND,
        "base.yaml",
        "cut the file off just before its tests",
        ends_before("  # Everyday talk\ntests:\n"),
    ),
    Fault(
        "default-cut-before-tests",
        KIND,
        "default.yaml",
        "cut the file off just before its tests",
        ends_before("\ntests:\n"),
    ),
    Fault(
        "strict-cut-before-tests",
        KIND,
        "strict.yaml",
        "cut the file off just before its tests",
        ends_before("\ntests:\n"),
    ),
    Fault("empty-file", KIND, "default.yaml", "emptied the file", _nothing),
    Fault("commented-out", KIND, "default.yaml", "commented the whole file out", _comments_only),
    Fault("file-in-file", KIND, "default.yaml", "pasted the file below itself, with `---` between", _twice),
    Fault(
        "latin-1",
        KIND,
        "base.yaml",
        "saved the file as Latin-1",
        inside("id: pii-iban", "Bank account", f"Bank account {_BYTE}"),
    ),
    Fault(
        "control-character",
        KIND,
        "base.yaml",
        "pasted a control character with a text",
        inside("id: pii-iban", "Bank account", "Bank\x07 account"),
    ),
    Fault(
        "look-alike-key",
        KIND,
        "base.yaml",
        "pasted a key in which one letter is Cyrillic",
        inside("id: crime-fraud", "checks:", "сhecks:"),
    ),
    Fault(
        "look-alike-hazard",
        KIND,
        "base.yaml",
        "pasted a hazard in which one letter is Cyrillic",
        inside("id: crime-fraud", "crime.fraud", "crime.frаud"),
    ),
    Fault(
        "look-alike-id",
        KIND,
        "base.yaml",
        "pasted a rule's name in which one letter is Cyrillic",
        inside("id: crime-fraud", "id: crime-fraud", "id: crime-frаud"),
    ),
    Fault(
        "invisible-in-value",
        KIND,
        "base.yaml",
        "pasted a zero-width space into an action",
        inside("id: pii-iban", "redact", "redact\u200b"),
    ),
    Fault(
        "anchor",
        KIND,
        "base.yaml",
        "shared a ladder between two rules with an anchor",
        both(
            inside("id: crime-fraud", "thresholds: {log", "thresholds: &usual {log"),
            inside("id: crime-drugs", "thresholds: {log: 0.40, refuse: 0.90}", "thresholds: *usual"),
        ),
    ),
    Fault(
        "commented-rule-head",
        KIND,
        "base.yaml",
        "commented out the first line of a rule only",
        inside("id: crime-drugs", "  - id:", "  # - id:"),
    ),
    Fault(
        "value-lost",
        KIND,
        "base.yaml",
        "deleted a value and left its key",
        inside("id: crime-fraud", "hazard: crime.fraud", "hazard:"),
    ),
)

EXCLUDED = (
    Excluded(
        Fault("crlf", KIND, "default.yaml", "saved with Windows line ends", lambda text: text.replace("\n", "\r\n")),
        "both line ends are accepted and mean the same",
    ),
    Excluded(
        Fault("bom", KIND, "default.yaml", "saved with a byte order mark", lambda text: f"\ufeff{text}"),
        "a byte order mark is accepted and means nothing",
    ),
    Excluded(
        Fault(
            "comment",
            KIND,
            "base.yaml",
            "left a note at the end of a line",
            inside("id: crime-fraud", "[output]", "[output]  # for now"),
        ),
        "a comment does nothing",
    ),
    Excluded(
        Fault("blank-lines", KIND, "base.yaml", "added empty lines", put("\nrules:\n", "\n\n\nrules:\n")),
        "empty lines do nothing",
    ),
)
