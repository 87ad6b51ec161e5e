"""Raw HTTP before a real proxy: the case kit, some of every generated family, hasty callers. `make protocol` has more."""

from __future__ import annotations

import json
from dataclasses import replace

import httpx
import pytest

from guardproxy.testing.protocol.__main__ import play_all, policy_in
from guardproxy.testing.protocol.families import generated
from guardproxy.testing.protocol.play import house, talk
from guardproxy.testing.protocol.pressure import CROWDED, HASTY, press_time, press_weight
from guardproxy.testing.protocol.raw import request, visible
from guardproxy.testing.scripts import answer, completion

from .conftest import CASES


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    folder = tmp_path_factory.mktemp("protocol")
    with house(folder / "raw", policy_in(folder)) as running:
        yield running


def test_the_case_kit_is_held(opened):
    raws = visible(CASES)
    if not raws:
        pytest.skip("the case kit is not part of a clone")
    assert play_all(opened, raws).faults == []


def test_generated_requests_are_held(opened):
    tally = play_all(opened, generated(seed=20, each=3))
    assert tally.faults == []
    assert sum(tally.cases.values()) == 75


@pytest.mark.parametrize(("press", "pace"), [(press_time, HASTY), (press_weight, CROWDED)])
def test_callers_who_press_are_let_go(tmp_path, press, pace):
    with house(tmp_path / "pressed", policy_in(tmp_path), pace.environment()) as running:
        pressed = press(running, pace)
    assert [(one.name, one.held, one.note) for one in pressed if one.held != one.callers] == []


def test_headers_of_the_upstream_are_not_believed(opened):
    forged = {"x_guardproxy_rule": "none", "x_guardproxy_decision": "refuse", "set_cookie": "a=b", "upgrade": "h2c"}
    upstream = opened.upstream
    upstream.answer_with(
        replace(completion("Fine."), headers=answer({}, **forged, x_request_id="a\tb", via="x").headers)
    )
    (got,) = talk(opened.port, request()).final
    upstream.answer_with(None)
    assert got.status == 200
    assert got.headers["x-guardproxy-decision"] == "allow"
    assert not {"x-guardproxy-rule", "set-cookie", "upgrade", "via"} & set(got.headers)
    assert got.headers["x-request-id"] == "ab"


def test_refusals_are_counted_by_their_code(opened):
    before = _counted(opened, "invalid_host")
    talk(opened.port, request(usual=[]))
    assert _counted(opened, "invalid_host") == before + 1


def _counted(opened, code):
    page = httpx.get(f"{opened.proxy.admin}/metrics", trust_env=False).text
    name = f'guardproxy_front_refusals_total{{code="{code}"}} '
    return float(next(line for line in page.splitlines() if line.startswith(name)).removeprefix(name))


def test_a_fault_is_told_in_the_format_of_its_path(opened):
    line = b"POST /v1/messages HTTP/1.1"
    (got,) = talk(opened.port, request([b"X-A : b"], line=line)).final
    assert (got.status, json.loads(got.body)["type"]) == (400, "error")
    (got,) = talk(opened.port, request([b"X-A : b"])).final
    assert json.loads(got.body)["error"]["code"] == "invalid_http"


def test_the_admin_port_reads_as_strictly(opened):
    port = int(opened.proxy.admin.rpartition(":")[2])
    (got,) = talk(port, b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil\r\n\r\n").final
    assert got.status == 400
    (got,) = talk(port, b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n").final
    assert got.status == 200
