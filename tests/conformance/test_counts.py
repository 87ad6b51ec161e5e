"""Under a mixed load, bad bodies, faults and callers who leave included: as many decisions are recorded and counted as
requests were answered or given up, and each answer names a record that says the same.
"""

from __future__ import annotations

import json
import random
import socket
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

import pytest

from guardproxy.proxy.app import DOORS
from guardproxy.testing.fake_upstream import Recorded
from guardproxy.testing.scripts import Script, answer
from tests.conformance.cells import DRIVERS, places
from tests.conformance.running import Running, Series, running
from tests.conformance.vocabulary import CALM, INPUT, PLAIN, STREAM, TEXTS, Driver

ROUNDS = 6
SERVED = tuple(driver for driver in DRIVERS if places(driver, INPUT))
BREAKING = ("cut", "reset", "html", "busy")
ABRUPT = ("half a body", "half a stream")


@dataclass(frozen=True, slots=True)
class Shot:
    """One request. `gone`: how its caller leaves before the answer is complete; `items`: decisions it asks for."""

    driver: Driver
    body: bytes
    content_type: str = "application/json"
    method: str = "POST"
    gone: str = ""
    items: int = 1


def upstream_says(request: Recorded) -> Script:
    """What the field `x_play` of the forwarded body asks for: calm answers, words, and everything that breaks."""
    driver = next(one for one in DRIVERS if one.path.endswith(request.path))
    streamed = request.json.get("stream") is True
    play = request.json.get("x_play") or "calm"
    if play == "html":
        return Script((b"<html>",), content_type="text/html")
    if play == "busy":
        return answer({"error": {"message": "busy"}}, status=429)
    content = driver.outputs.get("content")
    if content is None or content.script is None:
        return driver.calm(streamed)
    script = content.script("Fine." if play in BREAKING else play, STREAM if streamed else PLAIN, CALM)
    match play:
        case "cut":
            return replace(script, segments=script.segments[:-3])
        case "reset":
            return replace(script, reset_at=600)
        case "slow":
            return replace(script, pause=0.2)
    return script


def bodies(driver: Driver) -> list[Shot]:
    """Every action at the input, bad bodies of each kind, faults of the upstream."""
    place = places(driver, INPUT).get("user") or places(driver, INPUT)["text"]
    asked = [driver.request(INPUT, place, f"Look at {w.phrase} here.", stream=False) for w in TEXTS.values()]
    good = [Shot(driver, json.dumps(body).encode()) for body in asked]
    calm = {**asked[0], "stream": True} if driver.streams else asked[0]
    plays = () if driver.judges else (*BREAKING, *(w.phrase for w in TEXTS.values()))
    played = [Shot(driver, json.dumps({**calm, "x_play": play}).encode()) for play in plays]
    bad = [Shot(driver, raw) for raw in (b"{", b"[]", b"\xff", b'{"a":1,"a":2}', b" " * (1024 * 1024 + 1))]
    refused = [Shot(driver, b"{}", content_type="text/plain"), Shot(driver, b"", method="GET")]
    left = [Shot(driver, b'{"model":"m"', gone=ABRUPT[0])]
    if driver.streams:
        left.append(Shot(driver, json.dumps({**calm, "x_play": "slow"}).encode(), gone=ABRUPT[1]))
    if driver.name == "guard_check":
        batch = {"items": [{"text": w.phrase} for w in TEXTS.values() if w.rule != "fragile"]}
        good.append(Shot(driver, json.dumps(batch).encode(), items=len(batch["items"])))
    return [*good, *played, *bad, *refused, *left]


def fire(proxy: Running, shot: Shot) -> list[tuple[str, int]]:
    """The decisions the caller is told of, with the status; of a caller who leaves, none."""
    if shot.gone:
        _leave(proxy.base, shot)
        return []
    headers = {"content-type": shot.content_type, **shot.driver.headers}
    got = proxy.client.request(shot.method, proxy.base + shot.driver.path, content=shot.body, headers=headers)
    told = got.headers["x-guardproxy-decision-id"]
    if shot.items == 1:
        return [(told, got.status_code)]
    found = [(item["decision_id"], got.status_code) for item in got.json()["items"]]
    assert told in dict(found)
    return found


def _leave(base: str, shot: Shot) -> None:
    """Sends less than it announced, or reads less than it was sent."""
    address = urlsplit(base)
    size = len(shot.body) + (shot.gone == ABRUPT[0]) * 100
    head = f"POST {shot.driver.path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {size}"
    head += "".join(f"\r\n{name}: {value}" for name, value in shot.driver.headers.items())
    with socket.create_connection((address.hostname, address.port), timeout=10) as sock:
        sock.sendall(head.encode() + b"\r\n\r\n" + shot.body)
        if shot.gone == ABRUPT[1]:
            assert sock.recv(64)


def _requests(proxy: Running, before: Counter[Series], wanted: int) -> dict[Any, int]:
    """By labels. Where nobody waits for an answer, a record is on disk a moment before it is counted."""
    counted: dict[Any, int] = {}

    def all_counted() -> bool:
        moved = proxy.counters() - before
        counted.update({labels: n for (name, labels), n in moved.items() if name == "requests_total"})
        return sum(counted.values()) >= wanted

    assert proxy.upstream.until(all_counted), f"{sum(counted.values())} counted of {wanted}"
    return counted


@pytest.fixture(scope="module")
def proxy(tmp_path_factory):
    with running(tmp_path_factory.mktemp("counts")) as proxy:
        proxy.upstream.answer_with(upstream_says)
        yield proxy


def test_decisions_recorded_are_requests_answered(proxy):
    shots = [shot for driver in SERVED if driver.path in DOORS for shot in bodies(driver)] * ROUNDS
    random.Random(7).shuffle(shots)
    before = proxy.counters()
    with ThreadPoolExecutor(8) as pool:
        told = dict(pair for found in pool.map(lambda shot: fire(proxy, shot), shots) for pair in found)
    lines: list[dict[str, Any]] = []
    wanted = sum(shot.items for shot in shots)

    def all_recorded() -> bool:
        lines.extend(proxy.new_records())
        return len(lines) >= wanted

    assert proxy.upstream.until(all_recorded, timeout=10), f"{len(lines)} records of {wanted}"
    records = {line["decision_id"]: line for line in lines}
    assert len(records) == len(lines) == wanted, "one record a decision"
    assert set(told) <= set(records), "an answer without a record"
    assert {i: records[i]["status"] for i in told} == told, "a record that says another status"
    left = [line for i, line in records.items() if i not in told]
    assert len(left) == sum(bool(shot.gone) for shot in shots), "a record without an answer"
    counted = _requests(proxy, before, wanted)
    of = Counter(
        frozenset({"route": x["route"], "surface": x["surface"], "outcome": x["outcome"]}.items()) for x in lines
    )
    assert counted == of, "the counters say what the records say"
    assert sum(counted.values()) == wanted
    outcomes = {line["outcome"] for line in lines}
    assert outcomes >= {"allow", "log", "warn", "redact", "refuse", "error", "bad_request", "client_abort"}
    assert {line["surface"] for line in lines} == {d.name for d in SERVED if d.path in DOORS}
