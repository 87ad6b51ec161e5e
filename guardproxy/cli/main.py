"""The command `guardproxy`: a line a command; the work is in the rooms, imported when it is called."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import ClassVar

import typer

from guardproxy import __version__
from guardproxy.cli.late import Late, LateGroup
from guardproxy.errors import ConfigError, PolicyError, UsageError


class Commands(LateGroup):
    """All of them, in the order of `--help`."""

    late: ClassVar[Mapping[str, Late]] = {
        "demo": Late(
            "guardproxy.cli.demo:demo",
            "Show a raw model and the same model guarded, side by side. Needs no network and no model download.",
        ),
        "serve": Late("guardproxy.cli.serve:serve", "Guard the model behind --upstream."),
        "lint": Late("guardproxy.cli.lint:lint", "Check policies; exit 1 when there is an error."),
        "test": Late(
            "guardproxy.cli.test:run_tests",
            "Run policy tests; exit 1 on a failure, on a policy with errors, or when nothing ran.",
        ),
        "schema": Late("guardproxy.cli.schema:schema", "Print the JSON Schema of policies, for editors."),
        "explain": Late(
            "guardproxy.cli.explain:explain",
            "Tell from text to finding, rule, threshold, verdict, decision and words, each with file:line.",
        ),
        "diff": Late("guardproxy.cli.diff:diff", "Play a corpus under two policies and compare the decisions."),
        "replay": Late("guardproxy.cli.replay:replay", "Decide recorded exchanges again, by another policy."),
        "eval": Late(
            "guardproxy.cli.measure:evaluate",
            "Print figures with 95% intervals; with --policy exit 1 where its tax budget is not shown kept.",
        ),
        "audit": Late("guardproxy.cli.audit:app", "The decision log."),
        "bench": Late("guardproxy.cli.bench:app", "Measurements anybody can repeat."),
        "policy": Late("guardproxy.cli.policy:app", "Try a policy set beside the live one, promote it, roll it back."),
        "keys": Late("guardproxy.cli.keys:app", "The keys of clients."),
    }


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # tracebacks with locals would print prompts
    help="A proxy that keeps a served language model safe at run time.",
)


@app.callback()
def about() -> None:
    """A proxy that keeps a served language model safe at run time."""


@app.command("version")
def version() -> None:
    """Print the version."""
    print(__version__)


def main() -> None:
    """Exit codes: 0 fine, 1 findings, 2 wrong usage, 78 configuration or model files unusable."""
    try:
        app()
    except UsageError as error:
        print(f"guardproxy: {error}", file=sys.stderr)
        sys.exit(2)
    except ConfigError as error:
        report = error.report.strip() if isinstance(error, PolicyError) else ""
        print(f"guardproxy: {report or error}", file=sys.stderr)
        sys.exit(78)
