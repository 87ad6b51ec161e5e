"""The settings of the decision log, from the file to the disk: keys, anchors elsewhere, segments, retention, subjects."""

import json

import httpx
import pytest
from typer.testing import CliRunner

from guardproxy.cli.audit import app as commands
from guardproxy.errors import SettingsError
from guardproxy.observe.journal import set_aside
from guardproxy.proxy.app import DataApp
from guardproxy.proxy.settings import AuditSettings, DetectorSettings, PolicySettings, Settings, UpstreamSettings
from guardproxy.proxy.start import open_hall

from .conftest import POLICY

KEYED = ("--key-env", "ANCHOR_KEY")


@pytest.fixture
def now():
    return [1_800_000_000.0]


@pytest.fixture
def far(tmp_path):
    return tmp_path / "far"


@pytest.fixture
def hall_of(tmp_path, far, now, monkeypatch):
    monkeypatch.setenv("ANCHOR_KEY", "k" * 32)
    monkeypatch.setenv("HMAC_KEY", "h" * 32)
    opened = []

    def made(**audit):
        options = {"mode": "required", "path": str(tmp_path / "decisions.jsonl"), "anchors": str(far)}
        keys = {"anchor_key_env": "ANCHOR_KEY", "hmac_key_env": "HMAC_KEY"}
        settings = Settings(
            upstream=UpstreamSettings(url="http://127.0.0.1:9"),
            policies=PolicySettings(path=str(POLICY), changes=str(tmp_path / "changes.jsonl")),
            audit=AuditSettings(**(options | keys | audit)),
            detectors=DetectorSettings(embedded=False),
        )
        hall = open_hall(settings, lambda: now[0])
        opened.append(hall)
        return hall

    yield made
    for hall in opened:
        hall.recorder.audit.close()


async def asked(hall, text="Say bluefinch", headers=(), **more):
    """A request that is refused, so that no upstream is needed; its record."""
    transport = httpx.ASGITransport(DataApp(hall))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
        body = {"model": "m", "messages": [{"role": "user", "content": text}], **more}
        answer = await http.post("/v1/chat/completions", json=body, headers=dict(headers))
    lines = map(json.loads, hall.recorder.audit.path.read_bytes().splitlines())
    return next(line for line in lines if line.get("decision_id") == answer.headers["x-guardproxy-decision-id"])


def run(*arguments):
    return CliRunner().invoke(commands, [str(argument) for argument in arguments])


async def test_signed_anchors_lie_elsewhere(hall_of, far, tmp_path):
    hall = hall_of()
    await asked(hall)
    hall.recorder.audit.close()
    log = tmp_path / "decisions.jsonl"
    assert not list(tmp_path.glob("*.anchors"))
    assert run("verify", log, "--anchors", far, *KEYED).exit_code == 0
    log.write_bytes(b"".join(log.read_bytes().splitlines(keepends=True)[:-1]))
    assert run("verify", log, "--anchors", far, *KEYED).exit_code == 1


async def test_an_end_user_is_named_by_a_keyed_word_and_can_be_forgotten(hall_of, far, tmp_path):
    hall = hall_of()
    ann = await asked(hall, safety_identifier="ann")
    ben = await asked(hall, headers=[("x-guardproxy-session", "ben")])
    nobody = await asked(hall)
    assert ann["subject"].startswith("hmac:")
    assert ben["subject"] not in (None, ann["subject"])
    assert nobody["subject"] is None
    assert (await asked(hall, safety_identifier="ann"))["subject"] == ann["subject"]
    hall.recorder.audit.close()
    log = tmp_path / "decisions.jsonl"
    told = run("subject", "--safety-identifier", "ann", "--hmac-key-env", "HMAC_KEY").output.strip()
    assert told == ann["subject"]
    order = ("--subject", told, "--actor", "dpo", "--because", "mail", "--anchors", far, *KEYED)
    assert run("forget", log, *order).exit_code == 0
    assert told not in log.read_text()
    assert ben["subject"] in log.read_text()
    assert run("verify", log, "--anchors", far, *KEYED).exit_code == 0


async def test_segments_grow_old_and_go(hall_of, far, now, tmp_path):
    hall = hall_of(segment_hours=1.0, keep_days=1.0)
    log = tmp_path / "decisions.jsonl"
    for _ in range(3):
        await asked(hall)
        now[0] += 3601
        await asked(hall)
    assert len(set_aside(log)) == 2  # the third follows with the next record
    hall.recorder.audit.close()
    now[0] += 2 * 86_400
    again = hall_of(segment_hours=1.0, keep_days=1.0)  # another start: its clock is believed
    await asked(again)
    again.recorder.audit.close()
    gone = [path.read_text().count('"decision_id"') for path in set_aside(log)]
    assert gone == [0, 0]
    assert run("verify", log, "--anchors", far, *KEYED).exit_code == 0


async def test_the_largest_log_is_kept_small(hall_of, far, tmp_path):
    hall = hall_of(segment_mib=1, keep_mib=2)
    log = tmp_path / "decisions.jsonl"
    pad = {"v": 1, "kind": "padding", "pad": "x" * 400_000}
    for _ in range(14):
        await hall.recorder.audit.append(pad)
    hall.recorder.audit.close()
    sizes = [path.stat().st_size for path in (*set_aside(log), log)]
    assert len(sizes) == 5
    assert sum(sizes) < 3 * 1024 * 1024
    assert run("verify", log, "--anchors", far, *KEYED).exit_code == 0


async def test_a_retention_that_cannot_write_stops_nobody(hall_of, tmp_path, monkeypatch):
    def full(*_arguments):
        raise OSError(28, "No space left on device")

    hall = hall_of(segment_mib=1, keep_mib=1)
    monkeypatch.setattr("guardproxy.proxy.start.retire", full)
    for _ in range(4):
        await hall.recorder.audit.append({"v": 1, "kind": "padding", "pad": "x" * 400_000})
    assert hall.recorder.audit.ready


def test_a_key_that_is_not_there(hall_of, monkeypatch):
    monkeypatch.delenv("ANCHOR_KEY")
    with pytest.raises(SettingsError, match=r"audit\.anchor_key_env: the variable ANCHOR_KEY is empty"):
        hall_of()
