"""`guardproxy demo`: a raw model, the proxy before it and the console, all on this machine and in this process."""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from pathlib import Path

import typer

from guardproxy.console.app import console_app
from guardproxy.console.demo_page import Showing, Stage, Task
from guardproxy.demo.behaviours import NAMES
from guardproxy.demo.prompts import PROMPTS
from guardproxy.demo.raw_upstream import RawUpstream
from guardproxy.errors import UsageError
from guardproxy.observe import logs
from guardproxy.proxy.app import DataApp
from guardproxy.proxy.reloading import take_note
from guardproxy.proxy.server import Listener, Servers
from guardproxy.proxy.settings import (
    AuditSettings,
    DetectorSettings,
    ListenSettings,
    LogSettings,
    PolicySettings,
    ServiceSettings,
    Settings,
    UpstreamSettings,
    is_loopback,
)
from guardproxy.proxy.start import open_hall
from guardproxy.proxy.tasks import spawn

POLICY = Path(__file__).resolve().parent.parent / "demo" / "policies" / "demo.yaml"
GRACE = 3.0


def demo(
    host: str = typer.Option("127.0.0.1", help="loopback address of all three listeners"),
    port: int = typer.Option(8080, help="port of the proxy"),
    admin_port: int = typer.Option(8081, help="port of the console"),
    raw_port: int = typer.Option(8082, help="port of the raw model"),
) -> None:
    """Show a raw model and the same model guarded, side by side. Needs no network and no model download."""
    if not is_loopback(host):
        raise UsageError("the demo serves this machine only: --host takes a loopback address")
    logs.configure("warning")
    with tempfile.TemporaryDirectory(prefix="guardproxy-demo-") as folder:
        policy = Path(folder) / POLICY.name
        policy.write_bytes(POLICY.read_bytes())
        asyncio.run(_run(host, (port, admin_port, raw_port), policy))


async def _run(host: str, ports: tuple[int, int, int], policy: Path) -> None:
    """Three listeners in one loop. Each learns the address of the one behind it, so they are bound one by one."""
    raw = Servers([Listener(RawUpstream(), host, ports[2])], GRACE)
    base = f"http://{_shown(host)}:{raw.ports[0]}"
    hall = open_hall(_settings(host, ports, base, policy), time.time)  # noqa: TID251 - where the clock enters
    data = DataApp(hall)
    proxy = Servers([Listener(data, host, ports[0], data.rules)], GRACE)
    stage = Stage(hall, _showing(policy), base, f"http://{_shown(host)}:{proxy.ports[0]}")
    console = Servers([Listener(console_app(hall, stage), host, ports[1])], GRACE)
    waiting = [raw, proxy, console]
    watch = spawn(hall.shelf.watch(lambda report: take_note(hall, report)))

    def ready() -> None:
        waiting.pop()
        if not waiting:
            print(_greeting(_shown(host), (proxy.ports[0], console.ports[0]), base, policy), flush=True)
            hall.languages.start()

    def stopping() -> None:
        data.draining = True
        raw.stop()
        proxy.stop()
        print("guardproxy: stopping", file=sys.stderr)

    try:
        # Each asks for the signals; the last one gets them, and stops the others.
        await asyncio.gather(raw.run(ready, _nothing), proxy.run(ready, _nothing), console.run(ready, stopping))
    finally:
        watch.cancel()
        await stage.close()
        await hall.upstream.close()
        hall.recorder.audit.close()
        hall.office.changes.close()


def _showing(policy: Path) -> Showing:
    """The prepared prompts, and the two states of the policy: false claims get a notice, or are refused."""
    usual = policy.read_text(encoding="utf-8")
    strict = usual.replace("revision: 1", "revision: 2", 1)
    head, name, rest = strict.partition("  - id: false-claims\n")
    strict = head + name + rest.replace("on_match: warn", "on_match: refuse", 1)
    strict = strict.replace("expect: {warn: false-claims", "expect: {refuse: false-claims")
    tasks = tuple(Task(p.id, p.kind, p.text, p.model, p.language) for p in PROMPTS)
    return Showing(tasks, NAMES, policy, usual.encode(), strict.encode())


def _settings(host: str, ports: tuple[int, int, int], base: str, policy: Path) -> Settings:
    """Nothing is written to disk, nothing is read from the environment, no classifier is loaded."""
    return Settings(
        upstream=UpstreamSettings(url=base, name="demo"),
        listen=ListenSettings(host=host, port=ports[0], admin_host=host, admin_port=ports[1], grace_s=GRACE),
        policies=PolicySettings(path=str(policy), changes=str(policy.with_name("policy-changes.jsonl"))),
        audit=AuditSettings(mode="off", path=str(policy.with_name("decisions.jsonl"))),
        detectors=DetectorSettings(embedded=False),
        service=ServiceSettings(name="the guardproxy demo", policy_url="/policy", country=""),
        log=LogSettings(level="warning"),
    )


def _greeting(host: str, ports: tuple[int, ...], base: str, policy: Path) -> str:
    proxy = f"http://{host}:{ports[0]}"
    body = '{"model":"raw-base","messages":[{"role":"user","content":"You are such"}]}'
    streamed = '{"model":"raw-mixed","stream":true,"messages":[{"role":"user","content":"Describe the river."}]}'
    ask = "-H 'content-type: application/json' -d"
    return "\n".join(
        [
            "guardproxy demo: the same model raw and guarded; stop with Ctrl-C",
            "",
            f"  console    http://{host}:{ports[1]}/admin/demo",
            f"  proxy      {proxy}/v1",
            f"  raw model  {base}/v1",
            "",
            "  try:",
            f"  curl -s {base}/v1/chat/completions {ask} '{body}'",
            f"  curl -s {proxy}/v1/chat/completions {ask} '{body}'",
            f"  curl -sN {proxy}/v1/chat/completions {ask} '{streamed}'",
            "",
            f"  the policy in force, edit and save it: {policy}",
        ]
    )


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _nothing() -> None:
    """Stopping is the last listener's business."""
