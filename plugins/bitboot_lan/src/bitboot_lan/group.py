"""The group as this machine's addresses see it: sockets that come and go with the interfaces."""

from __future__ import annotations

import errno
import socket
import sys
from collections import Counter
from collections.abc import Callable
from functools import partial

from bitboot_core import BackendError, KnownHost, ListenFailed
from bitboot_core.aio.logs import logger
from bitboot_core.aio.udp import UdpSocket

from .interfaces import Address, Interfaces
from .message import MAX_READ, Message, encode
from .multicast import open_sender
from .settings import Settings
from .system import System

_log = logger(__name__)

_IN_USE = {errno.EADDRINUSE, getattr(errno, "WSAEADDRINUSE", errno.EADDRINUSE), errno.EACCES}

_HINTS = {
    errno.EHOSTUNREACH: "check that this interface is connected",
    errno.EPERM: "a firewall on this machine forbids multicast: allow UDP port 6771 in both directions",
    errno.EACCES: "a firewall on this machine forbids multicast: allow UDP port 6771 in both directions",
    errno.ENOBUFS: "this system allows no more memberships: on Linux raise net.ipv4.igmp_max_memberships",
}
_MACOS_HINT = "allow this program in System Settings, Privacy & Security, Local Network"
"""macOS 15 asks the user once, and says "no route to host" to every send until it is allowed."""

_OTHER_HINT = "check that this machine is on a network, and that the network carries multicast"


def hint_for(error: OSError) -> str:
    """What to do about an error of a socket of the group."""
    if sys.platform == "darwin" and error.errno == errno.EHOSTUNREACH:
        return _MACOS_HINT
    return _HINTS.get(error.errno or 0, _OTHER_HINT)


