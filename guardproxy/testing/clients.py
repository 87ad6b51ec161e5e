"""Real client libraries over real sockets, before a real proxy: what does their user see?

    python -m guardproxy.testing.clients [--families ID …] [--accept] [--no-page]      `make clients`

Each family of tests/clients gets an environment of its own in .clients, asks every scenario plain and streamed, and
is compared with tests/clients/golden.json. Prints the table and writes it into docs/clients.md. Exit 1 on any
difference. `--accept` writes golden.json anew; what breaks a law (client_scenarios.LAWS) fails all the same, unless
EXCUSED says why the client cannot do better.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import httpx

from guardproxy.proxy.settings import Settings
from guardproxy.testing import client_page
from guardproxy.testing.client_families import ENVIRONMENTS, FAMILIES, ROOT, SCRIPTS, Family, ask, make_environment
from guardproxy.testing.client_scenarios import (
    ERRORS,
    GUARDED,
    HUNG,
    NEVER_SEEN,
    NOTICE,
    REFUSAL,
    SCENARIOS,
    Cell,
    Raised,
    Seen,
    broken_law,
    model_says,
)
from guardproxy.testing.fake_upstream import FakeUpstream
from guardproxy.testing.proxy_process import Serving, serving, stop_classifiers

GOLDEN = SCRIPTS / "golden.json"
POLICY = ROOT / "tests" / "e2e" / "policies" / "canary.yaml"
HUNG_POLICY = SCRIPTS / "hung.yaml"
PATHS = {"chat": "/chat/completions", "compatible": "/chat/completions", "responses": "/responses", "messages": "/messages"}
ERROR_STYLE = {"routes": [{"name": "default", "refusal_style": "error"}]}
ID_SIZE = 26

EXCUSED: Mapping[str, str] = MappingProxyType({})
"""`family cell` → why this client breaks a law."""


@dataclass(frozen=True, slots=True)
class Texts:
    """The proxy's own words. A refusal ends with the decision's id, which is another one each time."""

    before_id: str
    after_id: str
    notice: str

    def named(self, text: str) -> str:
        """The text with each of them replaced by its name."""
        head, found, rest = text.partition(self.before_id)
        while found and rest[ID_SIZE:].startswith(self.after_id):
            text = head + REFUSAL + rest[ID_SIZE + len(self.after_id) :]
            head, found, rest = text.partition(self.before_id)
        return text.replace(self.notice, NOTICE)

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

    @property
    def decided(self) -> int:
        """Decisions recorded so far by all of them."""
        return sum(proxy.decided for proxy in self.proxies.values())


@dataclass(frozen=True, slots=True)
class Row:
    """One family: its versions, what was seen, cells that were not asked with the reason, and questions and decisions."""

    family: Family
    versions: Mapping[str, str]
    seen: Mapping[Cell, Seen]
    left_out: Mapping[Cell, str]
    decided: int


def error_style() -> Mapping[str, Any] | None:
    """The settings that make refusals errors; None while there is no such setting."""
    return ERROR_STYLE if "routes" in Settings.model_fields else None


@contextmanager
def open_house(folder: Path) -> Iterator[House]:
    """Starts the proxies and stops the classifier of the one that shall fail."""
    with ExitStack() as stack:
        upstream = stack.enter_context(FakeUpstream(model_says))
        plain = {"GUARDPROXY_DETECTORS_EMBEDDED": "false"}
        proxies = {GUARDED: stack.enter_context(serving(folder / GUARDED, upstream.base, POLICY, **plain))}
        style = error_style()
        if style is not None:
            file = folder / "errors.yaml"
            file.write_text(json.dumps(style), encoding="utf-8")
            proxies[ERRORS] = stack.enter_context(
                serving(folder / ERRORS, upstream.base, POLICY, settings_file=file, **plain)
            )
        hasty = {"GUARDPROXY_DETECTORS_EMBEDDED_DEADLINE_MS": "50"}
        hung = stack.enter_context(serving(folder / HUNG, upstream.base, HUNG_POLICY, **hasty))
        if stop_classifiers(hung):
            proxies[HUNG] = hung
        base = proxies[GUARDED].base
        served = {name for name, path in PATHS.items() if _post(base + path, {}).status_code != httpx.codes.NOT_FOUND}
        yield House(upstream, proxies, _texts(base), frozenset(served))


def _post(url: str, body: Mapping[str, Any]) -> httpx.Response:
    return httpx.post(url, json=body, timeout=20, trust_env=False)


def _texts(base: str) -> Texts:
    """Asks for them without any client."""

    def said(name: str) -> tuple[str, str]:
        body = _post(
            base + PATHS["chat"], {"model": "m", "messages": [{"role": "user", "content": SCENARIOS[name].asks}]}
        ).json()
        return body["choices"][0]["message"]["content"], body["guardproxy"]["decision_id"]

    refusal, decision = said("refuse")
    noticed, _ = said("warn")
    before, _, after = refusal.partition(decision)
    return Texts(before, after, noticed.removeprefix("".join(SCENARIOS["warn"].pieces)))


def _cells(family: Family) -> list[Cell]:
    return [
        Cell(surface, mode, scenario.name)
        for surface in family.surfaces
        for scenario in SCENARIOS.values()
        for mode in scenario.modes
    ]


def _left_out(family: Family, cell: Cell, house: House) -> str:
    """Why a cell is not asked; "" when it is."""
    scenario = SCENARIOS[cell.scenario]
    if cell.surface not in house.surfaces:
        return f"waits for {PATHS[cell.surface]}"
    if scenario.proxy == ERRORS and ERRORS not in house.proxies:
        return "waits for routes"
    if scenario.proxy == HUNG and HUNG not in house.proxies:
        return "needs Linux"
    if scenario.structured:
        places = (cell.surface, f"{cell.surface} {cell.mode}")
        return next((why for place, why in family.unstructured if place in places), "")
    return ""


def _job(family: Family, cell: Cell, house: House) -> dict[str, Any]:
    scenario = SCENARIOS[cell.scenario]
    return {
        "id": cell.name,
        "base": house.proxies[scenario.proxy].base,
        "surface": cell.surface,
        "stream": cell.mode == "stream",
        "text": f"{scenario.asks} {_mark(family, cell)}",
        "structured": scenario.structured,
        "retries": scenario.retries,
    }


def _mark(family: Family, cell: Cell) -> str:
    """Tells one question from another in what the model was sent."""
    return f"({family.id} {cell.name})"


def look(family: Family, environment: Path, house: House) -> Row:
    """Asks one family everything it can be asked."""
    left_out = {cell: why for cell in _cells(family) if (why := _left_out(family, cell, house))}
    cells = [cell for cell in _cells(family) if cell not in left_out]
    before = house.decided
    answers = ask(family, environment, [_job(family, cell, house) for cell in cells])
    seen = {cell: _seen(answers.seen[cell.name], _mark(family, cell), house) for cell in cells}
    return Row(family, answers.versions, seen, left_out, house.decided - before)


def _seen(raw: Mapping[str, Any], mark: str, house: House) -> Seen:
    texts, error = house.texts, raw["error"]
    refusal = texts.named(raw["refusal"]) if raw["refusal"] is not None else None
    raised = (
        Raised(error["class"], error["code"], error["status"], texts.explain(error["message"]))
        if error is not None
        else None
    )
    whole = json.dumps(raw, ensure_ascii=False).lower()
    calls = sum(mark in request.body.decode(errors="replace") for request in house.upstream.requests)
    leaked = tuple(words for words in NEVER_SEEN if words in whole)
    return Seen(texts.named(raw["text"]), raw["finish"], refusal, raised, calls, leaked)


def wrong(row: Row, golden: Mapping[str, Any]) -> list[str]:
    """Differences to what is expected, broken laws, repeated questions; one line each."""
    expected = golden.get(row.family.id, {})
    found = []
    for cell, seen in row.seen.items():
        place, now = f"{row.family.id} {cell.name}", written(seen)
        law = broken_law(cell, seen)
        if bool(law) != (place in EXCUSED):
            found.append(f"{place}: {law or 'EXCUSED says it breaks a law, and it does not'}: {now}")
        if now != expected.get(cell.name):
            found.append(f"{place}: {now} instead of {expected.get(cell.name)}")
    known = {cell.name for cell in (*row.seen, *row.left_out)}
    found += [f"{row.family.id} {name}: expected, but there is no such cell" for name in expected if name not in known]
    if row.decided != len(row.seen):
        found.append(f"{row.family.id}: {len(row.seen)} questions, {row.decided} decisions: something was asked again")
    return found


def written(seen: Seen) -> dict[str, Any]:
    """As it stands in golden.json: only what is there."""
    error = {name: value for name, value in asdict(seen.error).items() if value} if seen.error else None
    whole = {"text": seen.text, "finish": seen.finish, "refusal": seen.refusal, "error": error, "calls": seen.calls}
    return {name: value for name, value in whole.items() if value not in (None, "")}


def accepted(rows: Sequence[Row], golden: Mapping[str, Any]) -> str:
    """golden.json with these rows, a line a cell; what was not asked keeps its line."""
    merged = dict(golden)
    for row in rows:
        names = {cell.name for cell in (*row.seen, *row.left_out)}
        kept = {name: cell for name, cell in merged.get(row.family.id, {}).items() if name in names}
        merged[row.family.id] = kept | {cell.name: written(seen) for cell, seen in row.seen.items()}
    families = []
    for name, cells in sorted(merged.items()):
        lines = [f"  {json.dumps(cell)}: {json.dumps(cells[cell], ensure_ascii=False)}" for cell in sorted(cells)]
        families.append(f" {json.dumps(name)}: {{\n" + ",\n".join(lines) + "\n }")
    return "{\n" + ",\n".join(families) + "\n}\n"


def main() -> int:
    """Runs what is asked for; see the module's text."""
    parser = argparse.ArgumentParser(description="Real client libraries before a real proxy.")
    parser.add_argument("--families", nargs="*", choices=list(FAMILIES), default=list(FAMILIES))
    parser.add_argument("--accept", action="store_true", help="write golden.json anew")
    parser.add_argument("--no-page", action="store_true", help="leave docs/clients.md alone")
    options = parser.parse_args()
    families = [FAMILIES[name] for name in options.families]
    environments = {family.id: make_environment(family, ENVIRONMENTS) for family in families}
    with tempfile.TemporaryDirectory() as folder, open_house(Path(folder)) as house:
        rows = [look(family, environments[family.id], house) for family in families]
    golden = json.loads(GOLDEN.read_text(encoding="utf-8")) if GOLDEN.exists() else {}
    if options.accept:
        GOLDEN.write_text(accepted(rows, golden), encoding="utf-8")
        golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    print(client_page.table([(row.family, row.versions, row.seen, row.left_out) for row in rows]))
    mistakes = [line for row in rows for line in wrong(row, golden)]
    print("\n".join(mistakes), file=sys.stderr)
    return 1 if mistakes else 0


if __name__ == "__main__":
    sys.exit(main())
