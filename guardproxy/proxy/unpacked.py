"""What every flow may rely on in a reply: its type in small letters, JSON or an event stream, its body unpacked."""

from __future__ import annotations

from collections.abc import Mapping

from guardproxy.errors import UpstreamBadAnswer
from guardproxy.proxy.target import Target
from guardproxy.proxy.upstream import Call, Reply, Upstream
from guardproxy.wire.unpacking import Unpacker


class UnpackedUpstream:
    """An upstream in front of another one. `send` raises what that one raises, and UpstreamBadAnswer (wire.md 3.1)."""

    def __init__(self, upstream: Upstream) -> None:
        self.target: Target = upstream.target
        self._upstream = upstream

    async def send(self, call: Call) -> Reply:
        """Head of the answer. An HTTP error may be of any type: gateways answer in HTML."""
        reply = await self._upstream.send(call)
        try:
            return UnpackedReply(reply)
        except UpstreamBadAnswer:
            await reply.close()
            raise

    async def close(self) -> None:
        """Closes the one behind."""
        await self._upstream.close()


class UnpackedReply:
    """A reply in front of another one."""

    def __init__(self, reply: Reply) -> None:
        self.status = reply.status
        kept = dict(reply.headers)
        encoding = kept.pop("content-encoding", "identity").strip().lower()
        kind = kept["content-type"] = kept.get("content-type", "").lower()
        if reply.status == 200 and "json" not in kind and "text/event-stream" not in kind:
            raise UpstreamBadAnswer("the upstream answered with something that is neither JSON nor an event stream")
        self.headers: Mapping[str, str] = kept
        self._reply = reply
        self._unpacker = None if encoding in ("", "identity") else Unpacker(encoding)

    async def piece(self) -> bytes:
        """The next bytes, b"" at the end. Cancelling it loses nothing."""
        if self._unpacker is None:
            return await self._reply.piece()
        while packed := await self._reply.piece():
            if piece := self._unpacker.feed(packed):
                return piece
        self._unpacker.flush()
        return b""

    async def close(self) -> None:
        """Drops the rest."""
        await self._reply.close()
