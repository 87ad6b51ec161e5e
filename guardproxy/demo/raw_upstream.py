"""The raw model as a server: `/v1/chat/completions` (plain and streamed) and `/v1/models` in OpenAI's wire format.

An ASGI application; `python -m guardproxy.demo.raw_upstream --port 9001` runs it alone. Headers of this server only:
`x-demo-register` (one of the corpus' registers), `x-demo-delay` (milliseconds a word), `x-demo-cut` (the connection
drops after that many words). It is meant for loopback: no keys, no limits on callers.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any

import uvicorn

from guardproxy.demo.behaviours import NAMES, Order, Said, answer, prompt_tokens
from guardproxy.demo.next_word import shipped
from guardproxy.demo.orders import Refused, read_body, read_order

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

CREATED = 1_700_000_000
"""A fixed stamp: the same request gives the same bytes."""
MOST_BYTES = 1024 * 1024
DELAYS = {"raw-slow": 0.06}
CUTS = {"raw-cut": 8}
EVENTS = "text/event-stream"
JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds between two words, and after how many words the connection drops (0: never)."""

    delay: float
    cut: int | None


class RawUpstream:
    """See the module's text."""

    def __init__(self) -> None:
        self._model = shipped()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        try:
            await self._serve(scope, receive, send)
        except Refused as error:
            kind = "not_found_error" if error.status == 404 else "invalid_request_error"
            body = {"error": {"message": str(error), "type": kind, "param": None, "code": error.code}}
            await _whole(send, error.status, _bytes(body))

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        path, method = scope["path"], scope["method"]
        if path == "/v1/models" and method == "GET":
            listed = [{"id": n, "object": "model", "created": CREATED, "owned_by": "guardproxy-demo"} for n in NAMES]
            await _whole(send, 200, _bytes({"object": "list", "data": listed}))
        elif path == "/v1/chat/completions" and method == "POST":
            await self._chat(scope, receive, send)
        else:
            raise Refused("served here: POST /v1/chat/completions, GET /v1/models", status=404, code="unknown_path")

    async def _chat(self, scope: Scope, receive: Receive, send: Send) -> None:
        tree = read_body(await _read(receive))
        headers = {n.decode("latin-1").lower(): v.decode("latin-1") for n, v in scope["headers"]}
        order = read_order(tree, headers)
        said = [answer(self._model, order, choice) for choice in range(order.n)]
        delay = DELAYS.get(order.model, 0.0) if order.delay is None else order.delay
        pace = Pace(delay, CUTS.get(order.model) if order.cut is None else order.cut)
        if tree.get("stream") is True:
            options = tree.get("stream_options")
            usage = isinstance(options, dict) and options.get("include_usage") is True
            await _stream(send, events(order, said, usage=usage), pace)
            return
        await asyncio.sleep(pace.delay * max(len(s.pieces) for s in said))
        await _whole(send, 200, _bytes(completion(order, said)), drop=pace.cut is not None)


def completion(order: Order, said: list[Said]) -> dict[str, Any]:
    """A whole answer."""
    choices = [
        {
            "index": at,
            "message": {"role": "assistant", "content": one.text},
            "logprobs": None,
            "finish_reason": one.finish,
        }
        for at, one in enumerate(said)
    ]
    return {**_head(order, "chat.completion"), "choices": choices, "usage": _usage(order, said)}


def events(order: Order, said: list[Said], *, usage: bool) -> Iterator[dict[str, Any] | None]:
    """The chunks of a stream, choice after choice word by word; None stands for `[DONE]`."""
    head = _head(order, "chat.completion.chunk")
    for at in range(len(said)):
        yield {**head, "choices": [_choice(at, {"role": "assistant", "content": ""}, None)]}
    for number in range(max(len(one.pieces) for one in said)):
        for at, one in enumerate(said):
            if number < len(one.pieces):
                yield {**head, "choices": [_choice(at, {"content": one.pieces[number]}, None)]}
    for at, one in enumerate(said):
        yield {**head, "choices": [_choice(at, {}, one.finish)]}
    if usage:
        yield {**head, "choices": [], "usage": _usage(order, said)}
    yield None


def _choice(at: int, delta: dict[str, str], finish: str | None) -> dict[str, Any]:
    return {"index": at, "delta": delta, "logprobs": None, "finish_reason": finish}


def _head(order: Order, kind: str) -> dict[str, Any]:
    return {"id": "chatcmpl-demo", "object": kind, "created": CREATED, "model": order.model}


def _usage(order: Order, said: list[Said]) -> dict[str, int]:
    asked, given = prompt_tokens(order), sum(len(one.pieces) for one in said)
    return {"prompt_tokens": asked, "completion_tokens": given, "total_tokens": asked + given}


async def _read(receive: Receive) -> bytes:
    raw, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refused("the caller is gone")
        raw += message.get("body", b"")
        more = message.get("more_body", False)
        if len(raw) > MOST_BYTES:
            raise Refused("the body is longer than one mebibyte", status=413, code="request_too_large")
    return raw


async def _stream(send: Send, chunks: Iterator[dict[str, Any] | None], pace: Pace) -> None:
    await _start(send, 200, EVENTS, None)
    words = 0
    for chunk in chunks:
        frame = b"data: [DONE]\n\n" if chunk is None else b"data: " + _bytes(chunk) + b"\n\n"
        if chunk is not None and chunk["choices"] and chunk["choices"][0]["delta"].get("content"):
            if words == pace.cut:
                return  # an answer without its end: the server drops the connection
            words += 1
            await asyncio.sleep(pace.delay)
        await send({"type": "http.response.body", "body": frame, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _whole(send: Send, status: int, body: bytes, *, drop: bool = False) -> None:
    await _start(send, status, JSON, len(body))
    if drop:
        await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
        return
    await send({"type": "http.response.body", "body": body, "more_body": False})


async def _start(send: Send, status: int, kind: str, length: int | None) -> None:
    headers = [(b"content-type", kind.encode())]
    if length is not None:
        headers.append((b"content-length", str(length).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})


def _bytes(tree: dict[str, Any]) -> bytes:
    return json.dumps(tree, ensure_ascii=False, separators=(",", ":")).encode("utf-8")


def main() -> None:
    """The raw model alone, on loopback."""
    parser = argparse.ArgumentParser(description="The demo's raw next-word model as an OpenAI-compatible server.")
    parser.add_argument("--port", type=int, default=9001)
    options = parser.parse_args()
    uvicorn.run(RawUpstream(), host="127.0.0.1", port=options.port, log_level="warning", lifespan="off")


if __name__ == "__main__":
    main()
