"""`guardproxy eval`."""

import pytest
from typer.testing import CliRunner

from guardproxy.cli.main import app


def test_the_guard_card_is_markdown():
    result = CliRunner().invoke(app, ["eval", "--models"])
    assert result.exit_code == 0
    assert result.stdout.startswith("# Guard card: embedded\n")


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        ([], "either --models"),
        (["--models", "--policy", "p.yaml"], "either --models"),
        (["--policy", "p.yaml"], "--policy needs --benign FILE"),
        (["--models", "--format", "jsn"], 'did you mean "json"?'),
    ],
)
def test_wrong_usage_names_the_way_out(words, hint):
    assert hint in str(CliRunner().invoke(app, ["eval", *words]).exception)


def test_a_folder_without_development_sets_is_named(tmp_path):
    result = CliRunner().invoke(app, ["eval", "--models", "--data", str(tmp_path)])
    assert f"{tmp_path} holds no folder dev/" in str(result.exception)
