"""A client over aiohttp: what `upstream_direct` has to agree with. No proxy runs it; both pass test_upstream.py."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import aiohttp
from yarl import URL

from guardproxy.errors import UpstreamBadAnswer, UpstreamTimeout, UpstreamUnreachable
from guardproxy.proxy.target import Target
from guardproxy.proxy.upstream import Call


class AiohttpReply:
    """An aiohttp response with our error tree and our idle timeout."""

    def __init__(self, response: aiohttp.ClientResponse, idle_timeout: float) -> None:
        self.status = response.status
        self.headers: Mapping[str, str] = {k.lower(): v for k, v in response.headers.items()}
        self._response = response
        self._idle = idle_timeout

    async def piece(self) -> bytes:
        """The next bytes as they come, b"" at the end. Cancelling it loses nothing."""
        try:
            async with asyncio.timeout(self._idle):
                return await self._response.content.readany()
        except TimeoutError as error:
            raise UpstreamTimeout(f"the upstream sent nothing for {self._idle:g} s", kind="idle") from error
        except (aiohttp.ClientError, ConnectionError) as error:
            raise UpstreamBadAnswer("the upstream closed the connection in mid-answer", kind="reset") from error

    async def close(self) -> None:
        """Drops the connection; a half-read answer cancels the work upstream."""
        self._response.close()


class AiohttpUpstream:
    """One session, explicit pool, no retries but one on a refused connection."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self._session: aiohttp.ClientSession | None = None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            # 4 s keep-alive: most model servers run uvicorn, which closes idle connections after 5 s, and a
            # POST sent into a closing connection must not be repeated.
            connector = aiohttp.TCPConnector(limit=self.target.pool, keepalive_timeout=4, ttl_dns_cache=30)
            self._session = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=self.target.connect_timeout),
                skip_auto_headers=("User-Agent", "Accept-Encoding", "Accept"),
            )
        return self._session

    async def send(self, call: Call) -> AiohttpReply:
        """Head of the answer. A refused connection is tried once more, before any byte was sent."""
        try:
            return await self._send(call)
        except UpstreamUnreachable:
            return await self._send(call)

    async def _send(self, call: Call) -> AiohttpReply:
        headers = [*call.headers, ("accept-encoding", "identity")]
        if self.target.key is not None:
            headers.append(("authorization", f"Bearer {self.target.key.reveal()}"))
        url = URL(self.target.base + call.path, encoded=True)
        try:
            async with asyncio.timeout(self.target.answer_timeout):
                response = await self._open().request(
                    call.method, url, data=call.body, headers=headers, allow_redirects=False
                )
        except aiohttp.ConnectionTimeoutError as error:
            raise UpstreamTimeout(
                f"the upstream took no connection within {self.target.connect_timeout:g} s"
            ) from error
        except TimeoutError as error:
            raise UpstreamTimeout(f"the upstream did not answer within {self.target.answer_timeout:g} s") from error
        except aiohttp.ClientConnectorError as error:
            raise UpstreamUnreachable("nobody listens at the upstream's address") from error
        except (aiohttp.ClientError, ConnectionError, ValueError) as error:
            raise UpstreamBadAnswer(
                "the upstream's answer is not HTTP, or the connection broke", kind="reset"
            ) from error
        return AiohttpReply(response, self.target.idle_timeout)

    async def close(self) -> None:
        """Closes all connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None
