"""The sockets by which programs ask each other, opened when there is first something to ask or be asked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from bitboot_core import BackendError, BackendTimeout, KnownHost, NotRunning
from bitboot_core.aio.udp import Address, UdpSocket, bind

from .exchange import MAX_READ, Exchange
from .settings import Settings


class Requesting:
    """An `Exchange` on sockets: one of each IP version, both on one port that was free.

    `is_neighbour`: whether an IP address is on a network of ours.
    """

    def __init__(
        self,
        settings: Settings,
        listen: KnownHost | None,
        now: Callable[[], float],
        is_neighbour: Callable[[str], bool],
    ) -> None:
        self._listen = KnownHost("" if listen is None else listen.host, 0)
        self._now, self._is_neighbour = now, is_neighbour
        self.exchange: Exchange = Exchange(settings, self._send)
        self._sockets: dict[int, UdpSocket] = {}
        self._opening = asyncio.Lock()
        self._waiters: set[asyncio.Future[bytes]] = set()
        self._is_closed = False

    async def open(self) -> int:
        """The port, opened where it is not yet. Raises ListenFailed, NotRunning."""
        async with self._opening:
            if not self._sockets:
                sockets = await bind(self._listen)
                if self._is_closed:
                    for sock in sockets.values():
                        sock.close()
                    raise _closed()
                self._sockets = {
                    family: UdpSocket(sock, self._receiver(family), max_size=MAX_READ)
                    for family, sock in sockets.items()
                }
        return next(iter(self._sockets.values())).address.port

    async def aclose(self) -> None:
        """Leave nothing; whoever waits gets NotRunning. May be called twice."""
        self._is_closed = True
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_exception(_closed())
        for sock in self._sockets.values():
            sock.close()
        for sock in self._sockets.values():
            await sock.aclose()

    async def ask(self, endpoint: KnownHost, payload: bytes, timeout: float) -> bytes:
        """The answer of the program there. Raises BackendTimeout, NotRunning, or BackendError."""
        waiter: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiters.add(waiter)
        give_up = None
        try:
            async with asyncio.timeout(timeout):
                await self.open()
                give_up = self.exchange.ask(
                    endpoint, payload, lambda answer: None if waiter.done() else waiter.set_result(answer)
                )
                if give_up is None:
                    raise BackendError(
                        "too many requests are under way", hint="wait until some have been answered"
                    )
                return await waiter
        except TimeoutError:
            raise BackendTimeout(
                f"{endpoint} did not answer within {timeout:g} s",
                hint="it may be gone, or have no answer; a firewall there may let nothing in",
            ) from None
        finally:
            self._waiters.discard(waiter)
            if give_up is not None:
                give_up()

    def _receiver(self, family: int) -> Callable[[bytes, Address], None]:
        def receive(datagram: bytes, sender: Address) -> None:
            host = self._sockets[family].known_host(sender)
            self.exchange.receive(datagram, host, self._now(), is_neighbour=self._is_neighbour(host.host))

        return receive

    def _send(self, datagram: bytes, endpoint: KnownHost) -> None:
        sock = self._sockets.get(endpoint.family or 4)
        if sock is None or self._is_closed:
            return
        sock.remember(endpoint)
        try:
            sock.send(datagram, (endpoint.host.partition("%")[0], endpoint.port))
        except OSError:  # as if it were lost on the way
            self.exchange.counters["unsent"] += 1


def _closed() -> NotRunning:
    return NotRunning("the node was closed meanwhile")
