"""An event loop like that of Windows, on any system."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any
from weakref import WeakSet


class LoopWithoutReaders(asyncio.SelectorEventLoop):
    """Windows' proactor loop as far as UDP goes: it cannot watch sockets, only read from them.

        with asyncio.Runner(loop_factory=LoopWithoutReaders) as runner:
            runner.run(main())

    `refusals`: this many reads fail as they do there after an ICMP "port unreachable"; asyncio's own endpoint
    never reads again after one (CPython issue 91227). `dead`: sockets on which every read fails.
    """

    def __init__(self) -> None:
        super().__init__()
        self.refusals: int = 0
        self.dead: WeakSet[socket.socket] = WeakSet()
        self.reading: WeakSet[socket.socket] = WeakSet()
        """Sockets that have been read from."""

    def add_reader(self, fd: Any, callback: Callable[..., Any], *args: Any) -> None:  # type: ignore[override]
        """Not here."""
        raise NotImplementedError

    def remove_reader(self, fd: Any) -> bool:
        """Only for its own reads, which are made of readers."""
        if fd not in self._selector.get_map():  # type: ignore[attr-defined]
            raise NotImplementedError
        return super().remove_reader(fd)

    async def sock_recvfrom(self, sock: Any, bufsize: int) -> Any:
        """Read a datagram, or fail."""
        self.reading.add(sock)
        if sock in self.dead:
            raise OSError(10038, "an operation was attempted on something that is not a socket")
        if self.refusals:
            self.refusals -= 1
            if self.refusals % 2:
                return b"", None  # since CPython 3.13 (issue 127057)
            raise ConnectionResetError(10054, "an existing connection was forcibly closed by the remote host")
        return await super().sock_recvfrom(sock, bufsize)
