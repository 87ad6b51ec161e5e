"""What of tenancy must be measured: `python -m guardproxy.testing.tenancy` (make tenancy, docs/trust/tenancy.md).

Timing of the key check (TN-06)     Welch's t between two kinds of wrong keys, in process
Revocation (TN-08)                  from the command's last write to the first 401, a real proxy
A noisy tenant (TN-12)              response times of one tenant alone, and beside one that sends ten times its limit
The same at overload                beside one that sends ten times what the proxy can do: exit 1 when the 99th
                                    percentile is beyond `MOST` times the other, or the quiet one is refused anything
"""

from __future__ import annotations

import asyncio
import gc
import math
import random
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean, quantiles, variance
from time import monotonic, perf_counter, perf_counter_ns

import aiohttp
import uvloop

from guardproxy.policy.shipped import directory
from guardproxy.proxy.keyring import KeyRing, Made, fresh, write_keys
from guardproxy.proxy.tasks import spawn
from guardproxy.testing.fake_upstream import FakeUpstream
from guardproxy.testing.loop_upstream import LoopUpstream
from guardproxy.testing.overload import CALLERS, UPSTREAM_S, Run, asking, at, capacity, load
from guardproxy.testing.proxy_process import Serving, serving, settled
from guardproxy.testing.scripts import completion
from guardproxy.testing.slow_streams import POLICY

TRIES = 100_000
ROUNDS = 20
KEPT = 0.9
"""The share of the fastest tries that is compared: the rest is the machine's own noise (dudect does the same)."""
LOUD_A_MINUTE, TIMES, QUIET_A_SECOND, SECONDS, TURNS = 120, 10, 5, 5.0, 4
MOST, SETTLING_S = 1.5, 1.0
SAID = {"text": "When does the heron colony return?"}
SETTINGS = """\
keys: {{file: {file}}}
detectors: {{embedded: false}}
tenants:
  loud: {{{limits}}}
  quiet: {{}}
"""
LIMITS = f"requests_per_minute: {LOUD_A_MINUTE}, burst: 10, concurrent: 4"


@dataclass(frozen=True, slots=True)
class Scene:
    """A proxy with two tenants, and their keys."""

    proxy: Serving
    file: Path
    loud: Made
    quiet: Made


def key_timing(tries: int = TRIES, seed: int = 1) -> dict[str, float]:
    """Welch's t for pairs of wrong keys; below 4.5 nobody can tell them apart (dudect)."""
    made, others = fresh("t", 0.0), [fresh("t", 0.0).stored for _ in range(1000)]
    ring, head = KeyRing([made.stored, *others]), f"gp_{made.stored.id}_"
    secret = made.text.removeprefix(head)
    wrong = "x" * len(secret)
    pairs = {
        "all but the last character right": (head + secret[:-1] + "~", head + wrong),
        "half of it right": (head + secret[:20] + wrong[20:], head + wrong),
        "id known or not": (head + wrong, f"gp_0000000000_{wrong}"),
    }
    return {what: _t(ring, pair, tries, random.Random(seed)) for what, pair in pairs.items()}  # noqa: S311 - an order


def told(place: Scene) -> Iterator[str]:
    """What a real proxy does."""
    took = asyncio.run(revocation(place))
    yield f"revocation: {1000 * fmean(took):.0f} ms on average, {1000 * max(took):.0f} ms at most, {len(took)} rounds"
    alone, beside, loud = asyncio.run(noisy(place))
    for name, seconds in (("alone", alone), (f"beside one that sends {TIMES} times its limit", beside)):
        yield f"quiet tenant {name}: p50 {_p(50, seconds):.1f} ms, p99 {_p(99, seconds):.1f} ms, {len(seconds)} requests"
    yield f"p99 beside / alone: {_p(99, beside) / _p(99, alone):.2f}; the loud one got {dict(sorted(loud.items()))}"


def _t(ring: KeyRing, pair: tuple[str, str], tries: int, chance: random.Random) -> float:
    took: tuple[list[int], list[int]] = ([], [])
    gc.disable()
    for _ in range(tries):
        which = chance.getrandbits(1)
        offered = pair[which]
        began = perf_counter_ns()
        ring.holder(offered, 1.0)
        took[which].append(perf_counter_ns() - began)
    gc.enable()
    border = sorted(took[0] + took[1])[int(KEPT * tries)]
    one, other = ([value for value in side if value <= border] for side in took)
    spread = math.sqrt(variance(one) / len(one) + variance(other) / len(other))
    return (fmean(one) - fmean(other)) / spread


@contextmanager
def scene() -> Iterator[Scene]:
    """Ends with the block."""
    loud, quiet = fresh("loud", 1.0), fresh("quiet", 1.0)
    with tempfile.TemporaryDirectory() as place, FakeUpstream() as upstream:
        folder = Path(place)
        file, settings = folder / "keys.json", folder / "settings.yaml"
        write_keys(file, [loud.stored, quiet.stored])
        settings.write_text(SETTINGS.format(file=file, limits=LIMITS), encoding="utf-8")
        with serving(folder / "run", upstream.base, directory(), settings) as proxy:
            yield Scene(proxy, file, loud, quiet)


async def revocation(place: Scene, rounds: int = ROUNDS) -> list[float]:
    """Seconds from the end of the write to the first 401, once a round."""
    took: list[float] = []
    kept = [place.loud.stored, place.quiet.stored]
    async with aiohttp.ClientSession() as http:
        for _ in range(rounds):
            made = fresh("quiet", 1.0)
            write_keys(place.file, [*kept, made.stored])
            await _until(http, place, made, lambda status: status != 401)
            write_keys(place.file, [*kept, made.stored.model_copy(update={"revoked": 2.0})])
            took.append(await _until(http, place, made, lambda status: status == 401))
    return took


