import asyncio
import io
import json
import logging
import os
import subprocess
import sys
import textwrap

import pytest
import structlog

from guardproxy.errors import GuardUnavailable
from guardproxy.observe import logs
from guardproxy.observe.logs import Stderr, configure, get_logger, masked

MARKER = "blorptastic"


@pytest.fixture(autouse=True)
def as_before():
    """Logging is the process's: put back what was there."""
    root, raising = logging.getLogger(), logging.raiseExceptions
    handlers, level, disabled = root.handlers[:], root.level, logging.getLogger("uvicorn.access").disabled
    yield
    root.handlers[:], logging.raiseExceptions = handlers, raising
    root.setLevel(level)
    logging.getLogger("uvicorn.access").disabled = disabled
    structlog.reset_defaults()


@pytest.fixture
def told(capsys):
    """The events on stderr so far, one parsed line each."""

    def read():
        return [json.loads(line) for line in capsys.readouterr().err.splitlines()]

    return read


def test_one_json_line_an_event(told):
    configure()
    get_logger().info("exchange", decision_id="K7Q2", ms=1.5, nothing=None, checked=["input"])
    (line,) = told()
    assert list(line)[:3] == ["time", "level", "event"]
    assert line["time"].endswith("Z")
    del line["time"]
    assert line == {
        "level": "info",
        "event": "exchange",
        "decision_id": "K7Q2",
        "ms": 1.5,
        "checked": ["input"],
    }


@pytest.mark.parametrize("text", ["a\nb", "a\r\n{}", "\x1b[31mred", "\x00", "\x7f", "\x9b1m", "\u2028"])
@pytest.mark.parametrize("as_json", [True, False])
def test_control_characters_do_not_act(capsys, text, as_json):
    configure(json_lines=as_json)
    get_logger().info("exchange", tenant=text)
    err = capsys.readouterr().err
    assert len(err.splitlines()) == 1
    assert text not in err
    if as_json:
        assert json.loads(err)["tenant"] == text
        assert all(" " <= c <= "~" for c in err.rstrip("\n"))


@pytest.mark.parametrize(
    "key",
    [
        "sk-proj-abcdefghijklmnop",
        "gp_ab12_0123456789abcdef",
        "Bearer abc.def-ghi_jkl",
        "bearer   abcdefghijkl",
        "Basic dXNlcjpwYXNzd29yZA==",
        "ghp_0123456789abcdefghij",
        "hf_abcdefghijklmnop",
        "AKIAIOSFODNN7EXAMPLE",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
        "http://user:hunter2secret@host/v1",
    ],
)
@pytest.mark.parametrize("as_json", [True, False])
def test_keys_are_masked(capsys, key, as_json):
    configure(json_lines=as_json)
    secret = key.split()[-1].split("//")[-1].split("@")[0]
    get_logger().warning(f"upstream said {key}", header=key, glued=f"\n{key}", nested={"h": [key]})
    logging.getLogger("httpx").warning(key)
    err = capsys.readouterr().err
    assert len(err.splitlines()) == 2
    assert secret not in err


@pytest.mark.parametrize("word", ["task-scheduler", "decision K7Q2ABCDEFGH", "policy base@7", "http://host:8000/v1"])
def test_words_are_not(word):
    assert masked(word) == word


def test_an_exception_keeps_its_text_only_when_it_is_ours(told):
    configure()
    prompt = f"my prompt is {MARKER}"
    try:
        try:
            raise ValueError(prompt)
        except ValueError as error:
            raise GuardUnavailable("the check is not working") from error
    except GuardUnavailable:
        get_logger().exception("failed")
    (line,) = told()
    assert line["raised"] == "GuardUnavailable: the check is not working <- ValueError"
    assert "test_logs.py" in line["frames"][0]
    assert MARKER not in json.dumps(line)


def test_objects_are_named_not_shown(told):
    class Request:
        def __repr__(self):
            return MARKER

    configure()
    get_logger().info("odd", request=Request(), many=[Request()], deep={"x": Request()}, raw=MARKER.encode())
    (line,) = told()
    assert (line["request"], line["many"], line["deep"], line["raw"]) == (
        "<Request>",
        ["<Request>"],
        {"x": "<Request>"},
        "<bytes>",
    )


@pytest.mark.parametrize("name", ["uvicorn.error", "aiohttp.client", "httpx", "asyncio"])
def test_third_party_loggers_lose_their_arguments(told, name):
    configure("debug")
    logger = logging.getLogger(name)
    logger.error("could not read %s after %d bytes\n%s", MARKER, 17, MARKER, exc_info=ValueError(MARKER))
    logger.error(ValueError(MARKER))
    broken_call = "%d %s"  # must not print its arguments either
    logger.error(broken_call, MARKER)
    first, second, third = told()
    assert first["event"] == "could not read %s after %d bytes"
    assert (first["logger"], first["numbers"], first["raised"], first["level"]) == (name, [17], "ValueError", "error")
    assert second["event"] == "ValueError"
    assert MARKER not in json.dumps([first, second, third])


def test_the_access_log_is_off(capsys):
    configure("debug")
    logging.getLogger("uvicorn.access").critical(MARKER)
    assert capsys.readouterr().err == ""


def test_a_forgotten_task_is_told_without_its_text(told):
    configure()

    async def work():
        loop = asyncio.get_running_loop()
        loop.call_exception_handler({"message": "Task exception was never retrieved", "exception": ValueError(MARKER)})

    asyncio.run(work())
    (line,) = told()
    assert line["raised"] == "ValueError"
    assert MARKER not in json.dumps(line)


def test_the_level(told):
    configure("warning")
    get_logger().info("quiet")
    get_logger().warning("loud")
    assert [line["event"] for line in told()] == ["loud"]


class Broken(io.TextIOBase):
    def write(self, _text):
        raise BrokenPipeError

    def flush(self):
        raise BrokenPipeError


@pytest.mark.parametrize("stream", ["closed", "broken", "none"])
def test_a_dead_stderr_touches_nobody(monkeypatch, stream):
    dead = {"closed": io.StringIO(), "broken": Broken(), "none": None}[stream]
    if stream == "closed":
        dead.close()
    monkeypatch.setattr(logs, "STDERR", Stderr())
    monkeypatch.setattr(sys, "stderr", dead)
    configure()
    get_logger().error("lost", exc_info=ValueError(MARKER))
    logging.getLogger("httpx").error("lost as well")
    assert logs.STDERR.lost == 2


def test_a_stuffed_pipe_does_not_block_and_says_what_was_lost(monkeypatch):
    reader, writer = os.pipe()
    door = Stderr()
    with os.fdopen(writer, "w", buffering=1) as stream, os.fdopen(reader, "rb") as pipe:
        monkeypatch.setattr(sys, "stderr", stream)
        for _ in range(2000):  # far more than a pipe holds
            door.write("x" * 200 + "\n")
        assert door.lost > 100
        lost = door.lost
        os.read(pipe.fileno(), 1 << 20)
        door.write("later\n")
        said, later = os.read(pipe.fileno(), 1 << 20).decode().splitlines()
    assert json.loads(said) == {"event": "log_lines_lost", "level": "warning", "lines": lost}
    assert later == "later"


def test_a_crash_is_told_without_the_exceptions_text():
    program = f"""
        import sys
        from guardproxy.observe.logs import configure, uncaught
        configure()
        sys.excepthook = uncaught
        raise ValueError("{MARKER}")
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, timeout=30, check=False
    )
    (line,) = done.stderr.splitlines()
    assert done.returncode == 1
    assert json.loads(line)["raised"] == "ValueError"
    assert MARKER not in line
