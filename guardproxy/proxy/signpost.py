"""What to say of a path that is not served: the right path where one is meant, or why there is none.

    sign(path, served) -> Sign      `near`: the served path that was meant, or ""; `why`: a reason, or ""

Nothing is redirected: a redirect loses the caller's key, and a path that is guessed is a path that is not checked.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

_STATE = "what it refers to is kept at the model server, where it cannot be checked"
_SERVER = "this path of a model server would take text past the checks"
_PAGES = "there are no such pages on this port"
_ADMIN = "this is on the admin port"

_REASONS = {
    "audio": "sound cannot be checked",
    "images": "pictures cannot be checked",
    "videos": "videos cannot be checked",
    "realtime": "spoken conversations cannot be checked",
    "files": "stored files cannot be checked",
    "uploads": "stored files cannot be checked",
    "batches": "requests inside files would pass unchecked",
    "assistants": _STATE,
    "threads": _STATE,
    "conversations": _STATE,
    "vector_stores": _STATE,
    "containers": _STATE,
    "evals": _STATE,
    "fine_tuning": "training is no exchange with a model",
    "fine-tunes": "training is no exchange with a model",
    "tokenize": _SERVER,
    "detokenize": _SERVER,
    "pooling": _SERVER,
    "score": _SERVER,
    "rerank": _SERVER,
    "classify": _SERVER,
    "invocations": _SERVER,
    "generate": _SERVER,
    "generate_stream": _SERVER,
    "completion": _SERVER,
    "infill": _SERVER,
    "api": "Ollama's own API is not served; point the client at its OpenAI-compatible /v1 here",
    "docs": _PAGES,
    "redoc": _PAGES,
    "openapi.json": _PAGES,
    "metrics": _ADMIN,
    "admin": _ADMIN,
}
"""By the first word of the path behind `/v1`."""

_BELOW = {
    "messages": "only messages themselves are served; counting tokens and batches are not",
    "responses": f"only new responses are served; {_STATE}",
    "chat": f"only new completions are served; {_STATE}",
}
"""Of paths that lead on behind one that is served."""

_PROBES = {"health": "/healthz", "ready": "/readyz", "ping": "/healthz", "v1": ""}


@dataclass(frozen=True, slots=True)
class Sign:
    """Both may be empty: then nobody knows such a path."""

    near: str = ""
    why: str = ""

    def __str__(self) -> str:
        why = f": {self.why}" if self.why else ""
        hint = f"; did you mean {self.near}?" if self.near else ""
        return f"nothing is served at this path{why}{hint}"


def sign(path: str, served: Collection[str]) -> Sign:
    """Case, doubled or missing `/v1`, doubled and trailing slashes and what stands before the path do not matter."""
    words = [word for word in path.lower().split("/") if word]
    while words and words[0] == "v1":
        words = words[1:]
    if not words:
        return Sign(why="the base URL ends in /v1; clients add the rest")
    straight = next((p for p in served if words == _words(p)), "")
    if straight:
        return Sign(straight, _slip(path, straight))
    if words[0] in _PROBES:
        return Sign(_PROBES[words[0]])
    if words[0] in _REASONS and not _is_base(words):
        return Sign(why=_REASONS[words[0]])
    below = next((p for p in served if words[: len(_words(p))] == _words(p)), "")
    if below:
        return Sign(below, _BELOW.get(words[0], ""))
    behind = max((p for p in served if words[-len(_words(p)) :] == _words(p)), key=len, default="")
    return Sign(behind, _slip(path, behind)) if behind else Sign()


def _words(path: str) -> list[str]:
    return path.removeprefix("/v1").strip("/").split("/")


def _is_base(words: list[str]) -> bool:
    """`/api/v1/...` is how some servers begin their OpenAI-compatible paths."""
    return words[:2] == ["api", "v1"] and len(words) > 2


def _slip(path: str, near: str) -> str:
    """What is wrong with the path as it was written."""
    if path.rstrip("/") == near:
        return "take the slash away from its end"
    if near.removeprefix("/v1") == path:
        return "the base URL must end in /v1"
    if near == path.replace("/v1/v1/", "/v1/"):
        return "the base URL has /v1 twice"
    if path.lower() == near:
        return "paths are written in lower case"
    return ""
