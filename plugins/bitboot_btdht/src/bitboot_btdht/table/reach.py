"""Whether others can reach this node, in one IP family: inferred, as BEP 5 lets nobody ask for a call back.

From what:

- OPEN: a stranger's query came in, from an address that this node had never written to; or its own interface
  has the address that others see, so that no NAT stands between. A firewall that lets in only answers
  cannot be told from none in this way: only a stranger's call shows that there is none.
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
from .external import ExternalAddress

NEVER_HEARD = 3
"""This many networks have been asked, nothing has come in since the start: nothing gets through. As few as
there are among the contacts to bootstrap from."""

FELL_SILENT = 8
"""The same where something came in before. It takes more, as nodes that are gone are asked all the time."""

FORGOTTEN = 300.0
"""Seconds from the start in which callers are no strangers: a NAT may remember to whom an earlier run
wrote from the same port, for 5 minutes as RFC 4787 recommends (REQ-5)."""


class Reach:
    """What a node has seen of its own reachability. `external`: the vote on its address and port."""

    def __init__(self, external: ExternalAddress, max_known: int, now: float) -> None:
        self._external = external
        self._max_known = max_known
        self._known: set[bytes] = set()  # those who are no strangers
        self._began = now
        self._heard: float | None = None
        self._silent: set[bytes] = set()  # networks asked since then
        self._was_called = False

    def asked(self, address: Address) -> None:
        """A query goes out to `address`."""
        if len(self._known) < self._max_known:
            self._known.add(_who(address))

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
        who = _who(address)
        if who in self._known or len(self._known) >= self._max_known:
            return False
        if now < self._began + FORGOTTEN:
            self._known.add(who)
        elif compact.is_public(address) and who != self._external.ip:
            self._was_called = True
        return True

    def moved(self) -> None:
        """This node has another address: who could call it at the old one says nothing."""
        self._was_called = False

    def place(self, is_own: Callable[[str], bool]) -> Place:
        """What follows. `is_own` tells whether an IP address belongs to this machine."""
        if len(self._silent) >= (NEVER_HEARD if self._heard is None else FELL_SILENT):
            return Place(Reachability.BLOCKED)
        ip, port = self._external.ip, self._external.port
        outside = None if ip is None else compact.known_host(ip + (port or 0).to_bytes(2, "big"))
        return Place(self._infer(outside, is_own), outside)

    def _infer(self, outside: KnownHost | None, is_own: Callable[[str], bool]) -> Reachability:
        if self._was_called or (outside is not None and is_own(outside.host)):
            return Reachability.OPEN
        if self._external.port is None:
            return Reachability.UNKNOWN
        return Reachability.CONE if self._external.port else Reachability.SYMMETRIC


def _who(address: Address) -> bytes:
    """Whom a NAT takes for one at its most generous: an IP address. Programs of one machine and LAN, which
    meet without a NAT, are told apart by their ports."""
    return address[:-2] if compact.is_public(address) else address
