"""The same few slips in every rule and every override of the shipped policies: who tests the rule nobody thought of?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from guardproxy.testing.mutations.fault import Edit, Fault, inside, item, longer, without

SWEPT = ("base.yaml", "strict.yaml", "permissive.yaml")
_HAIR = 0.01
_OUTRANKED = (
    "of an answer the rule of the same name without `-asked` does as much or more at every score: no answer differs"
)
_ONLY = "the hazard occurs in questions only: without the key the rule looks where it looked"
_SAME = {
    "id: attack-jailbreak": _ONLY,
    "id: attack-injection": _ONLY,
    "id: hidden-text-answered": "of a question `hidden-text` refuses already: no outcome differs",
}
"""Rules that may look at both stages and nothing else comes out."""
_STEPS = ("log", "warn", "refuse")
_STAGES = {"    checks: [input]\n": "    checks: [output]\n", "    checks: [output]\n": "    checks: [input]\n"}


def sweep(files: Mapping[str, str]) -> Iterator[Fault]:
    """Every slip in every rule, by file, rule and slip. Where a slip has no place (no such step or key) there is none."""
    for file in SWEPT:
        rules = files[file].partition("\ntests:\n")[0]
        for line in rules.splitlines():
            if line.startswith(("  - id: ", "  - rule: ")):
                yield from _of(file, line.removeprefix("  - "), files[file])


def _of(file: str, head: str, text: str) -> Iterator[Fault]:
    start, end = item(text, head)
    said = text[start:end]
    if "mode: disabled" in said:
        yield _fault(file, head, "switched on", inside(head, "    mode: disabled\n", ""))
        return
    yield _fault(file, head, "deleted", without(head))
    if head.startswith("id:"):
        yield _fault(file, head, "left in shadow", longer(head, "mode: shadow"))
    yield from _numbers(file, head, said)
    yield from _stages(file, head, said)
    for action in ("refuse", "redact", "log"):
        if f"on_match: {action}\n" in said:
            yield _fault(
                file,
                head,
                "weakened or made harder",
                inside(head, f"on_match: {action}\n", f"on_match: {_other(action)}\n"),
            )


def _other(action: str) -> str:
    return "redact" if action == "log" else "log"


def _numbers(file: str, head: str, said: str) -> Iterator[Fault]:
    """Each step of the ladder a hair up and a hair down. No test can see that less is logged than `allow` allows."""
    for step in _STEPS:
        _, found, rest = said.partition(f"{step}: 0.")
        if not found:
            continue
        digits = rest[:2]
        old = f"{step}: 0.{digits}"
        for way, label in ((1, "raised by 0.01"), (-1, "lowered by 0.01")):
            if step != "log" or way > 0:
                new = f"{step}: {float(f'0.{digits}') + way * _HAIR:.2f}"
                yield _fault(file, head, f"{step} {label}", inside(head, old, new))


def _stages(file: str, head: str, said: str) -> Iterator[Fault]:
    if not head.startswith("id:"):
        return
    for line, other in _STAGES.items():
        if line in said:
            why = _OUTRANKED if head.endswith("-asked") else _SAME.get(head, "")
            yield replace(_fault(file, head, "looks at both stages", inside(head, line, "")), why=why)
            yield _fault(file, head, "looks at the other stage", inside(head, line, other))
            return
    for stage in ("input", "output"):
        yield _fault(file, head, f"looks at {stage} only", longer(head, f"checks: [{stage}]"))


def _fault(file: str, head: str, slip: str, edit: Edit) -> Fault:
    return Fault(f"{file.removesuffix('.yaml')} {head.partition(': ')[2]}: {slip}", slip, file, slip, edit)
