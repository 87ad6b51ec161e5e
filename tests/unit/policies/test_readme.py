"""policies/README.md: its policy, its fragments and its commands do what the page says."""

import json
import re
import shlex
import shutil
import subprocess
import textwrap
from pathlib import Path

import pytest
from typer.testing import CliRunner

from guardproxy.cli.late import load
from guardproxy.cli.main import Commands, app

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "policies" / "README.md").read_text(encoding="utf-8")
BLOCKS = [
    textwrap.dedent(block).strip("\n") + "\n"
    for block in re.findall(r"(?:^(?: {4,}.*)?\n)+", TEXT, re.MULTILINE)
    if block.strip()
]
POLICY = next(block for block in BLOCKS if "policy: support" in block)
COMMANDS = [
    line.split("   ")[0].replace("83f0…", "83f0aa11")
    for block in BLOCKS
    for line in block.splitlines()
    if line.startswith("guardproxy ")
]
RUN = ("lint", "test", "explain", "diff", "eval")
"""What needs no running proxy; the others are run over sockets in tests/e2e/test_candidate.py and parsed here.

`make check` lints and tests the shipped folder.
"""


def runs(command):
    return command.split()[1] in RUN and not command.endswith(" policies/")


def merged(policy, *fragments):
    """The policy with the entries of fragments such as `exceptions:` and `tests:`."""
    for fragment in fragments:
        key, _, entries = fragment.partition("\n")
        policy = policy.replace(f"{key}\n", f"{key}\n{entries}\n") if f"\n{key}\n" in policy else policy + fragment
    return policy


@pytest.fixture
def desk(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("my-policies", "next"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "support.yaml").write_text(POLICY, encoding="utf-8")
    rows = [{"id": f"r{at}", "text": "When do herons nest?"} for at in range(3)]
    (tmp_path / "benign.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "settings.yaml").write_text("detectors: {embedded: false}\n")
    return tmp_path


def run(command, *more):
    return CliRunner().invoke(app, [*shlex.split(command)[1:], *more])


def test_the_page_has_what_the_others_look_for():
    assert len(COMMANDS) >= 10
    assert {command.split()[1] for command in COMMANDS} >= {*RUN, "policy"}


@pytest.mark.parametrize("command", sorted(filter(runs, set(COMMANDS))))
def test_a_command_runs(desk, command):
    slow = command.split()[1] in ("explain", "diff", "eval") and "--models" not in command
    result = run(command, *(["--settings", "settings.yaml"] if slow else []))
    assert (result.exit_code, result.exception) == (0, None), result.output


@pytest.mark.parametrize("command", sorted(set(COMMANDS) - set(filter(runs, COMMANDS))))
def test_a_command_is_one(command):
    words = shlex.split(command)[1:]
    name = words.pop(0)
    at = load(name, Commands.late[name])
    while words and hasattr(at, "commands"):
        at = at.commands[words.pop(0)]
    assert at.make_context("guardproxy", words)


def test_the_policy_is_as_the_page_says(desk):
    assert run("guardproxy lint my-policies").stdout.endswith("0 errors, 0 warnings\n")
    assert "4 passed, 0 failed" in run("guardproxy test my-policies").stdout
    said = run('guardproxy explain --policy my-policies --user "a copper heron?" --settings settings.yaml').stdout
    assert "decision: refuse by product-names" in said
    assert "I can't help with our unreleased products." in said


def test_each_fragment_fits_into_the_policy(desk):
    fragments = [b for b in BLOCKS if re.match(r"(exceptions|tests|tax_budget|disclosure|messages):", b)]
    fragments += [b for b in BLOCKS if b.startswith("- {name")]
    assert len(fragments) >= 6
    policy = POLICY
    for fragment in fragments:
        kept = "".join(line for line in fragment.splitlines(keepends=True) if not line.startswith("guardproxy "))
        policy = merged(policy, f"tests:\n{textwrap.indent(kept, '  ')}" if kept.startswith("- ") else kept)
    (desk / "my-policies" / "support.yaml").write_text(policy, encoding="utf-8")
    result = run("guardproxy test my-policies")
    assert result.exit_code == 0, result.output
    assert ", 0 failed, 0 skipped" in result.stdout


MISTAKES = {
    "GP002": ("    words: [copper heron]", "\twords: [copper heron]"),
    "GP104": ("on_match: refuse", "on_mtach: refuse"),
    "GP205": ("change: {mode: enforce}", "change: {thresholds: {warn: 90}}"),
    "GP208": ("on_match: refuse", "on_match: block"),
    "GP207": ("on_match: refuse", "thresholds: {refuse: 0.9}"),
    "GP107": (
        "  - id: rival-names",
        "  - {id: product-names, about: Once more the same., words: [x y], on_match: log}\n  - id: rival-names",
    ),
}


@pytest.mark.parametrize("code", MISTAKES)
def test_the_mistakes_of_the_first_hour(desk, code):
    old, new = MISTAKES[code]
    assert f"({code}" in TEXT
    assert old in POLICY
    (desk / "my-policies" / "support.yaml").write_text(POLICY.replace(old, new, 1), encoding="utf-8")
    result = run("guardproxy lint my-policies")
    assert result.exit_code == 1
    assert set(re.findall(r"(GP\d+) error", result.stdout)) == {code}


@pytest.mark.skipif(not shutil.which("openssl"), reason="openssl, with which officers sign, is not installed")
def test_the_signature_is_one(desk):
    (signing,) = [block for block in BLOCKS if "pkeyutl" in block]
    shutil.copy(desk / "my-policies" / "support.yaml", desk)
    for line in signing.strip().splitlines():
        subprocess.run(shlex.split(line), check=True, capture_output=True, cwd=desk)
    (desk / "settings.yaml").write_text("policies: {require_signature: officer.pub}\ndetectors: {embedded: false}\n")
    assert run("guardproxy lint support.yaml --settings settings.yaml").exit_code == 0
    (desk / "support.yaml").write_text(POLICY + "# more\n", encoding="utf-8")
    assert "GP012" in run("guardproxy lint support.yaml --settings settings.yaml").stdout
