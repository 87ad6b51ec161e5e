"""`guardproxy eval`: what the embedded classifiers catch and miss, or what a policy costs harmless requests."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from guardproxy.cli.budget import bills, page
from guardproxy.cli.comparing import FORMATS, one_of
from guardproxy.errors import UsageError
from guardproxy.training.guard_card import card


def evaluate(
    models: Annotated[bool, typer.Option("--models", help="the guard card of the embedded classifiers")] = False,
    data: Annotated[
        Path | None,
        typer.Option(help="folder with dev/ sets: measure again, minutes; else the shipped figures are shown"),
    ] = None,
    policy: Annotated[Path | None, typer.Option(help="file or folder whose tax_budget is checked")] = None,
    benign: Annotated[
        Path | None, typer.Option("--benign", "--corpus", help="JSON Lines of harmless exchanges, as for diff")
    ] = None,
    settings: Annotated[Path | None, typer.Option(help="ask the detectors of these settings")] = None,
    form: Annotated[str, typer.Option("--format", help="text or json, with --policy")] = "text",
) -> None:
    """Print figures with 95% intervals; with --policy exit 1 where its tax budget is not shown kept."""
    one_of("--format", form, FORMATS)
    if models == (policy is not None):
        raise UsageError("eval: either --models (the guard card) or --policy P --benign F (what a policy costs)")
    if policy is not None:
        if benign is None:
            raise UsageError("eval: --policy needs --benign FILE, harmless exchanges as JSON Lines")
        found = bills(policy, benign, settings)
        print(page(found, form))
        raise typer.Exit(0 if found and all(bill.kept for bill in found) else 1)
    if data is not None and not (data / "dev").is_dir():
        raise UsageError(f"eval: {data} holds no folder dev/ with development sets")
    print(card(data))
