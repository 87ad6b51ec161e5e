"""The whole catalogue against the twenty text rules: every cell as written, and every combination as rendered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

import re2

from guardproxy.core.catalogue import (
    DEFAULT_CELL,
    FAULTS,
    Catalogue,
    CellKey,
    Shape,
    catalogue_of,
)
from guardproxy.core.refusal import Ask, Rendered, Values, choose, is_own_refusal
from guardproxy.core.rules import LocaleTexts, PolicyTexts, Source
from guardproxy.policy.helplines import check_helplines
from guardproxy.policy.messages import LocaleFile, read_locales
from guardproxy.policy.problems import Problem, Problems, Severity
from guardproxy.policy.textchars import TextProblem, check_characters, error
from guardproxy.policy.textlint import Draft, check, foreign
from guardproxy.policy.wording import List, wording_for

_CONTROL = re2.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x{9f}]")
_UNFILLED = re2.compile(r"\{[a-z_]+\}")
_BARE = FAULTS | {Shape.NOTICE, Shape.ESCALATION, Shape.REGENERATED, Shape.SHORT, Shape.CRISIS}
_SAMPLE = Values(
    service="Example Chat",
    reference="K7QX2M",
    appeal_url="https://chat.example.org/review/K7QX2M",
    policy_url="https://chat.example.org/policy",
    retry_after=600,
)


def check_catalogue(directory: Path, today: date, problems: Problems) -> None:
    """Everything `guardproxy lint` has to say of `directory/messages` and `directory/data`."""
    files = read_locales(directory, problems)
    check_helplines(directory / "data" / "helplines.yaml", today, problems)
    for file in files:
        _as_written(file, problems)
    _untranslated(files, problems)
    if not problems.errors:
        for problem in rendered_problems(catalogue_of(*(file.words for file in files))):
            problems.add(Problem(problem.code, Source(str(directory / "messages"), 1), problem.message))


def _as_written(file: LocaleFile, problems: Problems) -> None:
    words = file.words
    for key, text in words.cells.items():
        hazard = "" if key.cell == DEFAULT_CELL else key.cell
        draft = Draft(text, key.shape, words.locale, hazard, "", key.tone, words.label(hazard))
        _add(check(draft), file.cells[key], problems)
    for hazard, label in words.labels.items():
        _add(_label_problems(label, words.locale), file.labels[hazard], problems)
    _lines(file, problems)


def _label_problems(label: str, locale: str) -> Iterator[TextProblem]:
    """A label stands inside sentences: a noun phrase without a full stop, and nothing a text may not hold."""
    yield from check_characters(label, locale)
    wording = wording_for(locale)
    if any(mark in label for mark in ".?:;。？：；{}"):
        yield error("GP620", "a label is part of a sentence", "write a noun phrase")
    if wording is None:
        return
    yield from foreign(label, wording, fewest=0)
    for which, code in ((List.JUDGEMENT, "GP604"), (List.INTENT, "GP605"), (List.THREAT, "GP606")):
        found = wording.find(which, label)
        if found is not None:
            yield error(code, f'"{found}" in a label', "name the topic neutrally")


def _lines(file: LocaleFile, problems: Problems) -> None:
    """R08, R09, R17: the sentences the program adds."""
    lines, wording = file.words.lines, wording_for(file.words.locale)
    source, appeal = file.lines["source"], file.lines["appeal"]
    for name in ("{service}", "{reference}"):
        if name not in lines.source:
            problems.error("GP608", source, f"the source line lacks {name}", f"add {name}")
    if wording is not None and not wording.names_speaker(lines.source):
        problems.error("GP608", source, "the source line does not say who speaks", "the policy, and not the model")
    if "{appeal_url}" not in lines.appeal:
        problems.error("GP609", appeal, "the appeal line lacks {appeal_url}", "add it")
    if wording is not None and wording.find(List.EMERGENCY, lines.emergency_generic) is None:
        problems.error("GP617", file.lines["emergency_generic"], "no direction to emergency help", "add it")
    for name in ("source", "appeal", "emergency_generic", "adult", "ai_notice"):
        text = str(getattr(lines, name))
        found = list(check_characters(text, file.words.locale))
        if wording is not None:
            found += foreign(_UNFILLED.sub(" ", text), wording)
        _add(found, file.lines[name], problems)


def _add(found: Iterator[TextProblem] | Sequence[TextProblem], place: Source, problems: Problems) -> None:
    for one in found:
        problems.add(Problem(one.code, place, one.message, Severity(one.severity), one.hint))


def rendered_problems(catalogue: Catalogue, values: Values = _SAMPLE) -> Iterator[TextProblem]:
    """R08, R09, R16: every cell as people would read it, its own label filled in.

    That every hazard, locale, tone and shape leads to a cell follows from the nine shapes of `default`, which the
    reader insists on; the whole product is a test (tests/unit/core/test_refusal.py).
    """
    for locale, words in sorted(catalogue.locales.items()):
        for key in words.cells:
            hazard = "custom.sample" if key.cell == DEFAULT_CELL else key.cell
            ask = Ask(key.shape.value, hazard, "", LocaleTexts(), locale, key.tone.value, values, whole_answer=True)
            yield from _rendered(choose(catalogue, PolicyTexts(), ask), key.shape, values, catalogue)


def _rendered(told: Rendered, shape: Shape, values: Values, catalogue: Catalogue) -> Iterator[TextProblem]:
    if _UNFILLED.search(told.text):
        yield error("GP616", f"{told.key}: a placeholder is left unfilled")
    if _CONTROL.search(told.text) or not told.text.strip():
        yield error("GP620", f"{told.key}: renders empty or with control characters")
    if shape in _BARE:
        return
    if not is_own_refusal(told.text, catalogue):
        yield error("GP608", f"{told.key}: does not end with the source line")
    if values.appeal_url not in told.text:
        yield error("GP609", f"{told.key}: no review route")


def missing_cells(files: Sequence[LocaleFile]) -> Iterator[tuple[str, CellKey]]:
    """Cells that a locale lacks and another has, by locale: complete translations have none."""
    everywhere = dict.fromkeys(key for file in files for key in file.cells)
    for file in files:
        for key in everywhere:
            if key not in file.cells:
                yield file.words.locale, key


def _untranslated(files: Sequence[LocaleFile], problems: Problems) -> None:
    """GP703, one row a file: half of a file is a file as well, and people would read the text of another hazard."""
    lacking: dict[str, list[str]] = {file.words.locale: [] for file in files}
    for locale, key in missing_cells(files):
        lacking[locale].append(f"{key.cell}.{key.shape.value}")
    labels = dict.fromkeys(hazard for file in files for hazard in file.labels)
    for file in files:
        found = [*lacking[file.words.locale], *(f"labels.{h}" for h in labels if h not in file.labels)]
        if found:
            place = next(iter(file.labels.values()))
            message = f"{len(found)} texts that another language has are missing: {', '.join(found[:3])}"
            problems.warning("GP703", Source(place.file, 1, 1), message, "another one is shown in their place")
