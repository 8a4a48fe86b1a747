"""The candidates of one lookup, the nearest to its target first: no more than a cap, few of one subnet.

Candidates are told apart by their addresses alone: an id can be claimed for any address, so that refusing
the second who claims it would let a liar shut out the first.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterable

from ..settings import Settings
from ..wire.compact import ID_BYTES, Address, NodeInfo, is_public, subnet
from ..wire.node_id import as_number
from .candidates import ANSWERED, FAILED, FRESH, MAX_TELLERS, Candidate, Teller


class Shortlist:
    """Whom a lookup of `target` may ask."""

    def __init__(self, target: bytes, settings: Settings) -> None:
        self._number = as_number(target)
        self._per_subnet = settings.nodes_per_subnet
        self._most = settings.max_candidates
        self.nearest: list[Candidate] = []
        """All of them, the nearest first."""
        self._distances: list[int] = []  # theirs, in the same order
        self._addresses: dict[Address, Candidate] = {}
        self._tellers: dict[Address, Teller] = {}
        self._subnets: dict[bytes, int] = {}

    def get(self, address: Address) -> Candidate | None:
        """The candidate at this address."""
        return self._addresses.get(address)

    def at(self, nodes: Iterable[NodeInfo]) -> set[Candidate]:
        """The candidates that these (id, address) pairs are."""
        return {self._addresses[address] for _, address in nodes if address in self._addresses}

    def unknown(self, infos: bytes, teller: Address) -> list[NodeInfo]:
        """Those nodes in compact node info, of the teller's family, that are no candidates yet.

        `teller` has told of the others as well. Their ids do not matter, and are not even cut out.
        """
        unknown: list[NodeInfo] = []
        addresses, size = self._addresses, ID_BYTES + len(teller)
        told_by: Teller | None = None
        start = 0
        while start < len(infos):  # compiled, a range whose step is not known takes longer
            address = infos[start + ID_BYTES : start + size]
            candidate = addresses.get(address)
            if candidate is None:
                unknown.append((infos[start : start + ID_BYTES], address))
            elif not candidate.tries and candidate.tellers and len(candidate.tellers) < MAX_TELLERS:
                if told_by is None:
                    told_by = self._teller(teller)
                candidate.tellers.append(told_by)
            start += size
        return unknown

    def add(self, id_: bytes, address: Address, teller: Address | None) -> None:
        """Add a node, unless it is known or there is no room for it. `teller`: who told of it, if anybody."""
        if address in self._addresses:
            return
        per_subnet, place = self._per_subnet, b""
        if per_subnet is not None:
            place = subnet(address)
            if self._subnets.get(place, 0) >= per_subnet and is_public(address):
                return
        distance = as_number(id_) ^ self._number
        if len(self.nearest) >= self._most and not self._make_room(distance):
            return
        candidate = Candidate(id_, address, distance, None if teller is None else self._teller(teller))
        self._put(candidate)
        self._addresses[address] = candidate
        if per_subnet is not None:
            self._subnets[place] = self._subnets.get(place, 0) + 1

    def _teller(self, address: Address) -> Teller:
        teller = self._tellers.get(address)
        if teller is None:
            teller = self._tellers[address] = Teller()
        return teller

    def _put(self, candidate: Candidate) -> None:
        distance = candidate.distance
        if not self._distances or distance >= self._distances[-1]:  # as those of our own table come
            self._distances.append(distance)
            self.nearest.append(candidate)
            return
        index = bisect(self._distances, distance)
        self._distances.insert(index, distance)
        self.nearest.insert(index, candidate)

    def _make_room(self, distance: int) -> bool:
        """Forget the farthest candidate where it is farther than `distance`; False where none is.

        Those that may yet answer are kept, on top of the number of candidates where need be.
        """
        if self.nearest[-1].distance <= distance:
            return False
        for index in range(len(self.nearest) - 1, -1, -1):
            candidate = self.nearest[index]
            if candidate.distance <= distance:
                break
            if candidate.state in (FRESH, ANSWERED, FAILED):
                del self.nearest[index], self._distances[index]
                del self._addresses[candidate.address]
                if candidate.state is not FAILED:
                    self._leave_subnet(candidate)
                break
        return True

    def rename(self, candidate: Candidate, id_: bytes) -> None:
        """A candidate is known by another id from now on, and as far from the target as that is."""
        index = self.nearest.index(candidate)
        del self.nearest[index], self._distances[index]
        candidate.take_id(id_, as_number(id_) ^ self._number)
        self._put(candidate)

    def fail(self, candidate: Candidate) -> None:
        """A candidate is no use: another one of its subnet may be."""
        candidate.state = FAILED
        self._leave_subnet(candidate)

    def _leave_subnet(self, candidate: Candidate) -> None:
        if self._per_subnet is not None:
            self._subnets[subnet(candidate.address)] -= 1

    @property
    def answers(self) -> list[Candidate]:
        """Everyone who has answered, nearest first."""
        return [candidate for candidate in self.nearest if candidate.state is ANSWERED]

    def kth_distance(self, k: int) -> int | None:
        """How far from the target the k-th closest of those is that have answered and fit BEP 42."""
        fitting = [candidate for candidate in self.answers if candidate.fits]
        return fitting[k - 1].distance if len(fitting) >= k else None

    def storing_nodes(self, wanted: int) -> list[Candidate]:
        """Where to store: the `wanted` closest that gave a token, and as many of those that fit BEP 42.

        Lookups that enforce BEP 42 will look at the latter, all others at the former; on a network
        where everyone complies they are the same nodes.
        """
        with_token = [candidate for candidate in self.answers if candidate.token is not None]
        chosen = with_token[:wanted]
        fitting = [candidate for candidate in with_token if candidate.fits][:wanted]
        return chosen + [candidate for candidate in fitting if candidate not in chosen]
