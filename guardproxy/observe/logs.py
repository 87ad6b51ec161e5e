"""Structured logs on stderr: one line an event, keys masked as the last step, no user text.

Third-party loggers (uvicorn, aiohttp, httpx, asyncio) go through the same door, with the template of their message
only: its arguments may hold a request. uvicorn's access log stays off.
"""

from __future__ import annotations

import json
import logging
import select
import sys
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, TextIO, cast

import re2
import structlog

from guardproxy.errors import GuardproxyError

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
_THIRD_PARTY = ("uvicorn", "uvicorn.error", "uvicorn.access", "aiohttp", "httpx", "httpcore", "asyncio")
_KEY_SHAPES = (
    r"(?i:bearer|basic)\s+[A-Za-z0-9._~+/=\-]{8,}",
    r"(?:sk|pk|rk|gp|hf|gh[opsu]|github_pat|glpat|xox[abeprs])[-_][A-Za-z0-9_\-]{8,}",
    r"(?:AKIA|ASIA|AIza)[A-Za-z0-9_\-]{12,}",
    r"eyJ[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]+(?:\.[A-Za-z0-9_\-]+)?",
)
_CREDENTIALS = r"://[^\s/@\"]+@"
_KEYS = re2.compile("|".join([*(rf"\b{shape}" for shape in _KEY_SHAPES), _CREDENTIALS]))
_PERHAPS = re2.compile("|".join([*_KEY_SHAPES, _CREDENTIALS]))
"""The same without borders: an escape such as `\\n` or a colour may glue a letter to a key's front in a rendered line."""
_CONTROL = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0))}
_CONTROL |= {0x0A: "\\n", 0x0D: "\\r", 0x09: "\\t", 0x2028: "\\u2028", 0x2029: "\\u2029"}
_FRAMES = 20
_SIMPLE = frozenset({str, int, float, bool})


def configure(level: str = "info", *, json_lines: bool | None = None) -> None:
    """Once at start. `json_lines` None: JSON unless stderr is a terminal, where it is coloured."""
    as_json = not _is_terminal() if json_lines is None else json_lines
    chain = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        _exceptions,
        _Renderer(as_json=as_json),
    ]
    structlog.configure(
        processors=cast("list[Any]", chain),
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.WriteLoggerFactory(file=cast("TextIO", STDERR)),
        cache_logger_on_first_use=True,
    )
    logging.raiseExceptions = False  # the traceback of a failed log call would print its arguments
    logging.basicConfig(level=max(logging.WARNING, _LEVELS[level]), handlers=[_Bridge()], force=True)
    for name in _THIRD_PARTY:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.disabled = name == "uvicorn.access"


def get_logger() -> Any:
    """A logger: `.info(event, key=value)`. It keeps the configuration of its first use."""
    return structlog.get_logger()


def masked(line: str) -> str:
    """The line without anything that looks like a key."""
    return str(_KEYS.sub("***", line))


def uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """For `sys.excepthook`: a crash is told like every other event, without the exception's own text."""
    get_logger().critical("crashed", exc_info=(kind, error, trace))


class Stderr:
    """stderr that neither raises nor waits: a broken or stuffed log pipe must not touch a request.

    A pipe that is ready takes 4096 bytes at once (POSIX, PIPE_BUF); lines that find it full are lost and counted.
    """

    def __init__(self) -> None:
        self.lost = 0

    def write(self, text: str) -> int:
        stream = sys.stderr
        try:
            if not _ready(stream):
                self.lost += 1
                return 0
            if self.lost:
                stream.write(f'{{"event": "log_lines_lost", "level": "warning", "lines": {self.lost}}}\n')
                self.lost = 0
            return stream.write(text)
        except (OSError, ValueError, AttributeError):  # closed, gone, or None in a process without terminal
            self.lost += 1
            return 0

    def flush(self) -> None:
        try:
            sys.stderr.flush()
        except (OSError, ValueError, AttributeError):
            return


STDERR = Stderr()


