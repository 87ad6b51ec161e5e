"""`guardproxy policy`: what people read, and how it ends."""

import httpx
import pytest
from typer.testing import CliRunner

from guardproxy.cli import policy
from guardproxy.errors import UsageError

REF = {"policy": "base", "revision": 2, "hash": "bbbb"}
SHARE = {"count": 3, "share": 0.03, "low": 0.0103, "high": 0.0845}
NONE = {"count": 0, "share": 0.0, "low": 0.0, "high": 0.037}
STATUS = {
    "live": {"path": "/policies", "policies": [{"policy": "base", "revision": 1, "hash": "aaaa"}]},
    "candidate": {"path": "/next", "policies": [REF]},
    "rollback": None,
    "hint": "",
    "comparison": {
        "pairs": [
            {
                "live": "base@1",
                "candidate": "base@2",
                "exchanges": 100,
                "stages": {
                    "input": {
                        "decided": 100,
                        "changed": SHARE,
                        "moves": [
                            {"live": "allow", "candidate": "allow", "count": 97},
                            {"live": "warn", "candidate": "refuse", "count": 3},
                        ],
                    }
                },
                "rules": [
                    {
                        "stage": "input",
                        "rule": "fraud",
                        "live": 3,
                        "candidate": 3,
                        "tighter": SHARE,
                        "looser": NONE,
                        "examples": ["A", "B"],
                    },
                    {
                        "stage": "input",
                        "rule": "calm",
                        "live": 3,
                        "candidate": 3,
                        "tighter": NONE,
                        "looser": NONE,
                        "examples": [],
                    },
                ],
            }
        ],
        "waiting": 0,
        "dropped": {"queue_full": 2},
        "not_covered": ["sessions"],
    },
}


@pytest.fixture
def asked(monkeypatch):
    """What was asked, and what is answered next."""
    calls, answers = [], [httpx.Response(200, json=STATUS)]

    def request(method, url, **more):
        calls.append((method, url, more["json"], more["headers"]))
        if isinstance(answers[0], Exception):
            raise answers[0]
        return answers[0]

    monkeypatch.setattr(httpx, "request", request)
    return calls, answers


def run(*arguments):
    return CliRunner().invoke(policy.app, list(arguments))


def test_status_for_people(asked):
    done = run("status")
    assert done.exit_code == 0
    assert done.output.splitlines() == [
        "live:      /policies (base@1 aaaa)",
        "candidate: /next (base@2 bbbb)",
        "base@1 -> base@2: 100 exchanges",
        "  input: 100 decided, changed 3 (3.00 %, 95 % interval 1.03 to 8.45 %): 3 warn -> refuse",
        "  input fraud: tighter 3 (3.00 %, 95 % interval 1.03 to 8.45 %); for instance A, B",
        "not judged: 2 queue_full",
        "not covered:",
        "  sessions",
    ]


def test_without_a_candidate(asked):
    _, answers = asked
    answers[0] = httpx.Response(200, json={**STATUS, "candidate": None, "rollback": STATUS["live"], "hint": "settings"})
    assert run("status").output.splitlines() == [
        "live:      /policies (base@1 aaaa)",
        "rollback:  /policies (base@1 aaaa)",
        "note: settings",
    ]


def test_nothing_judged_yet(asked):
    _, answers = asked
    answers[0] = httpx.Response(
        200, json={**STATUS, "comparison": {**STATUS["comparison"], "pairs": [], "dropped": {}}}
    )
    assert "nothing judged yet" in run("status").output


@pytest.mark.parametrize(
    ("arguments", "path", "body"),
    [
        (["candidate", "/next", "--because", "why"], "", {"actor": "ana", "because": "why", "path": "/next"}),
        (["withdraw"], "/withdraw", {"actor": "ana", "because": ""}),
        (["promote", "--hash", "bbbb"], "/promote", {"actor": "ana", "because": "", "hash": "bbbb"}),
        (["rollback", "--admin", "http://127.0.0.1:8081/"], "/rollback", {"actor": "ana", "because": ""}),
    ],
)
def test_what_is_sent(asked, monkeypatch, arguments, path, body):
    monkeypatch.setenv("GUARDPROXY_ADMIN_TOKEN", "open sesame")
    assert run(*arguments, "--actor", "ana").exit_code == 0
    headers = {"authorization": "Bearer open sesame"}
    assert asked[0] == [("POST", f"http://127.0.0.1:8081/admin/candidate{path}", body, headers)]


def test_a_relative_path_is_made_absolute(asked, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run("candidate", "next")
    assert asked[0][0][2]["path"] == str(tmp_path / "next")
    assert asked[0][0][2]["actor"]


def test_a_refusal_says_why(asked):
    _, answers = asked
    row = {
        "file": "a.yaml",
        "line": 3,
        "column": 1,
        "code": "GP104",
        "severity": "error",
        "message": "unknown key",
        "hint": "",
    }
    answers[0] = httpx.Response(422, json={"error": "a.yaml:3:1 …", "problems": [row]})
    done = run("candidate", "/next")
    assert done.exit_code == 1
    assert "a.yaml:3:1: GP104 error: unknown key" in done.output
    answers[0] = httpx.Response(401, text="a token is needed\n")
    assert "not done: a token is needed (401)" in run("promote").output


@pytest.mark.parametrize("error", [httpx.ConnectError("no"), httpx.InvalidURL("no")])
def test_nobody_there(asked, error):
    _, answers = asked
    answers[0] = error
    done = run("status", "--admin", "http://127.0.0.1:1")
    assert isinstance(done.exception, UsageError)
