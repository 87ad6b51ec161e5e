"""Simon Willison's `llm`: the command itself, its models from extra-openai-models.yaml as its manual says."""

import json
import os
import sys
import tempfile
from pathlib import Path

import seen

folder = Path(tempfile.mkdtemp())
os.environ["LLM_USER_PATH"] = str(folder)
BASES = sorted({json.loads(raw)["base"] for raw in sys.argv[1:]})
NAMES = {base: f"guarded-{at}" for at, base in enumerate(BASES)}
rows = [f"- {{model_id: {NAMES[base]}, model_name: m, api_base: '{base}', supports_schema: true}}" for base in BASES]
(folder / "extra-openai-models.yaml").write_text("\n".join(rows))

from click.testing import CliRunner  # noqa: E402
from llm.cli import cli  # noqa: E402


class ErrorOnStderr(Exception):
    """The command ended with an error."""


def ask(job, saw):
    command = ["prompt", "-m", NAMES[job["base"]], "--key", "none", "--no-log", job["text"]]
    command += [] if job["stream"] else ["--no-stream"]
    command += ["--schema", "name str"] if job["structured"] else []
    done = CliRunner().invoke(cli, command)
    saw.say(done.stdout.rstrip("\n"))
    if done.exit_code:
        raise ErrorOnStderr(done.stderr)


seen.run(["llm", "openai"], ask)
