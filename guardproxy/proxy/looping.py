"""How a serving process runs: its event loop, and how often it looks for cycles of garbage."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Coroutine
from typing import Any

import uvloop

GARBAGE = (20_000, 20, 50)
"""Objects, and rounds of them, after which the collector looks for cycles: at Python's 700 it looks several times a request."""


def run(work: Coroutine[Any, Any, None]) -> None:
    """Runs it to its end on uvloop."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(work)


def look_less_for_garbage() -> None:
    """Once everything is loaded."""
    gc.set_threshold(*GARBAGE)
