"""The examples of docs/clients.md, run as they stand.

snippets(page) -> tuple[Snippet, ...]                        what follows a line `<!-- run: FAMILY -->`
complaint(snippet, environment, base) -> str                 "" when it prints the answer
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from guardproxy.testing.clients.families import LONGEST_RUN, PASSED_ON, SET
from guardproxy.testing.clients.scenarios import SCENARIOS

MARK = "<!-- run: "
PAGE_BASE = "http://127.0.0.1:8080"
COMMANDS = {"python": ["python", "-W", "ignore", "-"], "js": ["node", "--input-type=module", "-"], "sh": ["sh", "-eu"]}


@dataclass(frozen=True, slots=True)
class Snippet:
    """`language` is the word after the fence."""

    family: str
    language: str
    code: str


def snippets(page: str) -> tuple[Snippet, ...]:
    """In the order of the page; a mark without a fenced block behind it is a ValueError."""
    found = []
    for part in page.split(MARK)[1:]:
        head, fence, rest = part.partition("```")
        family, end, between = head.partition(" -->")
        code, closed, _ = rest.partition("\n```")
        language, line, body = code.partition("\n")
        if not (fence and end and closed and line) or between.strip() or language not in COMMANDS:
            raise ValueError(f"{MARK}{family[:40]}: a block of {', '.join(COMMANDS)} is expected behind it")
        found.append(Snippet(family, language, body + "\n"))
    return tuple(found)


def complaint(snippet: Snippet, environment: Path, base: str) -> str:
    """Runs it in the family's environment with `base` (ending in /v1) for the page's address."""
    code = snippet.code.replace(PAGE_BASE, base.removesuffix("/v1"))
    if code == snippet.code:
        return f"{snippet.family}: its example does not name {PAGE_BASE}"
    with tempfile.TemporaryDirectory() as home:
        known = {name: os.environ[name] for name in PASSED_ON if name in os.environ} | SET
        path = f"{environment / 'bin'}{os.pathsep}{known.get('PATH', '')}"
        done = subprocess.run(  # noqa: S603 - our own examples
            COMMANDS[snippet.language],
            input=code,
            cwd=environment,
            env=known | {"PATH": path, "HOME": home},
            capture_output=True,
            text=True,
            timeout=LONGEST_RUN,
            check=False,
        )
    wanted = "".join(SCENARIOS["allow"].pieces)
    if done.returncode or wanted not in done.stdout:
        return f"{snippet.family}: its example ended with {done.returncode}: {done.stdout[-300:]}{done.stderr[-600:]}"
    return ""
