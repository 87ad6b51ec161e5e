"""The page of `guardproxy demo`: one prompt, the raw model's answer, the guarded one, and why they differ.

The page may talk to its own origin only, so both streams pass through here; each goes on to one fixed address of
this machine. The routes exist in demo mode only.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from pathlib import Path

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse

from guardproxy.errors import GuardproxyError
from guardproxy.proxy.hall import Hall
from guardproxy.proxy.reloading import reload_now
from guardproxy.proxy.settings import UpstreamSettings, target
from guardproxy.proxy.upstream import Call, Reply
from guardproxy.proxy.upstream_direct import DirectUpstream

PAGES = Path(__file__).with_name("pages")
ASSETS = {"demo.js": "text/javascript; charset=utf-8", "demo.css": "text/css; charset=utf-8"}
JSON = "application/json"
HTML = "text/html; charset=utf-8"
MOST_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Task:
    """One prepared prompt."""

    id: str
    kind: str
    text: str
    model: str
    language: str


@dataclass(frozen=True, slots=True)
class Showing:
    """What the page shows: prepared prompts, model names, and the policy file that a switch may rewrite.

    `usual` and `strict` are the two states of that file.
    """

    tasks: tuple[Task, ...]
    models: tuple[str, ...]
    policy_file: Path
    usual: bytes
    strict: bytes


class Asked(BaseModel):
    """What the page sends."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    model: str = Field(max_length=64)
    prompt: str = Field(min_length=1, max_length=4000)
    language: str = Field("", max_length=16, pattern=r"^[A-Za-z-]*$")


class Switched(BaseModel):
    """The switch for the stricter policy."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    strict: bool


class Stage:
    """Both models at their addresses (base URLs), and what is shown of them."""

    def __init__(self, hall: Hall, showing: Showing, raw: str, guarded: str) -> None:
        self.hall = hall
        self.showing = showing
        self.raw = DirectUpstream(target(UpstreamSettings(url=raw, name="raw")))
        self.guarded = DirectUpstream(target(UpstreamSettings(url=guarded, name="guarded")))

    async def close(self) -> None:
        """Closes the connections to both."""
        await self.raw.close()
        await self.guarded.close()

    def setup(self) -> dict[str, object]:
        """What the page needs to know before it can ask."""
        policies = [{"policy": str(p.ref), "hash": p.ref.hash} for p in self.hall.shelf.policies]
        return {
            "tasks": [asdict(task) for task in self.showing.tasks],
            "models": list(self.showing.models),
            "raw": self.raw.target.base,
            "guarded": self.guarded.target.base,
            "policies": policies,
            "policy_file": str(self.showing.policy_file),
            "strict": self.showing.policy_file.read_bytes() == self.showing.strict,
        }

    def switch(self, *, strict: bool) -> tuple[bool, str]:
        """Writes the other policy and takes it over; blocking. Returns whether it is in force, and the report."""
        self.showing.policy_file.write_bytes(self.showing.strict if strict else self.showing.usual)
        report = reload_now(self.hall)
        return report.ok, report.report


def demo_page(stage: Stage) -> APIRouter:
    """The page, its two files, its set-up, both relays and the switch."""
    router = APIRouter()

    @router.get("/admin/demo")
    async def page() -> FileResponse:
        return FileResponse(PAGES / "demo.html", media_type=HTML)

    @router.get("/admin/assets/{name}")
    async def asset(name: str) -> Response:
        if name not in ASSETS:
            return JSONResponse({"error": "no such file"}, status_code=404)
        return FileResponse(PAGES / name, media_type=ASSETS[name])

    @router.get("/admin/demo/setup")
    async def setup() -> JSONResponse:
        return JSONResponse(await asyncio.to_thread(stage.setup))

    @router.post("/admin/demo/raw")
    async def raw(request: Request) -> Response:
        return await _ask(request, stage.raw)

    @router.post("/admin/demo/guarded")
    async def guarded(request: Request) -> Response:
        return await _ask(request, stage.guarded)

    @router.post("/admin/demo/policy")
    async def policy(request: Request) -> Response:
        try:
            switched = Switched.model_validate_json(await _body(request))
        except ValueError:
            return _wrong('send {"strict": true} or {"strict": false}')
        ok, report = await asyncio.to_thread(lambda: stage.switch(strict=switched.strict))
        return JSONResponse({"ok": ok, "report": report}, status_code=200 if ok else 409)

    return router


async def _ask(request: Request, upstream: DirectUpstream) -> Response:
    """The prompt as a streamed chat request to one of the two; the answer's bytes as they come."""
    try:
        asked = Asked.model_validate_json(await _body(request))
    except ValueError:
        return _wrong("send a prompt of 1 to 4,000 characters and the name of a model")
    language = asked.language or request.headers.get("accept-language", "")[:200]
    call = Call("POST", "/chat/completions", (("content-type", JSON), ("accept-language", language)), _chat(asked))
    try:
        reply = await upstream.send(call)
    except GuardproxyError as error:
        return JSONResponse({"error": str(error)}, status_code=502)
    passed = {n: v for n, v in reply.headers.items() if n.startswith("x-guardproxy-")}
    kind = reply.headers.get("content-type", JSON)
    return StreamingResponse(_pieces(reply), status_code=reply.status, headers=passed, media_type=kind)


def _chat(asked: Asked) -> bytes:
    body = {"model": asked.model, "messages": [{"role": "user", "content": asked.prompt}], "stream": True}
    return json.dumps(body).encode()


async def _pieces(reply: Reply) -> AsyncIterator[bytes]:
    """A stream that breaks off ends here with an error frame: the page's own, since both sides are ours."""
    try:
        while piece := await reply.piece():
            yield piece
    except GuardproxyError as error:
        yield b"data: " + json.dumps({"error": {"message": str(error)}}).encode() + b"\n\n"
    finally:
        await reply.close()


async def _body(request: Request) -> bytes:
    """A small JSON body. Raises ValueError for another content type and for a long one."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != JSON:
        raise ValueError("not JSON")
    raw = b""
    async for piece in request.stream():
        raw += piece
        if len(raw) > MOST_BYTES:
            raise ValueError("too long")
    return raw


def _wrong(message: str) -> JSONResponse:
    return JSONResponse({"error": message}, status_code=400)
