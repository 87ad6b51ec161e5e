"""The running proxies that clients are tried on, the scripted model behind them, and the words they use.

open_house(folder)      context manager → House: its proxies are GUARDED and, on Linux, HUNG
Texts.named(text)       the proxy's texts in it replaced by their names, since each refusal has an id of its own
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from guardproxy.proxy.settings import Settings
from guardproxy.testing.clients.families import ROOT, SCRIPTS
from guardproxy.testing.clients.scenarios import (
    ERRORS,
    FIELD,
    GUARDED,
    HUNG,
    MODEL,
    NOTICE,
    REFUSAL,
    SCENARIOS,
    SHORT,
    TASKS,
    model_says,
)
from guardproxy.testing.fake_upstream import FakeUpstream
from guardproxy.testing.proxy_process import Serving, serving, stop_classifiers

POLICY = ROOT / "tests" / "e2e" / "policies" / "canary.yaml"
HUNG_POLICY = SCRIPTS / "hung.yaml"
PATHS = {
    "chat": "/chat/completions",
    "compatible": "/chat/completions",
    "responses": "/responses",
    "messages": "/messages",
}
ROUTES = {
    "default": {},
    "errors": {"models": [ERRORS], "upstream_model": MODEL, "refusal_style": "error"},
    "field": {"models": [FIELD], "upstream_model": MODEL, "refusal_style": "refusal_field"},
    "tasks": {"models": [TASKS], "upstream_model": MODEL, "background": True},
}
ID_SIZE = 26


@dataclass(frozen=True, slots=True)
class Texts:
    """The proxy's own words. A refusal ends with the decision's id, which is another one each time."""

    before_id: str
    after_id: str
    notice: str
    short: str

    def named(self, text: str) -> str:
        """The text with each of them replaced by its name."""
        head, found, rest = text.partition(self.before_id)
        while found and rest[ID_SIZE:].startswith(self.after_id):
            text = head + REFUSAL + rest[ID_SIZE + len(self.after_id) :]
            head, found, rest = text.partition(self.before_id)
        text = text.replace(self.notice, NOTICE)
        return text.replace(self.short, SHORT) if self.short else text

    def explain(self, message: str) -> bool:
        """True when the refusal's first line is in there, however the rest is escaped."""
        return self.before_id.partition("\n")[0] in message


@dataclass(frozen=True, slots=True)
class House:
    """The running proxies by name, the model behind them, and the words they use."""

    upstream: FakeUpstream
    proxies: Mapping[str, Serving]
    texts: Texts
    surfaces: frozenset[str]
    models: frozenset[str]

    @property
    def decided(self) -> int:
        """Decisions recorded so far by all of them."""
        return sum(proxy.decided for proxy in self.proxies.values())


def models() -> frozenset[str]:
    """Names of the model that have a way of their own: only one while the settings know no routes."""
    return frozenset({MODEL, ERRORS, FIELD, TASKS} if "routes" in Settings.model_fields else {MODEL})


@contextmanager
def open_house(folder: Path) -> Iterator[House]:
    """Starts the proxies and stops the classifier of the one that shall fail."""
    with ExitStack() as stack:
        upstream = stack.enter_context(FakeUpstream(model_says))
        settings = folder / "settings.yaml"
        settings.write_text(json.dumps({"routes": ROUTES} if len(models()) > 1 else {}), encoding="utf-8")
        plain = {"GUARDPROXY_DETECTORS_EMBEDDED": "false"}
        guarded = stack.enter_context(serving(folder / GUARDED, upstream.base, POLICY, settings, plain))
        proxies = {GUARDED: guarded}
        hasty = {"GUARDPROXY_DETECTORS_EMBEDDED_DEADLINE_MS": "50"}
        hung = stack.enter_context(serving(folder / HUNG, upstream.base, HUNG_POLICY, environment=hasty))
        if stop_classifiers(hung):
            proxies[HUNG] = hung
        base = guarded.base
        served = {name for name, path in PATHS.items() if _post(base + path, {}).status_code != httpx.codes.NOT_FOUND}
        yield House(upstream, proxies, _texts(base), frozenset(served), models())


def _post(url: str, body: Mapping[str, Any]) -> httpx.Response:
    return httpx.post(url, json=body, timeout=20, trust_env=False)


def _texts(base: str) -> Texts:
    """Asks for them without any client."""
    refusal, decision = _said(base, "refuse")
    noticed, _ = _said(base, "warn")
    short, _ = _said(base, "task") if TASKS in models() else ("", "")
    before, _, after = refusal.partition(decision)
    return Texts(before, after, noticed.removeprefix("".join(SCENARIOS["warn"].pieces)), short)


def _said(base: str, name: str) -> tuple[str, str]:
    scenario = SCENARIOS[name]
    asked = {"model": scenario.model, "messages": [{"role": "user", "content": scenario.asks}]}
    body = _post(base + PATHS["chat"], asked).json()
    return body["choices"][0]["message"]["content"], body["guardproxy"]["decision_id"]
