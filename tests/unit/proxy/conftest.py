"""Small policies and a hall over one of them, with an upstream that nobody needs."""

from __future__ import annotations

from dataclasses import replace

import httpx
import pytest

from guardproxy.core.detector_info import DetectorInfo, Tier, Unit
from guardproxy.core.findings import Failure, FailureKind, Finding
from guardproxy.detectors.bench import Toolbox
from guardproxy.proxy.app import DataApp
from guardproxy.proxy.hall import Benches
from guardproxy.proxy.settings import AuditSettings, DetectorSettings, PolicySettings, Settings, UpstreamSettings
from guardproxy.proxy.start import open_hall

POLICY = """\
guardproxy: policy/v1
policy: sample
revision: {revision}
owner: tests@example.org
about: Phrases that nobody says.
applies_to: {{routes: ["*"], tenants: ["*"]}}
rules:
  - {{id: finch, about: Code name of a project., words: [bluefinch], on_match: refuse}}
  - {{id: nickname, about: A nickname is taken out., words: [captain turnip], on_match: redact, replace_with: "[name]"}}
  - {{id: ladders, about: Talk about ladders gets a notice., words: [garden ladder], on_match: warn}}
  - {{id: gutters, about: Talk about gutters too., words: [roof gutter], on_match: warn, topic: {{en: roof gutters}}}}
tests:
  - {{name: everyday talk passes, user: When does the heron colony return?, expect: allow}}
  - {{name: the code name is refused, user: Tell me about the bluefinch, expect: {{refuse: finch}}}}
"""


@pytest.fixture
def policy_file(tmp_path):
    file = tmp_path / "policies" / "sample.yaml"
    file.parent.mkdir()
    file.write_text(POLICY.format(revision=1), encoding="utf-8")
    return file


@pytest.fixture
def hall(tmp_path, policy_file):
    settings = Settings(
        upstream=UpstreamSettings(url="http://127.0.0.1:9"),
        policies=PolicySettings(path=str(policy_file), changes=str(tmp_path / "var" / "policy-changes.jsonl")),
        audit=AuditSettings(mode="off", path=str(tmp_path / "decisions.jsonl")),
        detectors=DetectorSettings(embedded=False),
    )
    return open_hall(settings, lambda: 1_800_000_000.0)


HAZARD_RULE = """\
  - {id: contempt, about: Contempt for people., hazard: hate, thresholds: {warn: 0.5, refuse: 0.9}}
tests:
"""


class Model:
    """Finds hate in a made-up word, or breaks."""

    info = DetectorInfo("m", "7", frozenset({"hate.speech", "hate.threat"}), Tier.MODEL, Unit.SCORE, spans=False)
    fails = False

    async def inspect(self, segments):
        if self.fails:
            return Failure("m", FailureKind.UNAVAILABLE, segments[0].stage)
        return [Finding("m", "hate.threat", 0.6, s) for s in segments if "gloomp" in s.text]


@pytest.fixture
def model():
    return Model()


@pytest.fixture
def outcomes(hall, monkeypatch):
    """What was recorded."""
    kept, write = [], hall.recorder.record

    async def record(outcome):
        kept.append(outcome)
        await write(outcome)

    monkeypatch.setattr(hall.recorder, "record", record)
    return kept


@pytest.fixture
def judging(hall, policy_file, model, outcomes):
    """The data listener over the sample policy and one rule on a hazard, which a made-up model reports."""
    del outcomes
    toolbox = Toolbox(models=(model,))
    hall.shelf._detectors = toolbox.infos
    policy_file.write_text(POLICY.format(revision=2).replace("tests:\n", HAZARD_RULE), encoding="utf-8")
    assert hall.shelf.reload().ok, hall.shelf.last.report
    return DataApp(replace(hall, benches=Benches(toolbox)))


@pytest.fixture
def send():
    """Asks an application without a socket."""

    async def asked(app, path, method="POST", **more):
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as http:
            return await http.request(method, path, **more)

    return asked
