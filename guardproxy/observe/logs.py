"""Structured logs on stderr: one line an event, keys masked as the last step, no user text.

Third-party loggers go through the same formatter. uvicorn's access log stays off.
"""

from __future__ import annotations

import logging
import sys
from typing import Any, TextIO, cast

import re2
import structlog

_KEYS = re2.compile(r"(?:sk|gp|pk|hf|ghp|xox[bp])[-_][A-Za-z0-9_\-]{8,}|Bearer\s+[A-Za-z0-9._\-]{8,}")
_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def configure(level: str = "info", *, json_lines: bool | None = None) -> None:
    """Once at start. `json_lines` None: JSON unless stderr is a terminal."""
    as_json = not sys.stderr.isatty() if json_lines is None else json_lines
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _kind_of_exception,
    ]
    last: Any = structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer()
    structlog.configure(
        processors=[*shared, last, _masked],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.WriteLoggerFactory(file=cast("TextIO", _Unbreakable())),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(_Unbreakable())
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=[_without_meta, last, _masked])
    )
    logging.basicConfig(level=max(logging.WARNING, _LEVELS[level]), handlers=[handler], force=True)


def get_logger() -> Any:
    """The logger: `.info(event, key=value)`."""
    return structlog.get_logger()


def masked(line: str) -> str:
    """The line without anything that looks like a key."""
    return str(_KEYS.sub("***", line))


def _masked(_logger: Any, _name: str, line: Any) -> str:
    return masked(str(line))


def _without_meta(_logger: Any, _name: str, event: Any) -> dict[str, Any]:
    return {k: v for k, v in event.items() if k not in ("_record", "_from_structlog")}


def _kind_of_exception(_logger: object, _name: str, event: dict[str, Any]) -> dict[str, Any]:
    """An exception's type only: its text may quote a request."""
    info = event.pop("exc_info", None)
    if info:
        kind = info[0] if isinstance(info, tuple) else type(info) if isinstance(info, BaseException) else None
        event["exception"] = kind.__name__ if kind is not None else "unknown"
    return event


class _Unbreakable:
    """stderr that never raises: a broken log pipe must not touch a request."""

    def write(self, text: str) -> int:
        try:
            return sys.stderr.write(text)
        except (OSError, ValueError):
            return 0

    def flush(self) -> None:
        try:
            sys.stderr.flush()
        except (OSError, ValueError):
            return
