"""The joint between our upstream interface and httpx: either may stand in for the other."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping

import httpx

from guardproxy.errors import UpstreamBadAnswer, UpstreamError, UpstreamTimeout, UpstreamUnreachable
from guardproxy.proxy.upstream import Call, Reply, Target, Upstream


class UpstreamTransport(httpx.AsyncBaseTransport):
    """Shows an `Upstream` as an httpx transport: an `httpx.AsyncClient` on it uses our pool and limits.

    The client's base URL is only a name; calls go to the upstream's own address.
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
        except UpstreamUnreachable as error:
            raise httpx.ConnectError(str(error), request=request) from error
        except UpstreamTimeout as error:
            raise httpx.ReadTimeout(str(error), request=request) from error
        except UpstreamError as error:
            raise httpx.RemoteProtocolError(str(error), request=request) from error
        return httpx.Response(reply.status, headers=dict(reply.headers), stream=_Pieces(reply), request=request)


class _Pieces(httpx.AsyncByteStream):
    def __init__(self, reply: Reply) -> None:
        self._reply = reply

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while piece := await self._reply.piece():
            yield piece

    async def aclose(self) -> None:
        await self._reply.close()


class HttpxReply:
    """An httpx response with our face."""

    def __init__(self, response: httpx.Response) -> None:
        self.status = response.status_code
        self.headers: Mapping[str, str] = dict(response.headers)
        self._response = response
        self._pieces = response.aiter_raw()

    async def piece(self) -> bytes:
        """The next bytes, b"" at the end."""
        try:
            return await anext(self._pieces, b"")
        except httpx.TimeoutException as error:
            raise UpstreamTimeout("the upstream fell silent", kind="idle") from error
        except httpx.HTTPError as error:
            raise UpstreamBadAnswer("the upstream closed the connection in mid-answer", kind="reset") from error

    async def close(self) -> None:
        """Drops the rest."""
        await self._response.aclose()


class HttpxUpstream:
    """An `Upstream` over any httpx transport: for tests (`httpx.MockTransport`) and unusual networks."""

    def __init__(self, target: Target, transport: httpx.AsyncBaseTransport) -> None:
        self.target = target
        self._client = httpx.AsyncClient(transport=transport, trust_env=False, follow_redirects=False)

    async def send(self, call: Call) -> HttpxReply:
        """Head of the answer."""
        request = self._client.build_request(
            call.method, self.target.base + call.path, headers=list(call.headers), content=call.body
        )
        try:
            return HttpxReply(await self._client.send(request, stream=True))
        except httpx.ConnectError as error:
            raise UpstreamUnreachable("nobody listens at the upstream's address") from error
        except httpx.TimeoutException as error:
            raise UpstreamTimeout("the upstream did not answer in time") from error
        except httpx.HTTPError as error:
            raise UpstreamBadAnswer("the upstream's answer is not HTTP", kind="reset") from error

    async def close(self) -> None:
        """Closes the client."""
        await self._client.aclose()
