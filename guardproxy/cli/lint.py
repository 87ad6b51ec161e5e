"""`guardproxy lint`: every error of every file at once."""

from __future__ import annotations

import json
from pathlib import Path

import typer

from guardproxy.detectors.registry import inspector, installed
from guardproxy.policy.problems import Problem
from guardproxy.policy.selftest import failures
from guardproxy.policy.shelf import check_set


def lint(
    paths: list[Path] = typer.Argument(..., help="policy files or folders"),
    form: str = typer.Option("text", "--format", help="text or json"),
) -> None:
    """Check policies; exit 1 when there is an error."""
    detectors = installed()
    look = inspector()
    problems: list[Problem] = []
    for path in paths:
        compiled, wrong = check_set(path, detectors)
        problems += wrong
        for one in compiled:
            problems += failures(one, look(one.policy))
    if form == "json":
        rows = [
            {
                "file": p.place.file,
                "line": p.place.line,
                "column": p.place.column,
                "code": p.code,
                "severity": str(p.severity),
                "message": p.message,
                "hint": p.hint,
            }
            for p in problems
        ]
        print(json.dumps(rows, ensure_ascii=False, indent=1))
    else:
        for problem in problems:
            print(_shown(problem))
    raise typer.Exit(1 if problems else 0)


def _shown(problem: Problem) -> str:
    """The place and message, the source line, a caret, the hint."""
    head, place = str(problem), problem.place
    try:
        lines = Path(place.file).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        lines = []
    if place.line <= len(lines):
        head += f"\n    {lines[place.line - 1]}\n    {' ' * (place.column - 1)}^"
    return head + (f"\n  hint: {problem.hint}" if problem.hint else "")
