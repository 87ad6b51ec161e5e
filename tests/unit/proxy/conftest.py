"""Small policies and a hall over one of them, with an upstream that nobody needs."""

from __future__ import annotations

import pytest

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
        policies=PolicySettings(path=str(policy_file)),
        audit=AuditSettings(mode="off", path=str(tmp_path / "decisions.jsonl")),
        detectors=DetectorSettings(embedded=False),
    )
    return open_hall(settings, lambda: 1_800_000_000.0)
