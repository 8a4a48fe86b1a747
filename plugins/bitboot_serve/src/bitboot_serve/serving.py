"""The HTTP servers: one a kind of socket, with connections that are counted and cut off in time."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from .corking import Corked
from .daemon import Daemon
from .guard import Guard, hosts_of
from .limits import STALLED
from .problems import MEDIA_TYPE, TooMany, problem

LAST_WORDS = 1
"""Seconds that answers under way get when the daemon ends."""

TICK = 1.0
"""Seconds for which the header Date holds."""


def _connection(daemon: Daemon) -> type[H11Protocol]:
    """The class of the connections of one daemon."""

    class Connection(H11Protocol):
        """Ends where its client takes nothing, or asks nothing, for `STALLED` seconds."""

        _stalled: asyncio.TimerHandle | None = None
        _counted = False

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(Corked(transport, self.loop))
            if daemon.clients >= daemon.limits.clients:
                transport.write(_refusal(daemon.limits.clients))
                transport.close()
                return
            self._counted = True
            daemon.clients += 1
            self._stalled = self.loop.call_later(STALLED, self._asked_nothing)

        def connection_lost(self, exc: Exception | None) -> None:
            if self._counted:
                self._counted = False
                daemon.clients -= 1
            self._stop_timer()
            super().connection_lost(exc)

        def data_received(self, data: bytes) -> None:
            if self._counted:
                super().data_received(data)

        def pause_writing(self) -> None:
            """The client takes less than it is sent: it has some time to catch up."""
            super().pause_writing()
            self._stop_timer()
            self._stalled = self.loop.call_later(STALLED, self.transport.abort)

        def resume_writing(self) -> None:
            self._stop_timer()
            super().resume_writing()

        def _asked_nothing(self) -> None:
            self._stalled = None
            if self.cycle is None:
                self.transport.abort()

        def _stop_timer(self) -> None:
            if self._stalled is not None:
                self._stalled.cancel()
                self._stalled = None

    return Connection


def _refusal(limit: int) -> bytes:
    error = TooMany(f"{limit} programs are connected", hint="close connections that are not used")
    body = json.dumps(problem(error, status=503)).encode()
    head = f"HTTP/1.1 503 Service Unavailable\r\ncontent-type: {MEDIA_TYPE}\r\n"
    return f"{head}content-length: {len(body)}\r\nconnection: close\r\n\r\n".encode() + body


class _Server(uvicorn.Server):
    """Leaves signals to the command, which ends all servers together; sleeps while there is nothing to do."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._ending = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def main_loop(self) -> None:
        """Set the header Date every second, until the end.

        uvicorn's own loop looks ten times a second whether it is to end: most of what an idle daemon cost.
        """
        while not await self.on_tick(0):
            with suppress(TimeoutError):
                async with asyncio.timeout(TICK):
                    await self._ending.wait()

    def end(self) -> None:
        """Take no more connections, and end."""
        self.should_exit = True
        self._ending.set()


class Servers:
    """What serves one daemon on all its sockets."""

    def __init__(
        self, daemon: Daemon, app: ASGIApp, sockets: Sequence[socket.socket], token: str | None
    ) -> None:
        """`token`: what clients of a TCP port must send."""
        connection = _connection(daemon)
        self._servers: list[tuple[_Server, list[socket.socket]]] = []
        self._running: list[asyncio.Task[None]] = []
        for one in sockets:
            guarded: ASGIApp = app
            if one.family in (socket.AF_INET, socket.AF_INET6):
                if token is None:
                    raise ValueError("a TCP port needs a token")
                host, port = one.getsockname()[:2]
                guarded = Guard(app, token, hosts_of(host, port))
            self._servers.append((_Server(_config(guarded, connection)), [one]))

    async def start(self) -> None:
        """Serve, until `stop`."""
        for server, sockets in self._servers:
            self._running.append(asyncio.create_task(server.serve(sockets=sockets)))
        while not all(server.started for server, _ in self._servers):
            for task in self._running:
                if task.done():
                    task.result()
            await asyncio.sleep(0.005)

    async def stop(self) -> None:
        """Take no more connections, give answers under way a second, and end."""
        for server, _ in self._servers:
            server.end()
        await asyncio.gather(*self._running)


def _config(app: ASGIApp, connection: type[H11Protocol]) -> uvicorn.Config:
    options: dict[str, Any] = {
        "http": connection,
        "ws": "none",
        "lifespan": "off",
        "loop": "asyncio",
        "log_config": None,
        "access_log": False,
        "server_header": False,
        "proxy_headers": False,
        "timeout_keep_alive": 30,
        "timeout_graceful_shutdown": LAST_WORDS,
        "h11_max_incomplete_event_size": 16 * 1024,
    }
    return uvicorn.Config(app, **options)
