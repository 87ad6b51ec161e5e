"""`guardproxy schema`."""

import json

from typer.testing import CliRunner

from guardproxy.cli.main import app
from guardproxy.policy.schema import schema


def test_it_prints_the_schema():
    result = CliRunner().invoke(app, ["schema"])
    assert result.exit_code == 0
    assert json.loads(result.stdout) == schema()
