"""A folder with a small policy, a corpus and settings without classifiers; commands are run inside it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from guardproxy.cli.main import app
from guardproxy.policy.codes import completed

GOLDEN = Path(__file__).parent / "golden"

SOON = (datetime.now(UTC) + timedelta(days=30)).date()
KITES = f"""\
uncovered_language: allow
levels: {{enforce: 1, shadow: 2}}
rules:
  - {{id: kites, about: Talk about kites is refused., words: [paper kite], on_match: refuse}}
  - {{id: ladders, about: Talk about ladders gets a notice., words: [garden ladder], on_match: warn}}
  - {{id: names, about: A nickname is taken out., words: [captain turnip], on_match: redact, replace_with: "[name]"}}
  - {{id: trial, about: Under observation only., words: [paper submarine], on_match: refuse, level: 2}}
  - {{id: answers, about: Looks at answers only., words: [roof gutter], on_match: warn, checks: [output]}}
exceptions:
  - {{rule: kites, because: The shop sells them., expires: {SOON}, when: {{words: [paper kite shop]}}}}
messages:
  hard:
    en: I can't help with {{topic}} here. I can help with something else.
"""


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """Writes policies by name; returns the folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "settings.yaml").write_text("detectors:\n  embedded: false\n")

    def write(**policies):
        for name, fragment in policies.items():
            (tmp_path / f"{name}.yaml").write_text(completed(fragment, name), encoding="utf-8")
        return tmp_path

    write(kites=KITES)
    return write


@pytest.fixture
def command(desk):
    """Runs a command with the settings of the desk."""
    del desk

    def run(*words):
        return CliRunner().invoke(app, [*words, "--settings", "settings.yaml"])

    return run


@pytest.fixture
def golden():
    """What a command printed, compared with a file kept beside the tests; the hash changes with the day."""

    def check(name, printed):
        printed = re.sub(r"\([0-9a-f]{16}\)", "(hash)", printed)
        assert printed == (GOLDEN / name).read_text(encoding="utf-8")

    return check