async def _until(http: aiohttp.ClientSession, place: Scene, made: Made, holds: Callable[[int], bool]) -> float:
    began = perf_counter()
    while not holds((await _check(http, place, made))[0]):
        if perf_counter() - began > 10:
            raise AssertionError("the key file was not read within ten seconds")
    return perf_counter() - began


async def _check(http: aiohttp.ClientSession, place: Scene, made: Made) -> tuple[int, float]:
    """Status and seconds of one check."""
    began = perf_counter()
    headers = {"x-api-key": made.text}
    async with http.post(f"{place.proxy.base}/guard/check", json=SAID, headers=headers) as answer:
        await answer.read()
        return answer.status, perf_counter() - began


async def noisy(place: Scene) -> tuple[list[float], list[float], dict[int, int]]:
    """Seconds of the quiet tenant's requests alone and beside the loud one, by turns; what the loud one was told."""
    alone: list[float] = []
    beside: list[float] = []
    told: dict[int, int] = {}
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
        for _ in range(TURNS):
            alone += [took for _, took in await _steadily(http, place, place.quiet, QUIET_A_SECOND)]
            loudly = _steadily(http, place, place.loud, TIMES * LOUD_A_MINUTE // 60)
            quiet, loud = await asyncio.gather(_steadily(http, place, place.quiet, QUIET_A_SECOND), loudly)
            beside += [took for _, took in quiet]
            for status, _ in loud:
                told[status] = told.get(status, 0) + 1
    return alone, beside, told


async def _steadily(http: aiohttp.ClientSession, place: Scene, made: Made, rate: int) -> list[tuple[int, float]]:
    """So many a second whatever becomes of them: nobody waits for an answer before asking again."""
    began = monotonic()
    async with asyncio.TaskGroup() as group:
        asked = []
        for at in range(int(rate * SECONDS)):
            await asyncio.sleep(max(0.0, began + at / rate - monotonic()))
            asked.append(group.create_task(_check(http, place, made)))
    return [one.result() for one in asked]


@dataclass(frozen=True, slots=True)
class Beside:
    """A quiet tenant alone and beside a loud one, by turns; and the loud one."""

    alone: tuple[Run, ...]
    beside: tuple[Run, ...]
    loud: tuple[Run, ...]

    def line(self) -> str:
        """For people."""
        (alone, beside), loud = self.p99s, self.loud
        served, sent = sum(len(run.served) for run in loud), sum(len(run.served) + len(run.refused) for run in loud)
        return (
            f"quiet tenant beside {loud[0].rate:.0f} requests a second of another, {served / sent:.0%} of them answered: p99 "
            f"{1000 * beside:.0f} ms, alone {1000 * alone:.0f} ms, {beside / alone:.2f} times; of "
            f"{sum(len(run.served) for run in self.beside)} requests {self.turned_away} were turned away"
        )

    @property
    def p99s(self) -> tuple[float, float]:
        """Seconds, alone and beside."""
        alone, beside = ([took for run in runs for took in run.served] for runs in (self.alone, self.beside))
        return at(alone, 0.99), at(beside, 0.99)

    @property
    def turned_away(self) -> int:
        """Requests of the quiet tenant that were not answered, in whatever way."""
        return sum(len(run.refused) + run.odd.total() for run in (*self.alone, *self.beside))

    @property
    def holds(self) -> bool:
        """TN-12."""
        alone, beside = self.p99s
        return not self.turned_away and beside <= MOST * alone


async def overloaded(folder: Path, seconds: float = SECONDS, turns: int = TURNS) -> Beside:
    """The loud one, without limits of its own, sends ten times what the proxy can do; settings are the shipped ones.

    The quiet one begins `SETTLING_S` later: it takes part of a second until so much is known to be too much.
    """
    loud, quiet = fresh("loud", 1.0), fresh("quiet", 1.0)
    file, settings, policy = folder / "keys.json", folder / "settings.yaml", folder / "slow.yaml"
    write_keys(file, [loud.stored, quiet.stored])
    settings.write_text(SETTINGS.format(file=file, limits=""), encoding="utf-8")
    policy.write_text(POLICY, encoding="utf-8")
    alone, beside, noise = [], [], []
    async with LoopUpstream(replace(completion("It stands in the water."), delay=UPSTREAM_S)) as upstream:
        with serving(folder / "run", upstream.base, policy, settings) as proxy:
            await settled(proxy)
            rate = TIMES * await capacity(proxy, CALLERS // 2, seconds, asking(loud.text))
            for _ in range(turns):
                alone.append(await load(proxy, QUIET_A_SECOND, seconds, asking(quiet.text)))
                flood = spawn(load(proxy, rate, seconds + SETTLING_S, asking(loud.text)))
                await asyncio.sleep(SETTLING_S)
                beside.append(await load(proxy, QUIET_A_SECOND, seconds, asking(quiet.text)))
                noise.append(await flood)
    return Beside(tuple(alone), tuple(beside), tuple(noise))


def _p(percent: int, seconds: list[float]) -> float:
    """Milliseconds."""
    return 1000 * quantiles(seconds, n=100, method="inclusive")[percent - 1]


def main() -> int:
    """The figures, one a line; 1 when a quiet tenant suffers."""
    say = sys.stdout.write
    for what, t in key_timing().items():
        say(f"key check, {what}: |t| = {abs(t):.2f} over {TRIES:,} tries (4.5 tells them apart)\n")
    with scene() as place:
        for line in told(place):
            say(line + "\n")
    with tempfile.TemporaryDirectory() as folder, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        found = runner.run(overloaded(Path(folder)))
    say(found.line() + "\n")
    return 0 if found.holds else 1


if __name__ == "__main__":
    sys.exit(main())
