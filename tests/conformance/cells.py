"""The product surface × form × action × stage × channel; what is not applicable says why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec

from guardproxy.proxy.app import DOORS
from tests.conformance.anthropic import Messages
from tests.conformance.chat import Chat
from tests.conformance.completions import Completions
from tests.conformance.embeddings import Embeddings
from tests.conformance.judging import GuardCheck, Moderations, TextContents
from tests.conformance.responses import Responses
from tests.conformance.vocabulary import ACTIONS, FORMS, INPUT, LATE, OUTPUT, PLAIN, STYLED, Driver, Place

DRIVERS: tuple[Driver, ...] = (
    Chat(),
    Completions(),
    Responses(),
    Messages(),
    Embeddings(),
    Moderations(),
    GuardCheck(),
    TextContents(),
)
WAITING = "waiting: the surface is not served yet"
ROUTES_WAIT = "waiting: routes cannot be set yet"
ASKED_ONCE = "only answers are written again: the rule looks at them alone"
VERDICT = "the answer is the verdict, whatever a route's refusals look like"

HAS_ROUTES = find_spec("guardproxy.proxy.routes") is not None

Group = tuple[str, str, str, str]


@dataclass(frozen=True, slots=True)
class Cell:
    """One combination. `why` is empty where it must hold, else the reason why it cannot be asked."""

    driver: Driver
    form: str
    action: str
    stage: str
    channel: str
    why: str = ""

    @property
    def id(self) -> str:
        """Such as `messages-stream-refuse-output-reasoning`."""
        return f"{self.driver.name}-{self.form}-{self.action}-{self.stage}-{self.channel}"

    @property
    def place(self) -> Place:
        return places(self.driver, self.stage)[self.channel]

    @property
    def group(self) -> Group:
        """Cells that are asked one after another, between two looks at the counters."""
        return self.driver.name, self.form, self.action, self.stage


def places(driver: Driver, stage: str) -> dict[str, Place]:
    return dict(driver.inputs if stage == INPUT else driver.outputs)


def channels(stage: str) -> list[str]:
    """Every channel that any surface has at a stage, in the order of first mention."""
    return list(dict.fromkeys(name for driver in DRIVERS for name in places(driver, stage)))


def every_cell() -> Iterator[Cell]:
    """All of them."""
    for driver in DRIVERS:
        for stage in (INPUT, OUTPUT):
            for channel in channels(stage):
                for form in FORMS:
                    for action in ACTIONS:
                        yield Cell(driver, form, action, stage, channel, _why(driver, form, action, stage, channel))


def _why(driver: Driver, form: str, action: str, stage: str, channel: str) -> str:
    if driver.path not in DOORS:
        return WAITING
    if form != PLAIN and not driver.streams:
        return "the surface does not stream"
    if form == LATE and stage == INPUT:
        return "what is decided at the input is decided before the first text"
    place = places(driver, stage).get(channel)
    if place is None:
        return absent(driver, stage, channel)
    if action == "regenerate" and stage == INPUT:
        return ASKED_ONCE
    if action in STYLED and (driver.judges or not HAS_ROUTES):
        return VERDICT if driver.judges else ROUTES_WAIT
    if place.with_routes and not HAS_ROUTES:
        return ROUTES_WAIT
    return "" if ("refuse" if action in STYLED else action) in place.only else place.why


def absent(driver: Driver, stage: str, channel: str) -> str:
    """Why a surface has no such channel; KeyError when nobody has written it down."""
    reasons = driver.absent
    return reasons.get(channel) or reasons.get(stage) or reasons["*"]


CELLS = tuple(every_cell())
