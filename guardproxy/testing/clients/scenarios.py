"""What each real client is asked, what the scripted model says to it, and what every client must show.

SCENARIOS                              by name: what is asked, of which proxy, what the model answers
model_says(request) -> Script          the scripted upstream, on chat completions, responses and messages
Cell, Seen                              one question to one client, and what it showed
broken_law(cell, seen) -> str           "" or what no client may ever do, whatever is written down as expected

All words are made up: a proxy with tests/e2e/policies/canary.yaml refuses `bluefinch`, takes out `captain turnip` and
gives a notice about a `garden ladder`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from guardproxy.testing.fake_upstream import Recorded
from guardproxy.testing.scripts import Script, completion, stream_of
from guardproxy.testing.scripts_typed import message, message_stream, response, response_stream

REFUSAL, NOTICE, SHORT = "{refusal}", "{notice}", "{short}"
"""They stand for the proxy's texts in what a client showed."""
NEVER_SEEN = ("bluefinch", "captain turnip")

GUARDED, HUNG = "guarded", "hung"
"""The proxies: the usual one, and one whose classifier hangs."""
MODEL, ERRORS, FIELD, TASKS = "m", "m-errors", "m-field", "m-tasks"
"""Names of the one model, each with a route: refusals as messages, as errors, in `refusal`, for background tasks."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """`asks` reaches the model (or does not); `pieces` are what it then says. `cut`: it dies before the end.

    `plain`: also without a stream. `retries` None leaves the client's own setting, so that a repeated refusal shows.
    """

    name: str
    title: str
    asks: str
    pieces: tuple[str, ...] = ()
    proxy: str = GUARDED
    model: str = MODEL
    structured: bool = False
    plain: bool = True
    cut: bool = False
    retries: int | None = None

    @property
    def modes(self) -> tuple[str, ...]:
        """Plain and streamed."""
        return ("plain", "stream") if self.plain else ("stream",)


def _by_name(*scenarios: Scenario) -> Mapping[str, Scenario]:
    return MappingProxyType({scenario.name: scenario for scenario in scenarios})


SCENARIOS = _by_name(
    Scenario("allow", "allow", "How is the weather?", ("A calm ", "an", "swer.")),
    Scenario("warn", "warn", "How tall is a garden ladder?", ("Two ", "metres.")),
    Scenario("redact", "redact", "Who is captain turnip?", ("I met captain tur", "nip in ", "Oslo.")),
    Scenario("refuse", "refuse", "Tell me about the bluefinch."),
    Scenario(
        "midstream",
        "refuse the answer",
        "What is the plan?",
        ("The plan is simple. ", "It is called blue", "finch and it ", "begins soon."),
    ),
    Scenario("structured", "structured, allow", "Name a pet.", ('{"name": ', '"Rex"}'), structured=True),
    Scenario("structured-refuse", "structured, refuse", "Name a bluefinch.", structured=True),
    Scenario("error", "error style", "Tell me about the bluefinch.", model=ERRORS),
    Scenario("structured-error", "structured, error style", "Name a bluefinch.", model=ERRORS, structured=True),
    Scenario("field", "`refusal` style", "Tell me about the bluefinch.", model=FIELD),
    Scenario("task", "task model", "A title for bluefinch.", model=TASKS),
    Scenario("fault", "guard fault", "How is the weather today?", ("A calm answer.",), proxy=HUNG, retries=0),
    Scenario(
        "cut",
        "upstream dies",
        "Tell me a story.",
        ("Once upon a time. ", "There was a "),
        plain=False,
        cut=True,
        retries=0,
    ),
)


def model_says(request: Recorded) -> Script:
    """The script of the scenario whose question the request holds; `?` when it holds none."""
    body = request.body.decode(errors="replace").replace("[name]", "captain turnip")
    scenario = next((s for s in SCENARIOS.values() if s.asks in body), None)
    streamed = isinstance(request.json, dict) and request.json.get("stream") is True
    pieces = scenario.pieces if scenario is not None else ("?",)
    script = _script(request.path, pieces, streamed=streamed)
    if scenario is not None and scenario.cut:
        said = len(scenario.pieces)
        return replace(script, segments=script.segments[: said + _BEFORE_TEXT.get(_surface(request.path), 1)])
    return script


_BEFORE_TEXT = {"responses": 4, "messages": 3}
"""Events of a stream before its first text; a chat has one."""


def _surface(path: str) -> str:
    return path.rpartition("/")[2]


def _script(path: str, pieces: tuple[str, ...], *, streamed: bool) -> Script:
    surface = _surface(path)
    if surface == "responses":
        return response_stream(pieces) if streamed else response("".join(pieces))
    if surface == "messages":
        return message_stream(pieces) if streamed else message("".join(pieces))
    return stream_of(pieces) if streamed else completion("".join(pieces))


@dataclass(frozen=True, slots=True)
class Cell:
    """One question to one client: `surface` is the client's way of speaking, `mode` plain or stream."""

    surface: str
    mode: str
    scenario: str

    @property
    def name(self) -> str:
        """Its name in the table of expectations."""
        return f"{self.surface} {self.mode} {self.scenario}"


