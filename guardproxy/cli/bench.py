"""`guardproxy bench`: measurements anybody can repeat."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Annotated

import typer

from guardproxy.errors import UsageError
from guardproxy.testing import evasion_bench, evasion_page

app = typer.Typer(no_args_is_help=True, help="Measurements anybody can repeat.")


@app.callback()
def about() -> None:
    """Measurements anybody can repeat."""


@app.command("evasion")
def evasion(
    seed: Annotated[int, typer.Option(help="draws the cases; the same seed draws the same")] = 1,
    each: Annotated[int, typer.Option(min=1, help="cases for every parameter of every family")] = 2,
    cases: Annotated[Path | None, typer.Option(help="folder of a case kit to judge as well")] = None,
    output: Annotated[str, typer.Option("--format", help="table, json or page (docs/trust/evasion.md)")] = "table",
) -> None:
    """Disguised phrases found, by family, beside harmless texts refused. Exit code 1: a promise is broken."""
    if output not in {"table", "json", "page"}:
        raise UsageError(f"bench: --format {output} is unknown; use table, json or page")
    if cases is not None and not (cases / "canaries.json").is_file():
        raise UsageError(f"bench: {cases} holds no canaries.json; name the folder of a case kit")
    result = evasion_bench.run(seed, each, cases)
    if output == "json":
        print(json.dumps(dataclasses.asdict(result), ensure_ascii=False, indent=1))
    else:
        print("\n".join(evasion_page.page(result) if output == "page" else evasion_bench.lines(result)))
    raise typer.Exit(int(result.broken))
