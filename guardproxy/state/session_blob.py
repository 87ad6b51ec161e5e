"""A session as bytes that a shared store may keep: numbers, names of hazards and rules, and a seal.

    pack(state, ahead, key, secret) -> bytes
    unpack(blob, ahead, key, secret) -> SessionState | None      None: garbage, forged, or of another session

Times in a blob are of the store's clock, which is `ahead` seconds ahead of ours: replicas' clocks may differ. Whoever
can write into the store cannot write a state, for that needs the secret; what does not read counts as missing.
"""

from __future__ import annotations

import hmac
import json
from math import isfinite
from typing import Any

from guardproxy.core.cool_down import Mark, Pause, Pauses
from guardproxy.core.escalation import Level
from guardproxy.core.hazards import exists
from guardproxy.core.session import SessionState

_SEAL = 16


def pack(state: SessionState, ahead: float, key: str, secret: bytes) -> bytes:
    """`key`: of the session; a blob does not fit another one."""
    body = json.dumps(
        {
            "at": state.at + ahead,
            "levels": [[level.leaf, level.total, level.step] for level in state.levels],
            "marks": [[mark.key, mark.at + ahead] for mark in state.pauses.marks],
            "pauses": [[pause.key, pause.until + ahead] for pause in state.pauses.running],
        }
    ).encode()
    return _seal(body, key, secret) + body


def unpack(blob: bytes, ahead: float, key: str, secret: bytes) -> SessionState | None:
    """Leaves that this version does not know are left out: another replica may be newer."""
    seal, body = blob[:_SEAL], blob[_SEAL:]
    if not hmac.compare_digest(seal, _seal(body, key, secret)):
        return None
    try:
        tree = json.loads(body)
        levels = [Level(leaf, _finite(total), int(step)) for leaf, total, step in tree["levels"] if exists(leaf)]
        marks = [Mark(str(name), _finite(at) - ahead) for name, at in tree["marks"]]
        running = [Pause(str(name), _finite(until) - ahead) for name, until in tree["pauses"]]
        at = _finite(tree["at"]) - ahead
    except (ValueError, TypeError, LookupError):
        return None
    return SessionState(tuple(levels), Pauses(tuple(marks), tuple(running)), at)


def _finite(value: Any) -> float:
    number = float(value)
    if not isfinite(number):
        raise ValueError("not a number")
    return number


def _seal(body: bytes, key: str, secret: bytes) -> bytes:
    return hmac.new(secret, key.encode() + b"\0" + body, "sha256").digest()[:_SEAL]
