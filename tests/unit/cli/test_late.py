"""Commands are imported when they are called."""

import subprocess
import sys

import pytest

from guardproxy.cli.late import load
from guardproxy.cli.main import Commands


@pytest.mark.parametrize("name", Commands.late)
def test_the_line_of_the_table_is_that_of_the_command(name):
    late = Commands.late[name]
    assert (load(name, late).help or "").split("\n\n")[0].replace("\n", " ").strip() == late.help


@pytest.mark.parametrize(
    ("arguments", "unused"),
    [
        (["--help"], ["guardproxy.proxy", "guardproxy.policy", "guardproxy.detectors", "fastapi", "aiohttp"]),
        (["lint", "--help"], ["fastapi", "aiohttp", "onnxruntime", "guardproxy.console", "guardproxy.testing"]),
        (["serve", "--help"], ["guardproxy.testing", "guardproxy.demo"]),
    ],
)
def test_a_start_pays_for_its_own_room(arguments, unused):
    program = (
        "import sys\nfrom guardproxy.cli.main import main\n"
        f"sys.argv = ['guardproxy', *{arguments!r}]\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        f"print([name for name in {unused!r} if name in sys.modules], file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


def test_an_unknown_command_is_told_which_was_meant():
    done = subprocess.run(
        [sys.executable, "-m", "guardproxy", "lnt"], capture_output=True, text=True, check=False, env={"COLUMNS": "200"}
    )
    assert done.returncode == 2
    assert "Did you mean 'lint'" in done.stderr
