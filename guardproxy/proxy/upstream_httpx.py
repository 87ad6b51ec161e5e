"""The joint between our upstream interface and httpx: either may stand in for the other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping

import httpx

from guardproxy.errors import UpstreamBadAnswer, UpstreamError, UpstreamTimeout, UpstreamUnreachable
from guardproxy.proxy.target import Target
from guardproxy.proxy.upstream import Call, Reply, Upstream


class UpstreamTransport(httpx.AsyncBaseTransport):
    """Shows an `Upstream` as an httpx transport: an `httpx.AsyncClient` on it uses our pool and limits.

    The client's base URL is only a name, without a path; calls go to the upstream's own address.
    """

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """One request; our errors come out as httpx's."""
        body = await request.aread()
        path = request.url.raw_path.decode("ascii")
        kept = tuple((k, v) for k, v in request.headers.items() if k in ("content-type", "accept"))
        try:
            reply = await self._upstream.send(Call(request.method, path, kept, body or None))
        except UpstreamError as error:
            raise _theirs(error, request) from error
        return httpx.Response(reply.status, headers=dict(reply.headers), stream=_Pieces(reply, request))


class _Pieces(httpx.AsyncByteStream):
    def __init__(self, reply: Reply, request: httpx.Request) -> None:
        self._reply = reply
        self._request = request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            while piece := await self._reply.piece():
                yield piece
        except UpstreamError as error:
            raise _theirs(error, self._request) from error

    async def aclose(self) -> None:
        await self._reply.close()


def _theirs(error: UpstreamError, request: httpx.Request) -> httpx.TransportError:
    if isinstance(error, UpstreamUnreachable):
        return httpx.ConnectError(str(error), request=request)
    if isinstance(error, UpstreamTimeout):
        return httpx.ReadTimeout(str(error), request=request)
    return httpx.RemoteProtocolError(str(error), request=request)


class HttpxReply:
    """An httpx response with our face."""

    def __init__(self, response: httpx.Response, idle_timeout: float) -> None:
        self.status = response.status_code
        self.headers: Mapping[str, str] = dict(response.headers)
        self._response = response
        self._idle = idle_timeout
        self._pieces = _raw(response)

    async def piece(self) -> bytes:
        """The next bytes, b"" at the end."""
        try:
            async with asyncio.timeout(self._idle):
                return await anext(self._pieces, b"")
        except (TimeoutError, httpx.TimeoutException) as error:
            raise UpstreamTimeout("the upstream fell silent", kind="idle") from error
        except httpx.HTTPError as error:
            raise UpstreamBadAnswer("the upstream closed the connection in mid-answer", kind="reset") from error

    async def close(self) -> None:
        """Drops the rest."""
        await self._response.aclose()


async def _raw(response: httpx.Response) -> AsyncIterator[bytes]:
    if response.is_stream_consumed:  # `httpx.Response(content=…)`, as mock transports make them
        yield response.content
        return
    async for piece in response.aiter_raw():
        yield piece


class HttpxUpstream:
    """An `Upstream` over any httpx transport: for tests (`httpx.MockTransport`) and unusual networks.

    The target's key and times hold here as they do on the hot path.
    """

    def __init__(self, target: Target, transport: httpx.AsyncBaseTransport) -> None:
        self.target = target
        self._client = httpx.AsyncClient(
            transport=transport,
            trust_env=False,
            follow_redirects=False,
            timeout=httpx.Timeout(None, connect=target.connect_timeout),
        )

    async def send(self, call: Call) -> HttpxReply:
        """Head of the answer."""
        headers = [*call.headers, ("accept-encoding", "identity")]
        if self.target.key is not None:
            headers.append(("authorization", f"Bearer {self.target.key.reveal()}"))
        request = self._client.build_request(
            call.method, self.target.base + call.path, headers=headers, content=call.body
        )
        try:
            async with asyncio.timeout(self.target.answer_timeout):
                response = await self._client.send(request, stream=True)
        except httpx.ConnectError as error:
            raise UpstreamUnreachable("nobody listens at the upstream's address") from error
        except (TimeoutError, httpx.TimeoutException) as error:
            raise UpstreamTimeout("the upstream did not answer in time") from error
        except httpx.HTTPError as error:
            raise UpstreamBadAnswer("the upstream's answer is not HTTP", kind="reset") from error
        return HttpxReply(response, self.target.idle_timeout)

    async def close(self) -> None:
        """Closes the client."""
        await self._client.aclose()
