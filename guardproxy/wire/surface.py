"""The surfaces that a model serves: what one path does differently, and nothing more.

    Surface(name, path, parse, dialect, instruct, errors)
    CHAT_COMPLETIONS, COMPLETIONS, MESSAGES, RESPONSES, EMBEDDINGS; SURFACES by path

Everything else is one flow: parse → screen → upstream → moderate → render → record.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from guardproxy.wire import chat, completions, embeddings, messages, messages_own, responses
from guardproxy.wire.body import Limits, Tree
from guardproxy.wire.chat_dialect import ChatDialect
from guardproxy.wire.dialect import Dialect
from guardproxy.wire.errors import ErrorAnswer
from guardproxy.wire.messages_dialect import MessagesDialect
from guardproxy.wire.patch import insert_system
from guardproxy.wire.request import Request
from guardproxy.wire.responses_dialect import ResponsesDialect
from guardproxy.wire.shape import CHAT, TEXT


def as_it_is(answer: ErrorAnswer) -> ErrorAnswer:
    """OpenAI's shape, which all our errors are made in."""
    return answer


@dataclass(frozen=True, slots=True)
class Surface:
    """One of them. `name` is the label in metrics and records.

    `dialect`: of the answers; None: the answer holds vectors and passes untouched or not at all, and a refusal is an
    error. `instruct`: adds an instruction for the model, where the surface has a place for one. `errors`: turns an
    error in OpenAI's shape into the surface's own. `spoken_by`: for a surface that not every model server has, who does.
    """

    name: str
    path: str
    parse: Callable[[Tree, Limits], Request]
    dialect: Dialect | None
    instruct: Callable[[Tree, str], Tree] | None = None
    errors: Callable[[ErrorAnswer], ErrorAnswer] = as_it_is
    spoken_by: str = ""

    @property
    def upstream_path(self) -> str:
        """The path behind the upstream's base."""
        return self.path.removeprefix("/v1")


CHAT_COMPLETIONS = Surface(
    "chat_completions", "/v1/chat/completions", chat.parse_request, ChatDialect(CHAT), insert_system
)
COMPLETIONS = Surface("completions", "/v1/completions", completions.parse_request, ChatDialect(TEXT))
MESSAGES = Surface(
    "messages",
    "/v1/messages",
    messages.parse_request,
    MessagesDialect(),
    messages.insert_instruction,
    messages_own.errors,
    "Servers that have it: llama.cpp, vLLM, Anthropic's own",
)
EMBEDDINGS = Surface("embeddings", "/v1/embeddings", embeddings.parse_request, None)
RESPONSES = Surface(
    "responses",
    "/v1/responses",
    responses.parse_request,
    ResponsesDialect(),
    responses.instruct,
    spoken_by="Servers that have it: llama.cpp, vLLM, OpenAI's own",
)
SURFACES = {surface.path: surface for surface in (CHAT_COMPLETIONS, COMPLETIONS, MESSAGES, RESPONSES, EMBEDDINGS)}
