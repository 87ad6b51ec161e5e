"""A hall over the demo policy, with an upstream that nobody needs."""

import pytest

from guardproxy.cli.demo import POLICY
from guardproxy.proxy.settings import AuditSettings, PolicySettings, Settings, UpstreamSettings
from guardproxy.proxy.start import open_hall


@pytest.fixture(scope="session")
def hall(tmp_path_factory):
    folder = tmp_path_factory.mktemp("console")
    settings = Settings(
        upstream=UpstreamSettings(url="http://127.0.0.1:9"),
        policies=PolicySettings(path=str(POLICY), changes=str(folder / "policy-changes.jsonl")),
        audit=AuditSettings(mode="off", path=str(folder / "decisions.jsonl")),
    )
    return open_hall(settings, lambda: 0.0)
