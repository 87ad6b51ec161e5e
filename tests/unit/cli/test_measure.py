"""`guardproxy eval`."""

from typer.testing import CliRunner

from guardproxy.cli.main import app


def test_the_guard_card_is_markdown():
    result = CliRunner().invoke(app, ["eval", "--models"])
    assert result.exit_code == 0
    assert result.stdout.startswith("# Guard card: embedded\n")


def test_without_a_subject_it_is_wrong_usage():
    assert "--models" in str(CliRunner().invoke(app, ["eval"]).exception)


def test_a_folder_without_development_sets_is_named(tmp_path):
    result = CliRunner().invoke(app, ["eval", "--models", "--data", str(tmp_path)])
    assert f"{tmp_path} holds no folder dev/" in str(result.exception)
