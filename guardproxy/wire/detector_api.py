"""`POST /api/v1/text/contents`: the detector API of the FMS guardrails orchestrator (wire.md 4.4).

    read_detector(value: str) -> Wanted                        the header `detector-id`; raises errors.BadRequest
    parse_request(tree: dict, limits: Limits) -> Contents      raises errors.BadRequest
    detections_body(contents, wanted, found, exact) -> bytes   one list for each content, in order
    error_answer(error) -> ErrorAnswer                         {"code", "message"}; the code is the HTTP status

Offsets are code points. Scores are quarters unless the key has the scope `scores`, and a threshold is compared
with what is shown: it cannot be used to probe.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from guardproxy.core.categories import quarters
from guardproxy.core.conversation import Conversation, Message, Part, Pointer, Role, Scope
from guardproxy.core.findings import Finding
from guardproxy.core.hazards import family_of
from guardproxy.errors import BadRequest, GuardproxyError
from guardproxy.wire import errors
from guardproxy.wire.body import Limits, Tree, serialise
from guardproxy.wire.request import unsupported, wrong_type

HEADER = "detector-id"
MOST_CONTENTS = 256
DEFAULT_THRESHOLD = 0.5
_POLICY = "policy:"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Who is asked: a policy by name, or one detector by id."""

    name: str
    is_policy: bool

    def __str__(self) -> str:
        return f"{_POLICY}{self.name}" if self.is_policy else self.name


@dataclass(frozen=True, slots=True)
class Contents:
    """Texts that have nothing to do with one another."""

    texts: tuple[str, ...] = field(repr=False)
    threshold: float = DEFAULT_THRESHOLD

    def conversations(self) -> tuple[Conversation, ...]:
        """Each text as what a user says."""
        parts = [Part(text, Pointer(("contents", at))) for at, text in enumerate(self.texts)]
        return tuple(Conversation((Message(Role.USER, Scope.USER, (part,)),)) for part in parts)


def read_detector(value: str) -> Wanted:
    """`policy:<name>`, or the id of a detector."""
    name = value.removeprefix(_POLICY)
    if not name:
        raise BadRequest(f"the header {HEADER} is missing", code="invalid_type", param=HEADER)
    return Wanted(name, value.startswith(_POLICY))


def parse_request(tree: Tree, limits: Limits) -> Contents:
    """`contents` and `detector_params`, of which `threshold` is known."""
    texts = tree.get("contents")
    if not isinstance(texts, list):
        raise wrong_type(("contents",), "a list of strings")
    if len(texts) > min(MOST_CONTENTS, limits.max_messages):
        raise BadRequest(f"more than {MOST_CONTENTS} contents", code="too_complex", param="contents")
    for at, text in enumerate(texts):
        if not isinstance(text, str):
            raise wrong_type(("contents", at), "a string")
    params = tree.get("detector_params")
    if params is not None and not isinstance(params, dict):
        raise wrong_type(("detector_params",), "an object")
    for name in params or {}:
        if name != "threshold":
            raise unsupported(("detector_params", name), "only threshold is known")
    threshold = (params or {}).get("threshold", DEFAULT_THRESHOLD)
    if not isinstance(threshold, int | float) or isinstance(threshold, bool) or not 0 <= threshold <= 1:
        raise wrong_type(("detector_params", "threshold"), "a number from 0 to 1")
    return Contents(tuple(texts), threshold)


def detections_body(
    contents: Contents, wanted: Wanted, found: Sequence[Sequence[Finding]], *, exact: bool = False
) -> bytes:
    """What reaches the threshold; a finding without a place is about the whole text. `exact`: no score is rounded."""
    return serialise(
        [
            [
                _detection(finding, text, wanted, exact=exact)
                for finding in findings
                if _shown(finding, exact=exact) >= contents.threshold and finding.score > 0
            ]
            for text, findings in zip(contents.texts, found, strict=True)
        ]
    )


def error_answer(error: GuardproxyError) -> errors.ErrorAnswer:
    """Status and headers as everywhere, the body as the orchestrator reads it."""
    plain = errors.error_answer(error)
    message = str(error) or "internal error"
    return errors.ErrorAnswer(plain.status, plain.headers, serialise({"code": plain.status, "message": message}))


def _shown(finding: Finding, *, exact: bool) -> float:
    return finding.score if exact else quarters(finding.score)


def _detection(finding: Finding, text: str, wanted: Wanted, *, exact: bool) -> Tree:
    start, end = (finding.span.start, finding.span.end) if finding.span else (0, len(text))
    return {
        "start": start,
        "end": end,
        "text": text[start:end],
        "detection": finding.hazard,
        "detection_type": family_of(finding.hazard),
        "detector_id": str(wanted),
        "score": _shown(finding, exact=exact),
        "evidence": [],
    }
