"""The command `guardproxy`: one line a command; the work is in the rooms."""

from __future__ import annotations

import sys

import typer

from guardproxy import __version__
from guardproxy.cli import audit, bench, demo, diff, explain, keys, lint, measure, policy, replay, schema, serve, test
from guardproxy.errors import ConfigError, PolicyError, UsageError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # tracebacks with locals would print prompts
    help="A proxy that keeps a served language model safe at run time.",
)

app.command("demo")(demo.demo)
app.command("serve")(serve.serve)
app.command("lint")(lint.lint)
app.command("test")(test.run_tests)
app.command("schema")(schema.schema)
app.command("explain")(explain.explain)
app.command("diff")(diff.diff)
app.command("replay")(replay.replay)
app.command("eval")(measure.evaluate)
app.add_typer(audit.app, name="audit")
app.add_typer(bench.app, name="bench")
app.add_typer(policy.app, name="policy")
app.add_typer(keys.app, name="keys")


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
