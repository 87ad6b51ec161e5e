"""What happens around a reload: the shelf swaps, the proxy logs and counts.

reload_now(hall)         blocking: reads everything again and takes note of it; call it in a thread
take_note(hall, report)  metrics, benches, changes and one log line for an attempt that somebody else made
take_note_of_keys(hall)  the same for the key file
on_hangup(hall)          SIGHUP reloads, from now on
told(hall, report)       the answer of the admin port: every problem, or what is in force now
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterable
from typing import Any

from guardproxy.core.rules import PolicyRef
from guardproxy.observe.logs import get_logger
from guardproxy.policy.problems import Problem
from guardproxy.policy.shelf import LoadReport
from guardproxy.proxy.hall import Hall
from guardproxy.proxy.tasks import spawn


def reload_now(hall: Hall, actor: str = "admin API") -> LoadReport:
    """Reads the policies again, the candidate's too, and takes note of how it went. Blocks."""
    report = hall.shelf.reload(actor)
    take_note(hall, report)
    wrong = hall.office.reload()
    if wrong:
        get_logger().error("candidate_load_failed", first=wrong[0], errors=len(wrong))
    return report


def take_note(hall: Hall, report: LoadReport) -> None:
    """Metrics, one log line and the file of changes for an attempt; the last good set stays on failure."""
    with hall.noting:  # two attempts may end at once; the later one has the last word, whoever is here first
        hall.benches.keep_only(hall.shelf.policies)  # the tests of a set make benches, of a refused set too
        hall.recorder.metrics.policies_in_force([p.ref for p in hall.shelf.policies], hall.shelf.loaded_at)
        if hall.shelf.failed:
            hall.recorder.metrics.policy_load_failed()
        hall.office.took(report)
    if not report.ok:
        wrong = [row for row in report.problems if row.is_error]
        codes = list(dict.fromkeys(row.code for row in wrong))
        hint = f"guardproxy lint {hall.shelf.path}"
        get_logger().error("policy_load_failed", place=report.place, codes=codes, errors=len(wrong), hint=hint)
        return
    get_logger().info("policies_loaded", policies=[str(p.ref) for p in hall.shelf.policies])


def on_hangup(hall: Hall) -> None:
    """From now on SIGHUP reads the policies again, off the loop. Needs a running loop in the main thread."""
    asyncio.get_running_loop().add_signal_handler(
        signal.SIGHUP, lambda: spawn(asyncio.to_thread(reload_now, hall, "SIGHUP")) and None
    )


def take_note_of_keys(hall: Hall) -> None:
    """Metric and one log line for a key file that has changed; the last good keys stay on failure."""
    if hall.keys is None:
        raise AssertionError("there are no keys to take note of; this is a bug")
    hall.recorder.metrics.gauge("keys_load_failed", int(bool(hall.keys.problem)))
    if hall.keys.problem:
        get_logger().error("keys_load_failed", problem=hall.keys.problem)
        return
    now = hall.clock()
    active = sum(key.state(now) == "active" for key in hall.keys.stored)
    get_logger().info("keys_loaded", keys=len(hall.keys.stored), active=active)


def told(hall: Hall, report: LoadReport) -> dict[str, Any]:
    """JSON: `ok`, the problems row by row (warnings of a good set too), the same as text, and what is in force."""
    return {
        "ok": report.ok,
        "policies": [named(p.ref) for p in hall.shelf.policies],
        "problems": rows(report.problems),
        "report": report.report,
    }


def named(ref: PolicyRef) -> dict[str, object]:
    """A policy as everybody outside sees it."""
    return {"policy": ref.name, "revision": ref.revision, "hash": ref.hash}


def rows(problems: Iterable[Problem]) -> list[dict[str, object]]:
    """Problems as JSON, without the source lines."""
    return [
        {
            "file": problem.file,
            "line": problem.line,
            "column": problem.column,
            "code": problem.code,
            "severity": problem.severity.value,
            "message": problem.message,
            "hint": problem.hint,
        }
        for problem in problems
    ]
