"""`guardproxy test`: the tests written inside policies."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import typer

from guardproxy.detectors.registry import inspector, toolbox
from guardproxy.policy.hearing import World
from guardproxy.policy.lint import check
from guardproxy.policy.report import as_text
from guardproxy.policy.selftest import Run, State


def run_tests(
    paths: list[Path] = typer.Argument(..., help="policy files or folders"),
    verbose: bool = typer.Option(False, "--verbose", "-v", help="name every test"),
) -> None:
    """Run policy tests; exit 1 on a failure, on a policy with errors, or when nothing ran."""
    box = toolbox()
    world = World(detectors=toolbox(with_names=True).infos, today=datetime.now(UTC).date(), settled=False)
    checked = check(paths, world, inspector(box))
    if checked.errors:
        print(as_text(checked.errors))
    for run in checked.runs:
        print(summary(run, verbose=verbose))
    passed, failed, skipped = (sum(run.count(state) for run in checked.runs) for state in State)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    raise typer.Exit(1 if checked.errors or not passed else 0)


def summary(run: Run, *, verbose: bool) -> str:
    """One policy: its tests that did not pass, and the ladder steps that no test reached."""
    lines = [f"{run.policy}: {', '.join(f'{run.count(state)} {state}' for state in State)}"]
    for result in run.results:
        if verbose or result.state is not State.PASSED:
            lines.append(f"  {result.state}: {result.name}" + (f" ({result.why})" if result.why else ""))
    reached = [step for step in run.steps if step in run.reached]
    lines.append(f"  ladder steps reached: {len(reached)} of {len(run.steps)}")
    missing = [f"{step.rule}.{step.action.word}" for step in run.steps if step not in run.reached]
    return "\n".join([*lines, *_wrapped("  not reached: ", missing)])


def _wrapped(head: str, words: Iterable[str]) -> list[str]:
    listed = list(words)
    return [head + ", ".join(listed)] if listed else []
