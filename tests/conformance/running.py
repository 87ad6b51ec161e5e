"""The proxy and the fake upstream behind the matrix, and what they leave behind: records, counters, requests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from guardproxy.testing.fake_upstream import FakeUpstream

HERE = Path(__file__).parent
COUNTERS = ("requests_total", "decisions_total", "refusals_total", "rule_hits_total", "unchecked_total")

Series = tuple[str, frozenset[tuple[str, str]]]


@dataclass(slots=True)
class Running:
    """One proxy in `required` mode: a record is on disk before its answer leaves."""

    base: str
    admin: str
    upstream: FakeUpstream
    folder: Path
    client: httpx.Client
    log_at: int = field(default=0)

    def post(self, path: str, body: Any, headers: dict[str, str]) -> httpx.Response:
        return self.client.post(self.base + path, json=body, headers=headers)

    def new_records(self) -> list[dict[str, Any]]:
        """The lines of the decision log since the last call."""
        with (self.folder / "decisions.jsonl").open("rb") as log:
            log.seek(self.log_at)
            raw = log.read()
        whole = raw[: raw.rfind(b"\n") + 1]
        self.log_at += len(whole)
        lines = [json.loads(line) for line in whole.splitlines()]
        return [line for line in lines if "decision_id" in line]

    def counters(self) -> Counter[Series]:
        """The counters of contract.md 5 that an exchange moves, as `/metrics` shows them; zeros are left out."""
        found: Counter[Series] = Counter()
        for line in self.client.get(f"{self.admin}/metrics").text.splitlines():
            if line.startswith("guardproxy_") and not line.endswith(" 0.0"):
                name, _, rest = line.removeprefix("guardproxy_").partition("{")
                if name in COUNTERS:
                    labels, _, value = rest.rpartition("} ")
                    found[name, _labels(labels)] += int(float(value))
        return found


def series(name: str, **labels: str) -> Series:
    return name, frozenset(labels.items())


def _labels(text: str) -> frozenset[tuple[str, str]]:
    return frozenset((name, value.strip('"')) for name, _, value in (pair.partition("=") for pair in text.split(",")))


@contextmanager
def running(folder: Path, settings_file: Path | None = None, **settings: str) -> Iterator[Running]:
    """Starts both, and stops them; the proxy must end with exit code 0."""
    own = {
        "GUARDPROXY_AUDIT_PATH": str(folder / "decisions.jsonl"),
        "GUARDPROXY_AUDIT_MODE": "required",
        "GUARDPROXY_DETECTORS_EMBEDDED": "false",
        "GUARDPROXY_LISTEN_GRACE_S": "2",
    }
    with FakeUpstream() as upstream, httpx.Client(timeout=20, trust_env=False) as client:
        command = [sys.executable, str(HERE / "breaking.py"), "serve", "--upstream", upstream.base]
        command += ["--policies", str(HERE / "matrix.yaml"), "--port", "0", "--admin-port", "0"]
        command += ["--settings", str(settings_file)] if settings_file else []
        with (folder / "stderr.log").open("wb") as log:
            process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=log, env={**os.environ, **own, **settings}, cwd=folder
            )
        try:
            # It says where it listens once it does.
            base, admin = _address(process, "/v1 guards "), _address(process, "/metrics")
            yield Running(base, admin, upstream, folder, client)
        finally:
            client.close()
            process.terminate()
            process.communicate(timeout=15)
        assert process.returncode == 0, (folder / "stderr.log").read_text()


def _address(process: subprocess.Popen[bytes], behind: str) -> str:
    """The address in the first line of what the proxy prints that has `behind`; the address ends before it."""
    if process.stdout is None:
        raise AssertionError("its output is read")
    line = next((one for one in iter(process.stdout.readline, b"") if behind.encode() in one), b"").decode()
    assert line, "the proxy did not start"
    return "http://" + line.partition("http://")[2].partition(behind)[0].strip()
