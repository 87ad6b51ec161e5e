"""Problems as text for people, as JSON rows, as SARIF and as annotations of a code host."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from guardproxy.policy.problems import Problem

FORMATS = ("text", "json", "sarif", "github")
_LONGEST_LINE = 160
_SARIF = "https://json.schemastore.org/sarif-2.1.0.json"


def render(problems: Sequence[Problem], form: str) -> str:
    """All problems in one of `FORMATS`."""
    if form == "json":
        return as_json(problems)
    if form == "sarif":
        return as_sarif(problems)
    return as_github(problems) if form == "github" else as_text(problems)


def as_text(problems: Iterable[Problem]) -> str:
    """`file:line:column: CODE error: message`, the source line, a caret, the hint."""
    lines: dict[str, list[str]] = {}
    return "\n".join(_shown(row, _lines_of(row.file, lines)) for row in problems)


def _lines_of(file: str, known: dict[str, list[str]]) -> list[str]:
    if file not in known:
        try:
            known[file] = Path(file).read_text(encoding="utf-8-sig", errors="replace").split("\n")
        except OSError:
            known[file] = []
    return known[file]


def _shown(row: Problem, lines: list[str]) -> str:
    out = [str(row)]
    source = lines[row.line - 1].rstrip("\r") if row.line <= len(lines) else ""
    if source.strip():
        first = max(0, row.column - 1 - _LONGEST_LINE // 2)
        shown = "".join(c if c.isprintable() else " " for c in source[first : first + _LONGEST_LINE])
        out += [f"    {shown}", f"    {' ' * (row.column - 1 - first)}^"]
    if row.hint:
        out.append(f"    hint: {row.hint}")
    return "\n".join(out)


def as_json(problems: Iterable[Problem]) -> str:
    """An array of rows."""
    rows = [
        {
            "file": row.file,
            "line": row.line,
            "column": row.column,
            "code": row.code,
            "severity": row.severity.value,
            "message": row.message,
            "hint": row.hint,
        }
        for row in problems
    ]
    return json.dumps(rows, ensure_ascii=False, indent=1)


def as_sarif(problems: Sequence[Problem]) -> str:
    """SARIF 2.1.0, for code hosts and editors."""
    codes = sorted({row.code for row in problems})
    run: dict[str, Any] = {
        "tool": {"driver": {"name": "guardproxy lint", "rules": [{"id": code} for code in codes]}},
        "columnKind": "unicodeCodePoints",
        "results": [
            {
                "ruleId": row.code,
                "level": row.severity.value,
                "message": {"text": f"{row.message} ({row.hint})" if row.hint else row.message},
                "locations": [_location(row.file, row.line, row.column)],
                "relatedLocations": [_location(p.file, p.line, p.column) for p in row.others],
            }
            for row in problems
        ],
    }
    return json.dumps({"$schema": _SARIF, "version": "2.1.0", "runs": [run]}, ensure_ascii=False, indent=1)


def _location(file: str, line: int, column: int) -> dict[str, Any]:
    region = {"startLine": line, "startColumn": column}
    return {"physicalLocation": {"artifactLocation": {"uri": Path(file).as_posix()}, "region": region}}


def as_github(problems: Iterable[Problem]) -> str:
    """Workflow commands: annotations beside the lines of a change."""
    return "\n".join(
        f"::{row.severity} file={_escaped(row.file)},line={row.line},col={row.column},title={row.code}::"
        + _escaped(f"{row.message}. {row.hint}" if row.hint else row.message)
        for row in problems
    )


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
