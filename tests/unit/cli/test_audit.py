import json

import pytest
from typer.testing import CliRunner

from guardproxy.cli.audit import app
from guardproxy.errors import UsageError
from guardproxy.observe.audit_file import canonical
from guardproxy.observe.journal import Journal


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "decisions.jsonl"
    journal = Journal(path, lambda: 0.0, lambda *_args, **_fields: None)
    journal.append([canonical({"v": 1, "id": f"r{n}"}) for n in range(5)])
    journal.close()
    return path


def run(*arguments):
    return CliRunner().invoke(app, ["verify", *map(str, arguments)])


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
