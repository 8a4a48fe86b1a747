"""Driving a `Node` over UDP on the running event loop. The only module that knows sockets."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import socket
from collections.abc import Callable, Sequence
from typing import Any

from bitboot_core import KnownHost, ListenFailed
from bitboot_core.aio.limits import Allowance
from bitboot_core.aio.logs import logger
from bitboot_core.aio.resolve import resolve

from .node import Node
from .server.extensions import LOGGED_BURST, LOGGED_PER_SECOND
from .wire import compact

log = logger(__name__)

RECEIVE_BUFFER = 1 << 22
"""Bytes asked of the kernel for datagrams that wait (it may grant less): lookups come in bursts."""

DRAIN = 256
"""Datagrams read in one turn of the loop, before others get theirs."""

_FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}
_LISTEN_HINTS = {
    errno.EADDRINUSE: "another program uses that port: choose another, or port 0 for any free one",
    errno.EADDRNOTAVAIL: "it is not an address of this machine: use one that is, or leave the host out",
    errno.EACCES: "ports below 1024 need special rights: choose a higher one",
    None: "choose another address, or port 0 for any free port",
}
_ANY = {4: "0.0.0.0", 6: "::"}


class UdpDriver:
    """A node on its sockets: one for each IP family it listens on.

    `await UdpDriver.open(make_node, listen)` binds and starts; `aclose()` ends. After starting
    anything on `node`, call `flush()` so that its datagrams leave.
    """

    def __init__(self, node: Node, sockets: dict[int, socket.socket]) -> None:
        self.node = node
        self._sockets = sockets
        self._loop = asyncio.get_running_loop()
        self._transports: list[asyncio.DatagramTransport] = []
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False
        self._giving_way = False
        self._may_log = Allowance(LOGGED_PER_SECOND, LOGGED_BURST, max_keys=1)

    @classmethod
    async def open(cls, make_node: Callable[[list[int], float], Node], listen: KnownHost | None) -> UdpDriver:
        """Bind, make the node with the families that could be bound, and begin to serve.

        `listen`: an address or a name; "" (or None) stands for every address of both families.
        Port 0 is any free port. Raises ListenFailed.
        """
        sockets = await bind(listen or KnownHost("", 0))
        driver = cls(make_node(list(sockets), asyncio.get_running_loop().time()), sockets)
        if log.isEnabledFor(logging.DEBUG):
            _log_messages(driver.node)
        try:
            for sock in sockets.values():
                await driver._attach(sock)
        except BaseException:
            await driver.aclose()
            raise
        driver.flush()
        return driver

    async def _attach(self, sock: socket.socket) -> None:
        try:
            # Draining the socket in one callback answers 2.5 times as many queries a second as
            # asyncio's endpoint, which reads one datagram a turn of the loop.
            self._loop.add_reader(sock.fileno(), self._drain, sock)
        except NotImplementedError:  # Windows' proactor loop
            transport, _ = await self._loop.create_datagram_endpoint(lambda: _Endpoint(self), sock=sock)
            self._transports.append(transport)

    @property
    def address(self) -> KnownHost:
        """Where it listens: IPv4 where it speaks both."""
        host, port = next(iter(self._sockets.values())).getsockname()[:2]
        return KnownHost(host, port)

    def flush(self) -> None:
        """Send what the node has to send, and set the timer to its deadline."""
        if self._closed:
            return
        self._send()
        deadline = self.node.deadline()
        if self._timer is None or self._timer.when() > deadline:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self._loop.call_at(deadline, self._poll)

    def _send(self) -> None:
        for datagram, address in self.node.outgoing():
            sock = self._sockets.get(compact.family(address))
            try:
                if sock is not None:
                    sock.sendto(datagram, compact.unpack(address))
            except OSError as error:
                # As if it were lost on the way: the buffer is full, or there is no route.
                self.node.counters["unsent"] += 1
                log.debug("could not send to %s: %s", compact.unpack(address), error)

    def _poll(self) -> None:
        self._timer = None
        self.node.poll(self._loop.time())
        self.flush()

    def give_way(self) -> None:
        """Somebody has what they wait for: let them run before more is read or sent in this turn."""
        self._giving_way = True

    def _drain(self, sock: socket.socket) -> None:
        size = self.node.settings.max_datagram + 1
        self._giving_way = False
        for _ in range(DRAIN):
            try:
                datagram, sender = sock.recvfrom(size)
            except (BlockingIOError, InterruptedError):
                break
            except OSError:
                continue  # an earlier datagram of ours was refused: that is the other side's affair
            answered = self.receive(datagram, sender)
            if self._giving_way:
                # The first peer of a lookup comes to its reader in two thirds of the time it would else take.
                self._loop.call_soon(self.flush)
                return
            if answered:
                self._send()  # at once: whoever is asked next can work while we read on
        self.flush()

    def receive(self, datagram: bytes, sender: tuple[Any, ...]) -> bool:
        """Hand one datagram to the node. Whether it answers a query of ours."""
        try:
            return self.node.receive(
                datagram, compact.pack(sender[0].partition("%")[0], sender[1]), self._loop.time()
            )
        except Exception:
            # The last line of defence: a stranger must never stop the node. It is a bug, so say so,
            # though not as often as somebody might like.
            self.node.counters["errors"] += 1
            if self._may_log.take(b"", self._loop.time()):
                log.exception("a datagram of %d bytes could not be handled", len(datagram))
            return False

    async def aclose(self) -> None:
        """Close the sockets. May be called twice."""
        if self._closed:
            return
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        for transport in self._transports:
            transport.close()
        for sock in self._sockets.values():
            if not self._transports:
                self._loop.remove_reader(sock.fileno())
            sock.close()
        await asyncio.sleep(0)  # transports report their end in the next turn


class _Endpoint(asyncio.DatagramProtocol):
    """The way in where the loop has no add_reader."""

    def __init__(self, driver: UdpDriver) -> None:
        self._driver = driver

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        self._driver.receive(data, addr)
        self._driver.flush()


def _log_messages(node: Node) -> None:
    """Log every query and answer: asked for when the node is made, so that nobody else pays for it."""
    node.extensions.on_query(
        lambda query, address: log.debug(
            "%s asks %s", compact.known_host(address), query.method.decode("ascii", "replace")
        )
    )
    node.extensions.on_response(
        lambda exchange: log.debug(
            "%s answers %s: %s",
            compact.known_host(exchange.address),
            exchange.method.decode("ascii", "replace"),
            _contents(exchange.response.values),
        )
    )


def _contents(values: dict[bytes, Any]) -> str:
    """How much an answer holds. A stranger wrote it."""
    sizes = {
        b"values": 1,
        b"nodes": 26,
        b"nodes6": 38,
    }  # of a peer in a list, of compact node infos (BEP 5, 32)
    found = [
        f"{len(values[key]) // size} {key.decode()}"
        for key, size in sizes.items()
        if isinstance(values.get(key), (bytes, list))
    ]
    return ", ".join(found) or "no nodes"


async def bind(listen: KnownHost) -> dict[int, socket.socket]:
    """Bound, non-blocking sockets by IP family. Raises ListenFailed."""
    if listen.host:
        addresses: Sequence[KnownHost] = (await resolve(listen))[:1]
    else:
        addresses = [KnownHost(_ANY[4], listen.port), KnownHost(_ANY[6], listen.port)]
    sockets: dict[int, socket.socket] = {}
    failure: OSError | None = None
    for address in addresses:
        family = address.family or 4
        port = address.port
        if sockets and not port:
            port = next(iter(sockets.values())).getsockname()[1]  # one port in both families
        try:
            sockets[family] = _bind(family, address.host, port)
        except OSError as error:
            failure = error
    if not sockets:
        raise ListenFailed(
            f"cannot listen on {listen}: {failure.strerror if failure else 'no such address'}",
            hint=_LISTEN_HINTS.get(failure.errno if failure else None, _LISTEN_HINTS[None]),
        ) from failure
    return sockets


def _bind(family: int, host: str, port: int) -> socket.socket:
    sock = socket.socket(_FAMILIES[family], socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        if family == 6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        with contextlib.suppress(OSError):  # more than the kernel allows on some systems
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        sock.bind((host, port))
    except BaseException:
        sock.close()
        raise
    return sock


def is_own_address(host: str) -> bool:
    """Whether `host`, an IP address, belongs to this machine: only then can it be bound."""
    family = KnownHost(host, 0).family
    if family is None:
        return False
    try:
        _bind(family, host, 0).close()
    except OSError:
        return False
    return True
