import json

import pytest
from typer.testing import CliRunner

from guardproxy.cli import audit as module
from guardproxy.cli.audit import app
from guardproxy.errors import SettingsError, UsageError
from guardproxy.observe.audit_file import Segment, canonical
from guardproxy.observe.entry import subject_key
from guardproxy.observe.erasure import log_of
from guardproxy.observe.journal import Journal, Keeping
from guardproxy.observe.outcome import subject_of


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "decisions.jsonl"
    journal = Journal(path, lambda: 0.0, lambda *_args, **_fields: None)
    journal.append([canonical({"v": 1, "id": f"r{n}"}) for n in range(5)])
    journal.close()
    return path


def run(*arguments):
    return command("verify", *arguments)


def command(*arguments):
    return CliRunner().invoke(app, [*map(str, arguments)])


def test_a_whole_log(log):
    done = run(log)
    assert done.exit_code == 0
    assert done.output.startswith(f"{log}: fine, 6 records, the last is 6, ")


def test_an_edited_log(log):
    log.write_bytes(log.read_bytes().replace(b'"id":"r2"', b'"id":"r7"'))
    done = run(log)
    assert done.exit_code == 1
    assert "decisions.jsonl:4: length or CRC does not fit" in done.output


def test_a_torn_log(log):
    log.write_bytes(log.read_bytes()[:-10])
    done = run(log)
    assert done.exit_code == 1
    assert "are no complete record" in done.output


def test_a_cut_tail_shows_against_an_anchor(log):
    lines = log.read_bytes().splitlines(keepends=True)
    anchor = f"6:{json.loads(lines[-1])['hash']}"
    assert run(log, "--anchor", anchor).exit_code == 0
    log.write_bytes(b"".join(lines[:-1]))
    assert run(log).exit_code == 1  # the anchors beside it
    log.with_name("decisions.jsonl.anchors").unlink()
    assert run(log).exit_code == 0
    done = run(log, "--anchor", anchor)
    assert done.exit_code == 1
    assert "record 6" in done.output


@pytest.mark.parametrize("arguments", [("no-such-file",), (".", "--anchor", "7")])
def test_wrong_usage(arguments):
    assert isinstance(run(*arguments).exception, UsageError)


KEYED = ("--key-env", "ANCHOR_KEY")


@pytest.fixture
def key(monkeypatch):
    monkeypatch.setenv("ANCHOR_KEY", "k" * 32)
    monkeypatch.setenv("HMAC_KEY", "h" * 32)
    return b"k" * 32


@pytest.fixture
def signed(tmp_path, key):
    """Two segments of decisions about two people, with anchors in another folder."""
    path, far = tmp_path / "decisions.jsonl", tmp_path / "far"
    journal = Journal(path, lambda: 0.0, lambda *_args, **_fields: None, Keeping(1500, anchors=far, key=key))
    for number in range(8):
        subject = subject_key(b"h" * 32, subject_of("default", "safety_identifier", "ab"[number % 2]))
        journal.append([canonical({"v": 1, "decision_id": f"D{number}", "subject": subject})])
    journal.close()
    return path


def test_signed_anchors_in_another_folder(signed, key):
    far = signed.parent / "far"
    assert run(signed, "--anchors", far, *KEYED).exit_code == 0
    assert "no anchor of this log" in run(signed, *KEYED).output
    lines = signed.read_bytes().splitlines(keepends=True)
    signed.write_bytes(b"".join(lines[:-1]))
    assert run(signed, "--anchors", far / "decisions.jsonl.anchors", *KEYED).exit_code == 1


def test_a_service_at_work_is_waited_for(signed, key, monkeypatch):
    """Its log was read later than its anchors."""
    far = signed.parent / "far"
    file = far / "decisions.jsonl.anchors"
    whole = file.read_bytes()
    file.write_bytes(whole.splitlines(keepends=True)[0])
    real = module._anchors

    def reading(*arguments):
        found = real(*arguments)
        file.write_bytes(whole)
        return found

    monkeypatch.setattr(module, "_anchors", reading)
    assert run(signed, "--anchors", far, *KEYED).exit_code == 0


def test_records_without_an_anchor(signed, key, monkeypatch):
    monkeypatch.setattr(module, "PATIENCE", 1)
    file = signed.parent / "far" / "decisions.jsonl.anchors"
    file.write_bytes(file.read_bytes().splitlines(keepends=True)[0])
    done = run(signed, "--anchors", file, *KEYED)
    assert done.exit_code == 1
    assert "records have no anchor" in done.output


def test_somebody_is_forgotten(signed, key):
    far = ("--anchors", signed.parent / "far")
    told = command("subject", "--safety-identifier", "a", "--hmac-key-env", "HMAC_KEY")
    subject = told.output.strip()
    assert subject.startswith("hmac:")
    order = ("--actor", "ana", "--because", "asked by mail", "--key-env", "ANCHOR_KEY", *far)
    done = command("forget", signed, "--subject", subject, *order)
    assert (done.exit_code, done.output.splitlines()[0]) == (
        0,
        f"{signed}: 4 records erased in 2 segments; decisions-erasures.jsonl says so",
    )
    assert subject.encode() not in signed.read_bytes()
    report = run(signed, *far, *KEYED)
    assert report.exit_code == 0, report.output
    assert "4 records were erased" in report.output
    assert command("forget", signed, "--decision-id", "D1", *order).exit_code == 0
    assert run(signed, *far, *KEYED).exit_code == 0


def test_what_a_service_holds_is_told(signed, key):
    living = Segment(signed)
    living.lock()
    done = command("forget", signed, "--decision-id", "D7", "--actor", "ana", "--because", "x")
    living.close()
    assert done.exit_code == 1
    assert "1 more stand in decisions.jsonl, which a running service writes" in done.output


def test_old_segments_are_removed(signed, key):
    done = command("prune", signed, "--actor", "ana", "--keep-days", "1", "--key-env", "ANCHOR_KEY")
    assert done.exit_code == 0
    assert "records of 1 segments removed" in done.output
    assert run(signed, "--anchors", signed.parent / "far", *KEYED).exit_code == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ("forget", "{log}", "--actor", "a", "--because", "b"),
        ("forget", "{log}", "--actor", " ", "--because", "b", "--decision-id", "x"),
        ("forget", "nothing-there", "--actor", "a", "--because", "b", "--decision-id", "x"),
        ("prune", "{log}", "--actor", "a"),
        ("subject", "--hmac-key-env", "HMAC_KEY"),
        ("subject", "--session", "a", "--safety-identifier", "b", "--hmac-key-env", "HMAC_KEY"),
        ("verify", "{log}", "--after", "7"),
    ],
)
def test_wrong_usage_of_the_others(signed, arguments):
    assert isinstance(command(*(str(a).format(log=signed) for a in arguments)).exception, UsageError)


def test_a_key_that_is_not_there(signed):
    assert isinstance(run(signed, "--key-env", "NO_SUCH_KEY").exception, SettingsError)


def test_an_erasure_at_work(signed, key):
    book = Journal(log_of(signed), lambda: 0.0, lambda *_args, **_fields: None)
    book.open()
    done = command("prune", signed, "--actor", "ana", "--keep-days", "1")
    book.close()
    assert "is in use" in str(done.exception)
