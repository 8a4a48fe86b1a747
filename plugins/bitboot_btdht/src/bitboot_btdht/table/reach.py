"""Whether others can reach this node, in one IP family: inferred, as BEP 5 lets nobody ask for a call back.

From what:

- OPEN: a stranger's query came in, from an address that this node had not been in touch with; or its own
  interface has the address that others see, so that no NAT stands between. A firewall that lets in only
  answers cannot be told from none in this way: only a stranger's call shows that there is none.
- CONE, SYMMETRIC: the address that others see is not its own, and several networks see the same port, or each
  sees another one (BEP 42's `ip`: see `ExternalAddress`).
- BLOCKED: nothing came in from anywhere since several networks were asked.
- UNKNOWN: too few have said where they see it.
"""

from __future__ import annotations

from collections.abc import Callable

from bitboot_core import KnownHost, Place, Reachability

from ..wire import compact
from ..wire.compact import Address
from .acquaintances import HOUR, Acquaintances
from .external import ExternalAddress

NEVER_HEARD = 3
"""This many networks have been asked, nothing has come in since the start: nothing gets through. As few as
there are among the contacts to bootstrap from."""

FELL_SILENT = 8
"""The same where something came in before. It takes more, as nodes that are gone are asked all the time."""

MANY = 256
"""So many strangers in an hour, and then none for an hour, show that calls come in no more. With fewer it is
the network that is small: everybody there knows everybody, and nobody is a stranger."""


class Reach:
    """What a node has seen of its own reachability. `external`: the vote on its address and port."""

    def __init__(self, external: ExternalAddress, acquaintances: Acquaintances, now: float) -> None:
        self._external = external
        self._acquaintances = acquaintances
        self._heard: float | None = None
        self._silent: set[bytes] = set()  # networks asked since then
        self._called_at: float | None = None
        self._hour = now  # when the hour began in which these strangers are counted
        self._calls = self._calls_before = 0

    @property
    def outside(self) -> bytes | None:
        """The IP address that others see this node at."""
        return self._external.ip

    @property
    def outside_port(self) -> int | None:
        """The port there: 0 where each destination sees another one, None where that is not known."""
        return self._external.port

    def heard(self, now: float) -> None:
        """A datagram has come in."""
        self._heard = now
        self._silent.clear()

    def unanswered(self, address: Address, asked: float) -> None:
        """A query of then has no answer."""
        if (self._heard is None or asked > self._heard) and len(self._silent) < FELL_SILENT:
            self._silent.add(compact.subnet(address))

    def called(self, address: Address, now: float) -> bool:
        """A query has come in from `address`. Whether that is a stranger's."""
        if not self._acquaintances.called(address, now):
            return False
        is_sure = now >= self._acquaintances.unsure_until
        if is_sure and compact.is_public(address) and address[:-2] != self._external.ip:
            self._count(now)
        return True

    def _count(self, now: float) -> None:
        if now >= self._hour + HOUR:
            self._calls_before = self._calls if now < self._hour + 2 * HOUR else 0
            self._hour, self._calls = now, 0
        self._calls += 1
        self._called_at = now

    def is_called(self, now: float) -> bool:
        """Whether strangers get through to this node, as far as their calls show."""
        if self._called_at is None:
            return False
        silent_since = max(self._called_at, self._acquaintances.unsure_until)
        return now < silent_since + HOUR or max(self._calls, self._calls_before) < MANY

    def moved(self) -> None:
        """This node has another address: who could call it at the old one says nothing."""
        self._called_at = None
        self._calls = self._calls_before = 0

    def place(self, is_own: Callable[[str], bool], now: float) -> Place:
        """What follows. `is_own` tells whether an IP address belongs to this machine."""
        if len(self._silent) >= (NEVER_HEARD if self._heard is None else FELL_SILENT):
            return Place(Reachability.BLOCKED)
        ip, port = self._external.ip, self._external.port
        outside = None if ip is None else compact.known_host(ip + (port or 0).to_bytes(2, "big"))
        return Place(self._infer(outside, is_own, now), outside)

    def _infer(self, outside: KnownHost | None, is_own: Callable[[str], bool], now: float) -> Reachability:
        if self.is_called(now) or (outside is not None and is_own(outside.host)):
            return Reachability.OPEN
        if self._external.port is None:
            return Reachability.UNKNOWN
        return Reachability.CONE if self._external.port else Reachability.SYMMETRIC
