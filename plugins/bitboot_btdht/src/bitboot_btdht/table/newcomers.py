"""Who called us before we called them: whether anybody else can reach such a node is not known yet.

Its NAT, if there is one, lets our ping in because it has just written to us; to others it may be silent. So
it is pinged once NATs have forgotten us, and gets no place in the routing table before. In two cases it is
taken at once and checked afterwards, as a new network must not wait for itself: where we know few, and in our
own first minutes (see `Upkeep`). All this is about public addresses: on a local network there is no NAT in
between.
"""

from __future__ import annotations

from ..settings import Settings
from ..wire.compact import Address, is_public, subnet


class _Newcomer:
    """Its id, and when it was last written to."""

    __slots__ = ("id", "written")

    def __init__(self, node_id: bytes, now: float) -> None:
        self.id: bytes = node_id
        self.written: float = now


class Newcomers:
    """Those who wait to be verified, in one IP family: the longest without a word from us first."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._waiting: dict[Address, _Newcomer] = {}  # by when they were last written to
        self._per_subnet: dict[bytes, int] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def __contains__(self, address: Address) -> bool:
        return address in self._waiting

    def add(self, node_id: bytes, address: Address, now: float) -> None:
        """A node has called. Nothing changes where it waits already, or where there is no room for it."""
        if address not in self._waiting and is_public(address) and self._has_room(address):
            self._waiting[address] = _Newcomer(node_id, now)
            place = subnet(address)
            self._per_subnet[place] = self._per_subnet.get(place, 0) + 1

    def _has_room(self, address: Address) -> bool:
        if len(self._waiting) >= self._settings.max_newcomers:
            return False
        neighbours = self._per_subnet.get(subnet(address), 0)
        per_ip, per_subnet = self._settings.newcomers_per_ip, self._settings.newcomers_per_subnet
        if per_subnet is not None and neighbours >= per_subnet:
            return False
        # Where enough have its subnet, those that have its IP are counted: see `RoutingTable`.
        return per_ip is None or neighbours < per_ip or self._at_ip(address[:-2]) < per_ip

    def _at_ip(self, ip: bytes) -> int:
        return sum([address[:-2] == ip for address in self._waiting])

    def wrote(self, address: Address, now: float) -> None:
        """A datagram goes out to `address`: its NAT remembers us anew."""
        newcomer = self._waiting.pop(address, None)
        if newcomer is not None:
            newcomer.written = now
            self._waiting[address] = newcomer

    def due(self, now: float, most: int) -> list[tuple[bytes, Address]]:
        """Id and address of those to be pinged now. They wait no more."""
        due: list[tuple[bytes, Address]] = []
        while self._waiting and len(due) < most:
            address, newcomer = next(iter(self._waiting.items()))
            if now < newcomer.written + self._settings.nat_memory:
                break
            due.append((newcomer.id, address))
            self._remove(address)
        return due

    def _remove(self, address: Address) -> None:
        del self._waiting[address]
        place = subnet(address)
        self._per_subnet[place] -= 1
        if not self._per_subnet[place]:
            del self._per_subnet[place]
