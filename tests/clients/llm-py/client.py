"""Simon Willison's `llm`: the command itself, its models from extra-openai-models.yaml as its manual says."""

import json
import os
import sys
import tempfile
from pathlib import Path

import seen

folder = Path(tempfile.mkdtemp())
os.environ["LLM_USER_PATH"] = str(folder)
PLACES = sorted({(job["base"], job["model"]) for job in map(json.loads, sys.argv[1:])})
NAMES = {place: f"guarded-{at}" for at, place in enumerate(PLACES)}
rows = [
    f"- {{model_id: {name}, model_name: {model}, api_base: '{base}', supports_schema: true}}"
    for (base, model), name in NAMES.items()
]
(folder / "extra-openai-models.yaml").write_text("\n".join(rows))

from click.testing import CliRunner  # noqa: E402
from llm.cli import cli  # noqa: E402


class ErrorOnStderr(Exception):
    """The command ended with an error."""


def ask(job, saw):
    command = ["prompt", "-m", NAMES[job["base"], job["model"]], "--key", "none", "--no-log", job["text"]]
    command += [] if job["stream"] else ["--no-stream"]
    command += ["--schema", "name str"] if job["structured"] else []
    done = CliRunner().invoke(cli, command)
    saw.say(done.stdout.rstrip("\n"))
    if done.exit_code:
        raise ErrorOnStderr(done.stderr)


seen.run(["llm", "openai"], ask)
