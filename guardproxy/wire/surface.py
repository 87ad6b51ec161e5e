"""The surfaces that a model serves: what one path does differently, and nothing more.

    Surface(name, path, parse, shape, instruct)
    CHAT_COMPLETIONS, COMPLETIONS, EMBEDDINGS; SURFACES by path

Everything else is one flow: parse → screen → upstream → moderate → render → record.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from guardproxy.wire import chat, completions, embeddings
from guardproxy.wire.body import Limits, Tree
from guardproxy.wire.patch import insert_system
from guardproxy.wire.request import Request
from guardproxy.wire.shape import CHAT, TEXT, Shape


@dataclass(frozen=True, slots=True)
class Surface:
    """One of them. `name` is the label in metrics and records.

    `shape`: of the answers; None: the answer holds vectors and passes untouched or not at all, and a refusal is an error.
    `instruct`: adds an instruction for the model, where the surface has a place for one.
    """

    name: str
    path: str
    parse: Callable[[Tree, Limits], Request]
    shape: Shape | None
    instruct: Callable[[Tree, str], Tree] | None = None

    @property
    def upstream_path(self) -> str:
        """The path behind the upstream's base."""
        return self.path.removeprefix("/v1")


CHAT_COMPLETIONS = Surface("chat_completions", "/v1/chat/completions", chat.parse_request, CHAT, insert_system)
COMPLETIONS = Surface("completions", "/v1/completions", completions.parse_request, TEXT)
EMBEDDINGS = Surface("embeddings", "/v1/embeddings", embeddings.parse_request, None)
SURFACES = {surface.path: surface for surface in (CHAT_COMPLETIONS, COMPLETIONS, EMBEDDINGS)}
