"""UDP for plugin authors: sockets bound, read and sent from, on every event loop and system.

    sockets = await bind(config.listen)                 # by IP family; ListenFailed
    udp = UdpSocket(sockets[4], receive, drained=flush, failed=count)
    udp.send(datagram, (host, port))                    # OSError: the datagram is lost
    await udp.aclose()

What it takes care of:

- **Speed.** It reads all that has come in one turn of the loop: 2.5 times as many datagrams a second as
  with asyncio's endpoint, which reads one a turn.
- **Loops without readers** (Windows' proactor loop): it reads by `loop.sock_recvfrom` there, and goes on
  after an ICMP "port unreachable", which ends asyncio's own endpoint for good (CPython issue 91227).
- **A socket that has died** (all its reads fail): it is opened again on the same address and port.
- **Several addresses**: an answer leaves from the one that was asked.
- **Zones** of link-local IPv6 addresses are kept in mind: addresses here are (host, port) without one.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable, Coroutine
from time import monotonic
from typing import Any

from ..model import KnownHost
from ._forks import let_go_in_children
from ._listening import bind, is_own_address, open_each, open_socket, outward_address
from ._packet_info import CONTROL_BYTES, ControlMessages, PacketInfo
from ._zones import Address, Zones, with_zone
from .logs import logger

__all__ = ["Address", "UdpSocket", "bind", "is_own_address", "open_socket", "outward_address"]

DRAIN = 256
"""Datagrams read in one turn of the loop, before others get theirs."""

DRAIN_SECONDS = 0.005
"""... or when so much time is used up: what strangers send may take long to read."""

DEAD_AFTER = 64
"""Reads that fail one after another, with nothing between, until the socket is opened again."""

REOPEN_EVERY = 1.0
"""Seconds between two times that a socket is opened again."""

_PASSING = {
    getattr(errno, name, None) for name in ("EMSGSIZE", "ENETUNREACH", "EHOSTUNREACH", "ENETRESET", "EPROTO")
} - {None}
"""What says nothing of the socket: a datagram was too long (Windows), or ICMP tells of one of ours."""

_log = logger(__name__)


class UdpSocket:
    """A bound socket, read on the running event loop until it is closed.

    `sock`: one of `bind`, or any other UDP socket, such as one that has joined a multicast group; it belongs
    to this object from here on. `receive(datagram, sender)` is called for each datagram, and returns
    whether to let others run before more is read. `drained()` is called after each run of them: the time
    to send what is to be sent. `failed(error)` is called for each read that fails, for counting: it is
    mostly that an earlier datagram was refused, which is the other side's business. `max_size`: the bytes
    that are read of one datagram. `reopen` makes a new socket in place of one that has died; unless given,
    that is a plain one on the same address.

    An exception of a callback goes to the loop's exception handler, and the reading goes on.
    """

    def __init__(
        self,
        sock: socket.socket,
        receive: Callable[[bytes, Address], bool | None],
        *,
        drained: Callable[[], None] = lambda: None,
        failed: Callable[[OSError], None] = lambda _: None,
        max_size: int = 65_535,
        reopen: Callable[[], socket.socket] | None = None,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._receive, self._drained, self._failed = receive, drained, failed
        self._max_size = max_size
        self._is_ipv6 = sock.family == socket.AF_INET6
        self._family = 6 if self._is_ipv6 else 4
        host, port, *more = sock.getsockname()
        zone = more[1] if more else 0
        self.address: KnownHost = with_zone((host.partition("%")[0], port), zone)
        """Where it listens."""
        self._reopen = reopen or (lambda: open_socket(self._family, self.address.host, port))
        self._reopened = -REOPEN_EVERY
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._asked: dict[Address, ControlMessages | socket.socket] = {}
        self._zones = Zones(zone)
        self._packet_info: PacketInfo | None = None
        self._others: list[socket.socket] = []
        self._is_closed, self._has_readers = False, True
        self._begin(sock)

    def _begin(self, sock: socket.socket) -> None:
        self._sock = sock
        sock.setblocking(False)
        self._errors = 0
        self._read(sock)
        if self.address.is_any:
            self._packet_info = PacketInfo.enable(sock) if self._has_readers else None
            if self._packet_info is None:
                self._start(self._open_others())

    # Its end

    def close(self) -> None:
        """Stop reading and sending, at once. May be called twice."""
        self._is_closed = True
        if self._timer is not None:
            self._timer.cancel()
        self._end_reading()

    async def aclose(self) -> None:
        """`close`, and wait until nothing is left."""
        self.close()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _end_reading(self) -> None:
        for task in self._tasks:
            task.cancel()
        for sock in (self._sock, *self._others):
            if sock.fileno() >= 0 and self._has_readers:
                self._loop.remove_reader(sock.fileno())
            sock.close()
        self._others = []

    # Reading

    def _read(self, sock: socket.socket) -> None:
        let_go_in_children(sock, socket.socket.close)
        try:
            self._loop.add_reader(sock.fileno(), self._drain, sock)
        except NotImplementedError:
            self._has_readers = False
            self._start(self._keep_reading(sock))

    def _read_again(self, sock: socket.socket) -> None:
        """After an error: libuv's loops (uvloop) watch a socket no longer then, without a word."""
        if self._has_readers and not self._is_closed and sock.fileno() >= 0:
            self._loop.remove_reader(sock.fileno())
            self._loop.add_reader(sock.fileno(), self._drain, sock)

    def look(self) -> None:
        """Read at once what has come already, not in the loop's next turn. Not to be called by `receive`."""
        self._drain(self._sock)

    def _drain(self, sock: socket.socket) -> None:
        receive, size, info = self._receive, self._max_size, self._packet_info
        is_plain = info is None and not self._is_ipv6 and sock is self._sock
        is_well = True
        control: ControlMessages = []
        recvmsg = getattr(sock, "recvmsg", None)  # not on Windows
        self._asked.clear()
        enough = monotonic() + DRAIN_SECONDS
        try:
            for _ in range(DRAIN):
                try:
                    if info is None or recvmsg is None:
                        datagram, sender = sock.recvfrom(size)
                    else:
                        datagram, control, _, sender = recvmsg(size, CONTROL_BYTES)
                except (BlockingIOError, InterruptedError):
                    self._errors = 0
                    break
                except OSError as error:
                    is_well = False
                    if sock.fileno() < 0 or self._read_failed(error):
                        break
                else:
                    self._errors = 0
                    if not is_plain:
                        sender = self._noted(sock, sender, control)
                    if receive(datagram, sender) or monotonic() >= enough:
                        break
        except Exception as error:  # noqa: BLE001 - reported; whatever a stranger sends, the next is read
            self._report(error)
        if not is_well:
            self._read_again(sock)
        self._tell_drained()

    def _noted(self, sock: socket.socket, sender: Any, control: ControlMessages) -> Address:
        """The sender; which of our addresses it asked is noted for the answers of this turn."""
        if self._is_ipv6:
            sender = self._zones.take(sender)
        way: ControlMessages | socket.socket | None = None
        if control and self._packet_info is not None:
            way = self._packet_info.answering(control)
        elif sock is not self._sock:
            way = sock
        if way is not None and self._asked.setdefault(sender, way) is not way:
            self._tell_drained()  # it asks several: what it asked of the one is answered from the one
            self._asked[sender] = way
        return sender  # type: ignore[no-any-return]

    def _tell_drained(self) -> None:
        if not self._is_closed:
            self._call(self._drained)

    def _call(self, callback: Callable[..., bool | None], *arguments: Any) -> bool | None:
        try:
            return callback(*arguments)
        except Exception as error:  # noqa: BLE001 - reported, and the reading goes on
            self._report(error)
            return None

    async def _keep_reading(self, sock: socket.socket) -> None:
        """For loops that cannot watch a socket: await one datagram, and read the others at once."""
        while True:
            try:
                datagram, sender = await self._loop.sock_recvfrom(sock, self._max_size)
            except OSError as error:
                if self._read_failed(error):
                    return
            else:
                if sender is None:  # how newer proactors tell of "port unreachable" (CPython issue 127057)
                    self._read_failed(ConnectionRefusedError("a datagram of ours was refused"))
                else:
                    self._errors = 0
                    self._asked.clear()
                    others_wait = self._call(self._receive, datagram, self._noted(sock, sender, []))
                    self._tell_drained()
                    if not others_wait:
                        self._drain(sock)
            await asyncio.sleep(0)  # a read may end at once, time after time

    # What goes wrong

    def _read_failed(self, error: OSError) -> bool:
        """Count it. Whether this socket is dead, and another takes its place."""
        self._call(self._failed, error)
        if not (isinstance(error, ConnectionError) or error.errno in _PASSING):
            self._errors += 1
        if self._errors < DEAD_AFTER:
            return False
        _log.warning("all reads on %s fail: it is opened again: %s", self.address, error)
        self._end_reading()
        self._timer = self._loop.call_at(
            max(self._loop.time(), self._reopened + REOPEN_EVERY), self._open_again
        )
        return True

    def _open_again(self) -> None:
        self._reopened = self._loop.time()
        try:
            sock = self._reopen()
        except OSError as error:
            _log.debug("cannot listen on %s any more, trying again: %s", self.address, error)
            self._call(self._failed, error)
            self._timer = self._loop.call_later(REOPEN_EVERY, self._open_again)
        else:
            self._begin(sock)

    def _report(self, error: Exception) -> None:
        self._loop.call_exception_handler(
            {"message": f"what came to {self.address} could not be handled", "exception": error}
        )

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)  # an exception that nobody reads is reported by asyncio

    def send(self, datagram: bytes, address: Address) -> None:
        """Send at once. An answer to what came in this turn leaves from the address that was asked.

        Raises OSError where it cannot be sent (a full buffer, no route, a firewall): it is then lost, as it
        may be anywhere on its way.
        """
        target = self._zones.target(address) if self._is_ipv6 else address
        way = self._asked.get(address) if self._asked else None
        if way is None:
            self._sock.sendto(datagram, target)
        elif isinstance(way, list):
            self._sock.sendmsg((datagram,), way, 0, target)  # type: ignore[attr-defined, unused-ignore]
        else:
            way.sendto(datagram, target)

    # Several addresses, where the kernel does not tell which was asked, and zones

    async def _open_others(self) -> None:
        """A socket for each address of this machine; those that come later are the wildcard's."""
        async for sock in open_each(self._family, self.address.port):
            self._others.append(sock)
            self._read(sock)

    def remember(self, contact: KnownHost) -> None:
        """Note the zone of a link-local contact ("fe80::1%eth0"). Nothing happens for any other."""
        self._zones.remember(contact)

    def known_host(self, address: Address) -> KnownHost:
        """`address` with its zone, where it needs one."""
        return self._zones.known_host(address)
