"""TCP as the library does it, with every socket closed at the end.

The library loses a connection that is cancelled while it is being encrypted, as one to a node that is
too slow: nobody closes it then but the garbage collector.
"""

from __future__ import annotations

import weakref
from typing import Any

import trio
from libp2p.transport.tcp.tcp import TCP


class Transport(TCP):  # type: ignore[misc]  # the library's base classes are untyped here
    """Remembers the sockets of both directions for as long as they are in use."""

    def __init__(self) -> None:
        super().__init__()
        self._streams: weakref.WeakSet[trio.SocketStream] = weakref.WeakSet()

    async def _dial_resolved(self, maddr: Any, source: Any = None) -> Any:
        connection = await super()._dial_resolved(maddr, source)
        self._streams.add(connection.stream.stream)
        return connection

    def create_listener(self, handler_function: Any) -> Any:
        """A listener whose connections are remembered too."""

        async def handle(stream: Any) -> None:
            self._streams.add(stream.stream)
            await handler_function(stream)

        return super().create_listener(handle)

    def close_sockets(self) -> None:
        """Close what is still open."""
        for stream in list(self._streams):
            stream.socket.close()
