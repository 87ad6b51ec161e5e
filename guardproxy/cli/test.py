"""`guardproxy test`: the tests written inside policies."""

from __future__ import annotations

from pathlib import Path

import typer

from guardproxy.detectors.registry import inspector, installed
from guardproxy.policy.selftest import failures
from guardproxy.policy.shelf import check_set


def run_tests(paths: list[Path] = typer.Argument(..., help="policy files or folders")) -> None:
    """Run policy tests; exit 1 on a failure, or when there was nothing to run."""
    look = inspector()
    ran = failed = 0
    for path in paths:
        compiled, problems = check_set(path, installed())
        for problem in problems:
            print(problem)
        failed += len(problems)
        for one in compiled:
            wrong = failures(one, look(one.policy))
            for problem in wrong:
                print(problem)
            ran += len(one.tests)
            failed += len(wrong)
    print(f"{ran - failed if ran > failed else 0} passed, {failed} failed")
    raise typer.Exit(1 if failed or not ran else 0)
