"""`guardproxy lint`: every problem of every file at once."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import typer

from guardproxy.detectors.embedded import embedded_info
from guardproxy.detectors.registry import inspector, installed, toolbox
from guardproxy.errors import UsageError
from guardproxy.policy.hearing import World
from guardproxy.policy.lint import check
from guardproxy.policy.nearest import did_you_mean
from guardproxy.policy.report import FORMATS, render
from guardproxy.proxy.settings import load, signers_of


def lint(
    paths: list[Path] = typer.Argument(..., help="policy files or folders"),
    form: str = typer.Option("text", "--format", help="text, json, sarif or github"),
    strict: bool = typer.Option(False, "--strict", help="count warnings as errors"),
    settings: Path | None = typer.Option(None, "--settings", help="judge against the detectors of these settings"),
) -> None:
    """Check policies; exit 1 when there is an error."""
    if form not in FORMATS:
        raise UsageError(f'--format "{form}": {did_you_mean(form, FORMATS) or "one of " + ", ".join(FORMATS)}')
    checked = check(paths, world_of(settings), inspector())
    shown = render(checked.problems, form)
    if shown:
        print(shown)
    if form == "text":
        errors = len(checked.errors)
        print(f"{errors} errors, {len(checked.problems) - errors} warnings")
    raise typer.Exit(1 if checked.errors or (strict and checked.problems) else 0)


def world_of(settings_file: Path | None) -> World:
    """The detectors of the settings, or of the default install: then what they lack is a warning (GP711)."""
    today = datetime.now(UTC).date()
    if settings_file is None:
        return World(detectors=installed(), today=today, settled=False)
    whole = load(settings_file, {}, {})
    settings = whole.detectors
    embedded = (embedded_info(),) if settings.embedded else ()
    infos = (*embedded, *toolbox(with_names=settings.names).infos)
    return World(detectors=infos, today=today, settled=True, signers=signers_of(whole))
