"""A real proxy process before a scripted upstream, over real sockets."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from guardproxy.testing.fake_upstream import FakeUpstream

CASES = Path(__file__).parents[3] / "shared" / "cases"
JS = Path(__file__).parent / "js"
POLICY = Path(__file__).parent / "policies" / "canary.yaml"


@dataclass(frozen=True)
class Running:
    """A proxy that accepts connections, and what stands behind it."""

    base: str
    admin: str
    upstream: FakeUpstream
    folder: Path
    process: subprocess.Popen

    def chat(self, body, **more):
        return self.post("/v1/chat/completions", body, **more)

    def post(self, path, body, **more):
        return httpx.post(self.base + path, json=body, timeout=20, trust_env=False, **more)

    def record(self, answer):
        """The line of the decision log that belongs to an answer; in `required` mode it is there before the answer."""
        return self.record_of(answer.headers["x-guardproxy-decision-id"])

    def record_of(self, wanted):
        """The same by the decision's id."""
        lines = map(json.loads, (self.folder / "decisions.jsonl").read_text().splitlines())
        (line,) = [one for one in lines if one.get("decision_id") == wanted]
        return line

    def counted(self, **labels):
        """The sum of `guardproxy_requests_total` over the series with these labels."""
        page = httpx.get(f"{self.admin}/metrics", trust_env=False).text
        wanted = {f'{name}="{value}"' for name, value in labels.items()}
        lines = [line for line in page.splitlines() if line.startswith("guardproxy_requests_total{")]
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if all(label in line for label in wanted))


def assert_turned_away(proxy, surface, raw, expected):
    """A bad body: the error names its place, the upstream is not asked, and the record says why."""
    hits = proxy.upstream.hits
    headers = {"content-type": "application/json"}
    answered = httpx.post(f"{proxy.base}/v1/{surface}", content=raw, headers=headers, timeout=20, trust_env=False)
    error = answered.json()["error"]
    assert (answered.status_code, error["code"], error["param"]) == expected
    assert proxy.upstream.hits == hits
    line = proxy.record(answered)
    assert (line["outcome"], line["error"], line["surface"]) == ("bad_request", error["code"], surface)


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def _listens(process, port):
    """Waits for it; False when it ends before, or takes longer than a minute. It must not take the processor from it."""
    deadline = time.monotonic() + 60
    with httpx.Client(timeout=1, trust_env=False) as client:
        while time.monotonic() < deadline and process.poll() is None:
            try:
                client.get(f"http://127.0.0.1:{port}/healthz")
            except httpx.HTTPError:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(0.05)
            else:
                return True
    return False


def start(folder, policy, upstream, file=None, **settings):
    port, admin = free_port(), free_port()
    command = [sys.executable, "-m", "guardproxy", "serve", "--upstream", upstream.base, "--policies", str(policy)]
    command += ["--port", str(port), "--admin-port", str(admin), *(["--settings", str(file)] if file else [])]
    env = {**os.environ, "GUARDPROXY_AUDIT_PATH": str(folder / "decisions.jsonl"), **settings}
    with (folder / "stderr.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=env, cwd=folder)
    assert _listens(process, port), (folder / "stderr.log").read_text()
    return Running(f"http://127.0.0.1:{port}", f"http://127.0.0.1:{admin}", upstream, folder, process)


@pytest.fixture(scope="session")
def proxy(tmp_path_factory):
    folder = tmp_path_factory.mktemp("proxy")
    with FakeUpstream() as upstream:
        running = start(folder, POLICY, upstream, GUARDPROXY_AUDIT_MODE="required")
        yield running
        recorded = (folder / "decisions.jsonl").read_text().count('"decision_id"')
        assert recorded == running.counted() > 0  # over the whole run: as many decisions in the log as in the counter
        running.process.terminate()
        assert running.process.wait(15) == 0


@pytest.fixture(scope="session")
def node_client(tmp_path_factory):
    """A folder with our client scripts and the stock JavaScript SDK, from its lock."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("node and npm are not installed")
    folder = tmp_path_factory.mktemp("js")
    for file in (*JS.glob("*.json"), *JS.glob("*.mjs")):
        shutil.copy(file, folder)
    subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--silent"], cwd=folder, check=True, timeout=120)
    return folder
