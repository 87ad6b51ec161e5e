"""`guardproxy eval --models`: what the embedded classifiers catch, flag by mistake, and cost."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from guardproxy.errors import UsageError
from guardproxy.training.guard_card import card


def evaluate(
    models: Annotated[bool, typer.Option("--models", help="the guard card of the embedded classifiers")] = False,
    data: Annotated[
        Path | None,
        typer.Option(help="folder with dev/ sets: measure again, minutes; else the shipped figures are shown"),
    ] = None,
) -> None:
    """Print figures with 95% intervals as Markdown."""
    if not models:
        raise UsageError("eval: say what to evaluate; --models prints the guard card")
    if data is not None and not (data / "dev").is_dir():
        raise UsageError(f"eval: {data} holds no folder dev/ with development sets")
    print(card(data))