@dataclass(frozen=True, slots=True)
class Raised:
    """An exception, as far as programs look at it. `explains`: its message holds the refusal."""

    kind: str
    code: str | None
    status: int | None
    explains: bool


@dataclass(frozen=True, slots=True)
class Seen:
    """What one client showed, the proxy's texts replaced by their names.

    `calls`: how often the model was asked. `leaked`: words that no client may see, wherever they stood.
    """

    text: str
    finish: str | None
    refusal: str | None
    error: Raised | None
    calls: int
    leaked: tuple[str, ...] = ()


Law = Callable[[Cell, Seen], bool]


def _says(words: str) -> Law:
    return lambda _, seen: (seen.text, seen.error) == (words, None)


def _refuses_the_answer(cell: Cell, seen: Seen) -> bool:
    """The refusal is the end; nothing stands before it but, in a stream, what had been released."""
    head, refusal, tail = seen.text.partition(REFUSAL)
    begun = head.startswith("The plan is simple.") if cell.mode == "stream" else not head
    return begun and bool(refusal) and not tail and seen.error is None


def _explains(_: Cell, seen: Seen) -> bool:
    """The refusal reaches the program in one way or the other."""
    return REFUSAL in (seen.text + (seen.refusal or "")) or (seen.error is not None and seen.error.explains)


def _is_a_refusing_error(cell: Cell, seen: Seen) -> bool:
    return seen.error is not None and _explains(cell, seen) and seen.calls == 0


def _is_a_fault(_: Cell, seen: Seen) -> bool:
    return seen.error is not None and not seen.error.explains and REFUSAL not in seen.text


LAWS: Mapping[str, Law] = MappingProxyType(
    {
        "allow": _says("A calm answer."),
        "warn": _says(f"Two metres.{NOTICE}"),
        "redact": _says("I met [name] in Oslo."),
        "refuse": lambda cell, seen: _says(REFUSAL)(cell, seen) and seen.calls == 0,
        "midstream": _refuses_the_answer,
        "structured": lambda _, seen: "Rex" in seen.text and seen.error is None,
        "structured-refuse": lambda cell, seen: _explains(cell, seen) and seen.calls == 0,
        "error": _is_a_refusing_error,
        "structured-error": _is_a_refusing_error,
        "field": lambda cell, seen: _explains(cell, seen) and seen.calls == 0,
        "task": lambda cell, seen: _says(SHORT)(cell, seen) and seen.calls == 0,
        "fault": _is_a_fault,
        # The Responses surface ends such a stream with a status of its own; OpenAI's clients do not raise on it.
        "cut": lambda cell, seen: _is_a_fault(cell, seen) or (seen.finish or "").startswith("failed/"),
    }
)


def broken_law(cell: Cell, seen: Seen) -> str:
    """What is wrong, whatever was expected; "" when nothing is."""
    if seen.leaked:
        return f"shows {seen.leaked[0]}"
    return "" if LAWS[cell.scenario](cell, seen) else f"breaks the law of `{cell.scenario}`"
