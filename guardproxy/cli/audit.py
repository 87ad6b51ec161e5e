"""`guardproxy audit verify FILE`: is the decision log's chain whole?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from guardproxy.errors import UsageError
from guardproxy.observe.verify import parse_anchor, summary, verify

app = typer.Typer(no_args_is_help=True, help="The decision log.")


@app.callback()
def about() -> None:
    """The decision log."""


@app.command("verify")
def verify_file(
    file: Annotated[Path, typer.Argument(help="the decision log; older segments beside it are read first")],
    anchor: Annotated[
        list[str] | None,
        typer.Option(help="SEQ:HASH from an audit_anchor line of the structured log; shows a tail that was cut off"),
    ] = None,
) -> None:
    """Finds edits, deletions, reordering and cut tails. Exit 0: whole. Exit 1: not."""
    try:
        anchors = dict(parse_anchor(text) for text in anchor or ())
    except ValueError:
        raise UsageError("--anchor is SEQ:HASH, the hash has 64 hex digits") from None
    try:
        report = verify(file, anchors)
    except OSError as error:
        raise UsageError(f"cannot read {file}: {error.strerror}") from None
    for line in summary(file, report):
        print(line)
    raise typer.Exit(0 if report.fine else 1)
