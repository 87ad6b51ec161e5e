"""`guardproxy lint`: every problem of every file at once."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import typer

from guardproxy.detectors.registry import inspector, toolbox
from guardproxy.errors import UsageError
from guardproxy.policy.hearing import World
from guardproxy.policy.lint import check
from guardproxy.policy.nearest import did_you_mean
from guardproxy.policy.report import FORMATS, render


def lint(
    paths: list[Path] = typer.Argument(..., help="policy files or folders"),
    form: str = typer.Option("text", "--format", help="text, json, sarif or github"),
    strict: bool = typer.Option(False, "--strict", help="count warnings as errors"),
) -> None:
    """Check policies; exit 1 when there is an error."""
    if form not in FORMATS:
        raise UsageError(f'--format "{form}": {did_you_mean(form, FORMATS) or "one of " + ", ".join(FORMATS)}')
    box = toolbox(with_names=True)
    world = World(detectors=box.infos, today=datetime.now(UTC).date(), settled=False)
    checked = check(paths, world, inspector(box))
    shown = render(checked.problems, form)
    if shown:
        print(shown)
    if form == "text":
        errors = len(checked.errors)
        print(f"{errors} errors, {len(checked.problems) - errors} warnings")
    raise typer.Exit(1 if checked.errors or (strict and checked.problems) else 0)
