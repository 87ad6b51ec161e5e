"""What goes upstream for one exchange; with `overlap: true` on the route, while the input is still being judged.

    Sender(upstream, path, headers, ledger)
        .early(tree)      the call is on its way, and nothing of its answer is used yet
        .send(tree)       the head of an answer: of the early call if it was the same, else of a new one
        .drop()           an early call is cancelled, and nothing of its answer is used

What is cheap has looked before: only what words, patterns and the other instant detectors let pass goes out early
(performance.md, "What decides it", 8). Of its answer no more than the head is read, the rest waits in the socket: what
is held is bounded by the client's read buffer.
"""

from __future__ import annotations

import asyncio
from time import perf_counter

from guardproxy.proxy.ledger import Ledger
from guardproxy.proxy.tasks import spawn
from guardproxy.proxy.upstream import Call, Reply, Upstream
from guardproxy.wire.body import Tree, serialise
from guardproxy.wire.headers import Headers

TOOLS = ("tools", "functions", "mcp_servers", "web_search_options", "tool_choice", "function_call")
"""Members of a request with which a model may act before anybody has read what it was asked."""


def may_act(tree: Tree) -> bool:
    """True for a request that carries tools: it is never sent before it is judged (openai-agents-python #889, #991)."""
    return any(tree.get(name) for name in TOOLS)


class Sender:
    """See the module's text. `headers`: those that go upstream."""

    def __init__(self, upstream: Upstream, path: str, headers: Headers, ledger: Ledger) -> None:
        self._upstream, self._path, self._headers, self._ledger = upstream, path, headers, ledger
        self._ahead: asyncio.Task[Reply] | None = None
        self._early: Call | None = None
        self._took = 0.0

    def early(self, tree: Tree) -> None:
        """Once an exchange at most."""
        self._early = self._call(tree)
        self._ahead = spawn(self._send(self._early))

    async def send(self, tree: Tree) -> Reply:
        """Raises what the upstream's `send` raises."""
        call = self._call(tree)
        if call != self._early:
            await self.drop()
        task, self._ahead = self._ahead, None
        reply = await (task if task is not None else self._send(call))
        self._ledger.upstream_seconds += self._took
        return reply

    async def drop(self) -> None:
        """Cancels the work upstream, whether it has begun to answer or not."""
        task, self._ahead = self._ahead, None
        if task is None:
            return
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled() and task.exception() is None:
            await task.result().close()

    def _call(self, tree: Tree) -> Call:
        return Call("POST", self._path, self._headers, serialise(tree))

    async def _send(self, call: Call) -> Reply:
        self._ledger.forwarded = True
        began = perf_counter()
        reply = await self._upstream.send(call)
        self._took = perf_counter() - began
        return reply