def _ready(stream: TextIO) -> bool:
    try:
        fd = stream.fileno()
    except (OSError, ValueError, AttributeError):
        return True  # not a file (tests): cannot be stuffed
    poll = select.poll()
    poll.register(fd, select.POLLOUT)
    return bool(poll.poll(0))


def _is_terminal() -> bool:
    try:
        return sys.stderr.isatty()
    except (ValueError, AttributeError):
        return False


class _Bridge(logging.Handler):
    """Third-party records, told like our own events. Arguments are dropped, numbers apart."""

    def emit(self, record: logging.LogRecord) -> None:
        template = record.msg if isinstance(record.msg, str) else type(record.msg).__name__
        numbers = [arg for arg in record.args if isinstance(arg, int | float)] if isinstance(record.args, tuple) else []
        say = getattr(get_logger(), _method(record.levelno))
        said = {"logger": record.name, **({"numbers": numbers} if numbers else {})}
        say(template.strip().partition("\n")[0], exc_info=record.exc_info, **said)


def _method(level: int) -> str:
    names = ((logging.CRITICAL, "critical"), (logging.ERROR, "error"), (logging.WARNING, "warning"))
    return next((name for bound, name in names if level >= bound), "info" if level >= logging.INFO else "debug")


class _Renderer:
    """The last step: one line, nothing in it that acts or looks like a key."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._console = structlog.dev.ConsoleRenderer(timestamp_key="time")

    def __call__(self, logger: object, name: str, event: dict[str, Any]) -> str:
        first = {key: event.pop(key) for key in ("time", "level", "event") if key in event}
        plain = {
            key: value if type(value) in _SIMPLE else _plain(value)
            for key, value in (first | event).items()
            if value is not None
        }
        line = self._render(logger, name, plain)
        return masked(self._render(logger, name, _without_keys(plain))) if _PERHAPS.search(line) else line

    def _render(self, logger: object, name: str, plain: dict[str, object]) -> str:
        if self._as_json:
            return json.dumps(plain).replace("\x7f", "\\u007f")  # the one control character JSON leaves alone
        shown = {_escaped(k): _escaped(v) if isinstance(v, str) else v for k, v in plain.items()}
        return str(self._console(logger, name, shown))


def _exceptions(_logger: object, _name: str, event: dict[str, Any]) -> dict[str, Any]:
    """Type, our own message, frames without locals. The text of a foreign exception may quote a request."""
    given = event.pop("exc_info", None)
    error = given if isinstance(given, BaseException) else given[1] if isinstance(given, tuple) else None
    if given is True:
        error = sys.exc_info()[1]
    if isinstance(error, BaseException):
        event["raised"] = " <- ".join(_story(error))
        event["frames"] = _frames(error.__traceback__)
    event.pop("stack_info", None)
    return event


def _story(error: BaseException) -> Iterator[str]:
    """The exception and what caused it."""
    seen: set[int] = set()
    at: BaseException | None = error
    while at is not None and id(at) not in seen:
        seen.add(id(at))
        yield f"{type(at).__name__}: {at}" if isinstance(at, GuardproxyError) else type(at).__name__
        at = at.__cause__ or (None if at.__suppress_context__ else at.__context__)


def _frames(trace: TracebackType | None) -> list[str]:
    found = []
    while trace is not None:
        code = trace.tb_frame.f_code
        found.append(f"{code.co_filename}:{trace.tb_lineno} in {code.co_name}")
        trace = trace.tb_next
    return found[-_FRAMES:]


def _plain(value: object) -> object:
    """JSON values; of anything else the type, because its repr may hold a request."""
    match value:
        case str() | bool() | int() | float() | None:
            return value
        case list() | tuple():
            return [_plain(item) for item in value]
        case Mapping():
            return {str(key): _plain(item) for key, item in value.items()}
        case _:
            return f"<{type(value).__name__}>"


def _without_keys(value: Any) -> Any:
    """The same tree, every text in it masked."""
    match value:
        case str():
            return masked(value)
        case list():
            return [_without_keys(item) for item in value]
        case dict():
            return {masked(key): _without_keys(item) for key, item in value.items()}
        case _:
            return value


def _escaped(text: str) -> str:
    return text if text.isprintable() else text.translate(_CONTROL)
