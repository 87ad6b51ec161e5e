"""A connection that says goodbye: the answer leaves, then nothing more is read for long, then it is gone.

The head of an answer leaves with the first of its body: two writes are two calls of the system and two packets.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

LINGER = 2.0
"""Seconds in which what a caller still sends is thrown away, so that no reset overtakes our answer."""
LINGER_BYTES = 16 * 1024 * 1024
_HEAD = b"HTTP/1.1 "


class LingeringTransport(asyncio.Transport):
    """A transport in front of another one. `unread`: does the caller still have something to say?

    A socket that is closed over unread bytes sends a reset, and a reset throws away the answer before it: then we
    only stop writing, and close when the caller has ended, or after `LINGER`. A caller who does not take the rest of
    an answer within `patience` seconds loses it.
    """

    def __init__(self, inner: asyncio.Transport, unread: Callable[[], bool], patience: float) -> None:
        super().__init__()
        self._inner = inner
        self._unread = unread
        self._patience = patience
        self._end: asyncio.TimerHandle | None = None
        self._drained = 0
        self._head = b""
        self.lingers = False

    def close(self) -> None:
        """Ends the connection once everything is written."""
        if self._end is not None:
            return
        self._let_go()
        self.lingers = self._unread() and not self._inner.is_closing()
        wait = LINGER if self.lingers else self._patience
        self._end = asyncio.get_running_loop().call_later(wait, self._inner.abort)
        if self.lingers:
            self._inner.write_eof()
            self._inner.resume_reading()
        else:
            self._inner.close()

    def drain(self, size: int) -> None:
        """`size` bytes came that nobody reads any more."""
        self._drained += size
        if self._drained > LINGER_BYTES:
            self._inner.close()

    def lost(self) -> None:
        """The connection is gone: no timer has to end it."""
        self._head = b""
        if self._end is not None:
            self._end.cancel()

    def abort(self) -> None:
        """Ends it now; what is not written is lost."""
        self._head = b""
        self._inner.abort()

    def is_closing(self) -> bool:
        """True once it has been ended from either side."""
        return self._end is not None or self._inner.is_closing()

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        """What begins like a head waits for what follows it, at the longest until the loop's next round."""
        if self._head:
            head, self._head = self._head, b""
            self._inner.write(head + data)
        elif data[: len(_HEAD)] == _HEAD:
            self._head = bytes(data)
            asyncio.get_running_loop().call_soon(self._let_go)
        else:
            self._inner.write(data)

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview[Any]]) -> None:
        self._let_go()
        self._inner.writelines(list_of_data)

    def _let_go(self) -> None:
        if self._head:
            head, self._head = self._head, b""
            self._inner.write(head)

    def pause_reading(self) -> None:
        self._inner.pause_reading()

    def resume_reading(self) -> None:
        self._inner.resume_reading()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._inner.get_extra_info(name, default)
