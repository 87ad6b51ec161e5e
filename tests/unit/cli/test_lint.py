"""`guardproxy lint`."""

import json

import pytest
from typer.testing import CliRunner

from guardproxy.cli.main import app
from guardproxy.policy.codes import completed

GOOD = "messages: {short: {en: Not available}}\ntests:\n  - {name: a, user: Good morning, expect: allow}\n"


@pytest.fixture
def lint(tmp_path):
    def run(fragment, *options):
        file = tmp_path / "example.yaml"
        file.write_text(completed(fragment, "example"), encoding="utf-8")
        return CliRunner().invoke(app, ["lint", str(file), *options])

    return run


def test_an_error_is_shown_with_its_place(lint):
    result = lint("levle: 2\n")
    assert result.exit_code == 1
    assert "example.yaml:8:1: GP104 error: unknown key" in result.stdout
    assert "    levle: 2\n    ^\n" in result.stdout
    assert 'hint: did you mean "levels"?' in result.stdout
    assert result.stdout.endswith("1 errors, 1 warnings\n")


def test_warnings_fail_only_when_strict(lint):
    assert lint(GOOD).exit_code == 0
    assert lint(GOOD, "--strict").exit_code == 1


@pytest.mark.parametrize("form", ["json", "sarif"])
def test_machines_read_it(lint, form):
    result = lint("levle: 2\n", "--format", form)
    assert result.exit_code == 1
    assert "GP104" in json.dumps(json.loads(result.stdout))


def test_github(lint):
    assert "::error file=" in lint("levle: 2\n", "--format", "github").stdout


def test_an_unknown_format_is_wrong_usage(lint):
    assert "jsno" in str(lint(GOOD, "--format", "jsno").exception)


def test_missing_files_are_reported(tmp_path):
    result = CliRunner().invoke(app, ["lint", str(tmp_path / "gone.yaml")])
    assert result.exit_code == 1
    assert "GP010" in result.stdout


@pytest.mark.parametrize(("embedded", "code"), [("true", "GP217"), ("false", "GP212")])
def test_settings_make_it_an_error(lint, tmp_path, embedded, code):
    settings = tmp_path / "settings" / "settings.yaml"
    settings.parent.mkdir()
    settings.write_text(f"detectors: {{embedded: {embedded}}}\n")
    rule = (
        "rules:\n  - {id: one, about: Insults are not for us., hazard: harassment.abuse, thresholds: {refuse: 0.9}}\n"
    )
    assert lint(rule).exit_code == 0
    result = lint(rule, "--settings", str(settings), "--format", "json")
    assert result.exit_code == 1
    assert code in {row["code"] for row in json.loads(result.stdout) if row["severity"] == "error"}


def test_settings_that_ask_for_signatures(lint, tmp_path):
    key = "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
    (tmp_path / "officer.pub").write_text(f"-----BEGIN PUBLIC KEY-----\n{key}\n-----END PUBLIC KEY-----\n")
    settings = tmp_path / "settings.yaml"
    settings.write_text(
        f"policies: {{require_signature: {tmp_path / 'officer.pub'}}}\ndetectors: {{embedded: false}}\n"
    )
    result = lint(GOOD, "--settings", str(settings))
    assert result.exit_code == 1
    assert "GP012 error: the settings require a signature, there is no example.yaml.sig" in result.stdout
