"""A scripted upstream over a real socket: records every request, answers byte for byte what it is told.

    with FakeUpstream(script) as upstream:        Script, or a function Recorded → Script; None: a short sentence
        upstream.base                             http://127.0.0.1:PORT/v1
        upstream.requests                         list[Recorded]: method, path, headers, body
        upstream.answer_with(script)              from now on

    python -m guardproxy.testing.fake_upstream --port 9000 [--text "what it says"]

Threads and plain sockets, because a client library's server cannot send half a chunk or a reset.
Streams end with the connection; every answer says `connection: close`.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from guardproxy.testing.scripts import JSON, Script, answer, completion, parrot, stream_of

MAX_HEAD = 64 * 1024


@dataclass(frozen=True, slots=True)
class Recorded:
    """One request as it came."""

    method: str
    path: str
    headers: dict[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def json(self) -> Any:
        """The body as JSON; None when it is not JSON."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None


Answering = Script | Callable[[Recorded], Script] | None


class FakeUpstream:
    """See the module's text. Starts on entering, stops and closes everything on leaving."""

    def __init__(self, answering: Answering = None, port: int = 0) -> None:
        self.requests: list[Recorded] = []
        self.aborted = 0
        self._answering = answering
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port: int = self._listener.getsockname()[1]

    @property
    def base(self) -> str:
        """The address that goes into the proxy's settings."""
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def hits(self) -> int:
        """How many POST requests arrived."""
        return sum(request.method == "POST" for request in self.requests)

    def answer_with(self, answering: Answering) -> None:
        """Answers like this from now on."""
        self._answering = answering

    def until(self, holds: Callable[[], bool], timeout: float = 5.0) -> bool:
        """Waits for something to become true; false after `timeout` seconds."""
        deadline = time.monotonic() + timeout
        while not holds():
            if time.monotonic() > deadline:
                return False
            self._stopping.wait(0.005)
        return True

    def __enter__(self) -> Self:
        self._listener.settimeout(0.05)
        self._start(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join(timeout=5)
        self._listener.close()

    def wait(self) -> None:
        """Serves until interrupted."""
        with contextlib.suppress(KeyboardInterrupt):
            self._stopping.wait()

    def _start(self, work: Callable[..., None], *arguments: Any) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                connection, _ = self._listener.accept()
            except TimeoutError:
                continue
            self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            connection.settimeout(10)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                request = _read_request(connection)
                if request is not None:
                    self.requests.append(request)
                    self._answer(connection, self._script(request))
            except (OSError, ValueError):
                self.aborted += 1  # the client went away in mid-answer, or spoke no HTTP

    def _script(self, request: Recorded) -> Script:
        if isinstance(self._answering, Script):
            return self._answering
        if self._answering is not None:
            return self._answering(request)
        if request.path.endswith("/models"):
            return answer(
                {"object": "list", "data": [{"id": "m", "object": "model", "created": 1, "owned_by": "fake"}]}
            )
        return parrot(request.json if isinstance(request.json, dict) else None)

    def _answer(self, connection: socket.socket, script: Script) -> None:
        self._stopping.wait(script.delay)
        connection.sendall(_head(script))
        for piece in _until(script.segments, script.reset_at):
            connection.sendall(piece)
            self._stopping.wait(script.pause)
        if script.reset_at is not None:
            # SO_LINGER with time 0: close() sends RST and throws away what is not yet sent.
            self._stopping.wait(0.05)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif script.hang:
            self._hang(connection)

    def _hang(self, connection: socket.socket) -> None:
        connection.settimeout(0.05)
        while not self._stopping.is_set():
            try:
                if not connection.recv(1):
                    self.aborted += 1
                    return
            except TimeoutError:
                continue


def _head(script: Script) -> bytes:
    lines = [f"HTTP/1.1 {script.status} Scripted", "connection: close"]
    if script.content_type is not None:
        lines.append(f"content-type: {script.content_type}")
    if script.content_type == JSON and script.reset_at is None and not script.hang:
        lines.append(f"content-length: {sum(map(len, script.segments))}")
    lines += [f"{name}: {value}" for name, value in script.headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _until(segments: tuple[bytes, ...], limit: int | None) -> Iterator[bytes]:
    """The segments, at most `limit` bytes of them."""
    left = sum(map(len, segments)) if limit is None else limit
    for segment in segments:
        piece = segment[:left]
        left -= len(piece)
        if piece:
            yield piece


def _read_request(connection: socket.socket) -> Recorded | None:
    raw = b""
    while b"\r\n\r\n" not in raw:
        piece = connection.recv(65536)
        if not piece or len(raw) > MAX_HEAD:
            return None
        raw += piece
    head, _, body = raw.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    method, path, _ = first.split(" ", 2)
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if headers.get("transfer-encoding") == "chunked":
        return Recorded(method, path, headers, _read_chunked(connection, body))
    size = int(headers.get("content-length", "0"))
    while len(body) < size:
        piece = connection.recv(65536)
        if not piece:
            return None
        body += piece
    return Recorded(method, path, headers, body)


def _read_chunked(connection: socket.socket, raw: bytes) -> bytes:
    body = b""
    while True:
        while b"\r\n" not in raw:
            raw += connection.recv(65536)
        size_line, _, raw = raw.partition(b"\r\n")
        size = int(size_line.split(b";")[0], 16)
        while len(raw) < size + 2:
            raw += connection.recv(65536)
        if size == 0:
            return body
        body, raw = body + raw[:size], raw[size + 2 :]


def main() -> None:
    """Serves one scripted text on a fixed port."""
    parser = argparse.ArgumentParser(description="A scripted OpenAI-compatible upstream.")
    parser.add_argument("--port", type=int, default=9000)
    parser.add_argument("--text", help="what every answer says")
    options = parser.parse_args()

    def say(request: Recorded) -> Script:
        streamed = isinstance(request.json, dict) and request.json.get("stream") is True
        return stream_of(options.text.split(" ")) if streamed else completion(options.text)

    with FakeUpstream(say if options.text else None, port=options.port) as upstream:
        sys.stdout.write(f"scripted upstream at {upstream.base}\n")
        sys.stdout.flush()
        upstream.wait()


if __name__ == "__main__":
    main()
