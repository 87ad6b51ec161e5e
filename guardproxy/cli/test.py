"""`guardproxy test`: the tests written inside policies."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path

import typer

from guardproxy.cli.lint import world_of
from guardproxy.core.conversation import Segment
from guardproxy.core.findings import Finding
from guardproxy.core.rules import Policy
from guardproxy.detectors.bench import Bench
from guardproxy.detectors.pool import ClassifierPool, PoolOptions
from guardproxy.detectors.registry import inspector, toolbox
from guardproxy.errors import ConfigError
from guardproxy.policy.lint import check
from guardproxy.policy.report import as_text
from guardproxy.policy.selftest import Inspect, Look, Run, State, Step

_FEW = 8


def run_tests(
    paths: list[Path] = typer.Argument(..., help="policy files or folders"),
    verbose: bool = typer.Option(False, "--verbose", "-v", help="name every test and every step not reached"),
    settings: Path | None = typer.Option(None, "--settings", help="judge against the detectors of these settings"),
    live: bool = typer.Option(False, "--live", help="ask the embedded classifiers, too"),
) -> None:
    """Run policy tests; exit 1 on a failure, on a policy with errors, or when nothing ran."""
    with live_inspector() if live else nullcontext() as asks:
        checked = check(paths, world_of(settings), inspector(), live=asks)
    if checked.errors:
        print(as_text(checked.errors))
    for run in checked.runs:
        print(summary(run, verbose=verbose))
    passed, failed, skipped = (sum(run.count(state) for run in checked.runs) for state in State)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    raise typer.Exit(1 if checked.errors or not passed else 0)


@contextmanager
def live_inspector() -> Iterator[Inspect]:
    """All detectors of the default install, the embedded classifiers in a process of their own."""
    pool = ClassifierPool(PoolOptions(deadline_s=30.0))
    box = toolbox(pool)
    with asyncio.Runner() as runner:
        runner.run(pool.ready())

        def inspect(policy: Policy) -> Look:
            bench = Bench(policy, box)

            def look(segments: Sequence[Segment]) -> list[Finding]:
                seen = runner.run(bench.inspect(segments))
                if seen.failures:
                    failure = seen.failures[0]
                    raise ConfigError(f"{failure.detector} could not look ({failure.kind}): no test result is worth it")
                return list(seen.findings)

            return look

        try:
            yield inspect
        finally:
            runner.run(pool.close())


def summary(run: Run, *, verbose: bool) -> str:
    """One policy: its tests that did not pass, and the ladder steps that no test reached."""
    lines = [f"{run.policy}: {', '.join(f'{run.count(state)} {state}' for state in State)}"]
    for result in run.results:
        if verbose or result.state is not State.PASSED:
            lines.append(f"  {result.state}: {result.name}" + (f" ({result.why})" if result.why else ""))
    own = [step for step in run.steps if step.rule not in run.inherited]
    others = [step for step in run.steps if step.rule in run.inherited]
    lines.append(f"  ladder steps reached: {_reached(own, run)}" + (", of its own rules" if others else ""))
    if others:
        lines.append(f"  of inherited rules: {_reached(others, run)}; their tests stand in the parent")
    wanted = run.steps if verbose else own
    missing = [f"{step.rule}.{step.action.word}" for step in wanted if step not in run.reached]
    shown = missing if verbose else missing[:_FEW]
    if shown:
        more = f" and {len(missing) - len(shown)} more (-v)" if len(missing) > len(shown) else ""
        lines.append(f"  not reached: {', '.join(shown)}{more}")
    return "\n".join(lines)


def _reached(steps: Sequence[Step], run: Run) -> str:
    return f"{sum(step in run.reached for step in steps)} of {len(steps)}"