class Group:
    """Sends to the group from every address that is used, and listens on every interface.

    An address that cannot send, or an interface that cannot join, stops no other. It is tried again at every
    opportunity, for good, and said in the log once until it works again.
    """

    def __init__(
        self,
        settings: Settings,
        system: System,
        receive: Callable[[bytes, str], None],
        drained: Callable[[], None],
    ) -> None:
        """`receive(datagram, host)`: the sender's host has a zone where it needs one."""
        self._settings, self._system = settings, system
        self._receive, self._drained = receive, drained
        self._listeners: dict[tuple[int, int], UdpSocket] = {}
        self._joined_by: dict[tuple[int, int], Address] = {}
        self._senders: dict[Address, socket.socket] = {}
        self._closing: list[UdpSocket] = []
        self._problems: dict[tuple[str, Address], OSError] = {}
        self.interfaces: Interfaces = Interfaces()
        self.counters: Counter[str] = Counter()

    # Its sockets

    def use(self, interfaces: Interfaces) -> None:
        """Open and close sockets until they are those of these interfaces, as far as that can be had."""
        self.interfaces = interfaces
        wanted = {(one.interface, one.family): one for one in reversed(interfaces.addresses)}
        for key, joined_by in list(self._joined_by.items()):
            if joined_by not in interfaces.addresses:  # with the address a membership may be gone too
                self._close_listener(key)
        for lost in self._senders.keys() - set(interfaces.addresses):
            self._senders.pop(lost).close()
        for problem in [one for one in self._problems if one[1] not in interfaces.addresses]:
            del self._problems[problem]
        for key, address in wanted.items():
            if key not in self._listeners:
                self._try("listen", address, partial(self._listen, key, address))
        for address in interfaces.addresses:
            if address not in self._senders:
                self._try("send", address, partial(self._open_sender, address))

    def open_again(self) -> None:
        """New sockets for all: after a machine has slept, what was joined may be joined no more."""
        for key in list(self._listeners):
            self._close_listener(key)
        while self._senders:
            self._senders.popitem()[1].close()
        self.use(self.interfaces)

    async def aclose(self) -> None:
        """Close all, and wait until nothing is left."""
        self.use(Interfaces())
        await self.tidy()

    async def tidy(self) -> None:
        """Wait until nothing is left of the sockets that were closed."""
        while self._closing:
            await self._closing[-1].aclose()
            self._closing.pop()

    def check_listening(self) -> None:
        """Raise ListenFailed where the group's port cannot be had on any interface."""
        errors = [error for (what, _), error in self._problems.items() if what == "listen"]
        if errors and not self._listeners and all(error.errno in _IN_USE for error in errors):
            raise ListenFailed(
                f"cannot listen on UDP port {self._settings.port}: {errors[0].strerror or errors[0]}",
                hint="another program has it for itself: end it, or leave the network lan out",
            )

    def _listen(self, key: tuple[int, int], address: Address) -> None:
        group = self._settings.groups[address.family]

        def open_() -> socket.socket:
            return self._system.open_listener(address, group, self._settings.port)

        listener = UdpSocket(
            open_(),
            lambda datagram, sender: self._receive(datagram, listener.known_host(sender).host),
            drained=self._drained,
            failed=self._count_failure,
            max_size=MAX_READ + 1,
            reopen=open_,
        )
        self._listeners[key], self._joined_by[key] = listener, address

    def _close_listener(self, key: tuple[int, int]) -> None:
        listener = self._listeners.pop(key)
        del self._joined_by[key]
        listener.close()
        self._closing.append(listener)

    def _open_sender(self, address: Address) -> None:
        self._senders[address] = open_sender(address)

    def _count_failure(self, _: OSError) -> None:
        self.counters["refused"] += 1

    # Sending

    def send(self, message: Message, endpoint: KnownHost) -> int:
        """Send from all addresses that the endpoint's host stands for; from how many it left."""
        copies = 0
        for address in self.interfaces.standing_for(endpoint.host):
            sender = self._senders.get(address)
            if sender is not None:
                group = KnownHost(self._settings.groups[address.family], self._settings.port)
                data = encode(message, group)
                target = (group.host, group.port)
                left = self._try("send", address, partial(self._system.send, sender, data, target))
                self.counters["sent_bytes"] += left * len(data)
                copies += left
        self.counters["sent"] += copies
        return copies

    def unsent(self, endpoint: KnownHost) -> tuple[str, str]:
        """Why nothing leaves from there, and what to do about it, for people."""
        addresses = self.interfaces.standing_for(endpoint.host)
        if not addresses:
            version = {"0.0.0.0": "IPv4 ", "::": "IPv6 "}.get(endpoint.host, "")
            return f"no interface has an {version}address with neighbours", _OTHER_HINT
        errors = {
            address: error
            for address in addresses
            if (error := self._problems.get(("send", address))) is not None
        }
        if not errors:
            return "no socket could be opened", _OTHER_HINT
        told = "; ".join(f"{_name(address)}: {error.strerror or error}" for address, error in errors.items())
        return told, hint_for(next(iter(errors.values())))

    # What goes wrong

    def _try(self, what: str, address: Address, work: Callable[[], object]) -> bool:
        problem = what, address
        try:
            work()
        except OSError as error:
            if what == "send":
                self.counters["unsent"] += 1
            before = self._problems.get(problem)
            self._problems[problem] = error
            if before is None or before.errno != error.errno:
                _log.warning(
                    "%s: cannot %s to the local network's group: %s (%s)",
                    _name(address),
                    what,
                    error.strerror or error,
                    hint_for(error),
                )
            return False
        if self._problems.pop(problem, None) is not None:
            _log.info("%s: can %s to the local network's group again", _name(address), what)
        return True


def _name(address: Address) -> str:
    return f"{address.name or address.interface} ({address.host})"


def error_of(group: Group, endpoint: KnownHost, kind: type[BackendError]) -> BackendError:
    """The error that says why nothing leaves from there."""
    why, hint = group.unsent(endpoint)
    return kind(f"nothing can be sent on the local network: {why}", hint=hint)
