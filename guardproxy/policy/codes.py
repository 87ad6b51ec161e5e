"""Every code of the linter, with a wrong and a right example. `python -m guardproxy.policy.codes > docs/codes.md`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from guardproxy.policy.reader import plain, read

_FILE = Path(__file__).parent / "codes.yaml"
_REQUIRED = {
    "guardproxy": "guardproxy: policy/v1",
    "policy": "policy: {name}",
    "revision": "revision: 1",
    "owner": "owner: team@example.org",
    "about": "about: A small policy that shows one code.",
    "rules": "rules:\n"
    "  - {{id: first-rule, about: The code name stays inside., words: [paper kite], on_match: refuse}}",
}
_HEAD = """# Codes of `guardproxy lint`

Made by `python -m guardproxy.policy.codes > docs/codes.md`; the examples are run as tests. Codes never change meaning.
An example is a fragment: the required keys it leaves out (`guardproxy`, `policy`, `revision`, `owner`, `about`, and a
rule `first-rule` on the words `paper kite`) are as in any small policy. Several files follow each other after `## name`.
An error refuses the whole set; a warning is printed, and counts as an error with `--strict`.

Every code of the reference (`policy-language.md` 19) is given out, and something raises each: `make test` runs all of it.
Where the number differs, the case kit and `threats.md` have it as here.
"""


class Form(StrEnum):
    """How an example is to be read."""

    FRAGMENT = "fragment"
    RAW = "raw"
    FILES = "files"
    TOLD = "told"


@dataclass(frozen=True, slots=True)
class Code:
    """One code. `settled`: the example is judged with the operator's settings known.

    `shown`: the test that raises it, where no example does. `named`: its number in `policy-language.md` 19, "" if none.
    """

    code: str
    says: str
    warning: bool = False
    form: Form = Form.FRAGMENT
    settled: bool = False
    wrong: str = ""
    right: str = ""
    shown: str = ""
    named: str = ""

    def files(self, example: str) -> dict[str, str]:
        """File name → content of an example."""
        if self.form is Form.RAW:
            return {"example.yaml": example}
        if self.form is not Form.FILES:
            return {"example.yaml": completed(example, "example")}
        found = {}
        for part in example.split("## ")[1:]:
            name, _, text = part.partition("\n")
            found[name.strip()] = completed(text, name.partition(".")[0])
        return found


def completed(fragment: str, name: str) -> str:
    """The fragment with the required keys it leaves out."""
    given = {line.partition(":")[0] for line in fragment.splitlines()}
    missing = [text.format(name=name) for key, text in _REQUIRED.items() if key not in given]
    return "\n".join([*missing, fragment])


def all_codes() -> tuple[Code, ...]:
    """In the order of their numbers."""
    tree: dict[str, dict[str, Any]] = plain(read(_FILE))["codes"]
    return tuple(
        Code(
            code=code,
            says=row["says"],
            warning=row.get("warning", False),
            form=Form(row.get("form", "fragment")),
            settled=row.get("settled", False),
            wrong=row.get("wrong", ""),
            right=row.get("right", ""),
            shown=row.get("shown", ""),
            named=row.get("named", code),
        )
        for code, row in sorted(tree.items())
    )


def markdown() -> str:
    """The page `docs/codes.md`."""
    codes = all_codes()
    return _HEAD + _table(codes) + "".join(_section(code) for code in codes)


def _table(codes: tuple[Code, ...]) -> str:
    """Every code against the reference, and what raises it."""
    rows = ["\n| code | | in the reference | raised by |", "|---|---|---|---|"]
    for code in codes:
        name, _, test = code.shown.rpartition("::")
        raised = f"`{test}` in `{name}`" if test else "its wrong example"
        kind = "warning" if code.warning else "error"
        rows.append(f"| [{code.code}](#{code.code.lower()}-{kind}) | {kind} | {code.named or 'no'} | {raised} |")
    return "\n".join([*rows, ""])


def _section(code: Code) -> str:
    out = [f"\n## {code.code} ({'warning' if code.warning else 'error'})\n", code.says]
    if code.form is Form.TOLD:
        return "\n".join([*out, ""])
    for word, example in (("Wrong", code.wrong), ("Right", code.right)):
        out += [f"\n{word}:\n", "```yaml", example.rstrip("\n"), "```"]
    return "\n".join([*out, ""])


if __name__ == "__main__":
    print(markdown(), end="")  # noqa: T201 - this is a command
