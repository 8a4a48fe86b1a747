"""Asking how large a swarm is, without fetching its peers (BEP 33)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..wire import bloom, compact, krpc
from ..wire.compact import Address
from .candidates import Candidate
from .counting import agreed, count, is_plausible
from .network import Network
from .searches import NodeSearch, Searches


@dataclass(frozen=True, slots=True)
class Told:
    """What one node says of a swarm: the filters of its seeds and of the other peers.

    `listed`: the IP addresses of peers that it sent in place of filters, as nodes without BEP 33 do. Whether
    they are seeds it does not say.
    """

    seeds: int = 0
    others: int = 0
    listed: tuple[bytes, ...] = ()


class Scrape(NodeSearch):
    """get_peers with `scrape`: towards an info-hash, for what the closest nodes know of its size.

    `stored`: the filters of what we store ourselves under it, which count as one more node's.
    """

    method = b"get_peers"
    argument = b"info_hash"
    teaches_density = False

    def __init__(
        self,
        network: Network,
        info_hash: bytes,
        family: int,
        on_done: Callable[[], None],
        *,
        stored: tuple[int, int] | None = None,
    ) -> None:
        super().__init__(network, info_hash, family, on_done, patient=True)
        self.arguments[b"scrape"] = 1
        self._stored = stored
        self._told: dict[Candidate, Told] = {}

    def heard(self, candidate: Candidate, response: krpc.Response) -> None:
        """Note what an honest answer says, if it can be true."""
        told = _told(candidate.address, response, self.network.settings.peers_taken_per_reply)
        if is_plausible(told.seeds) and is_plausible(told.others):
            self._told[candidate] = told

    def told(self) -> list[Told]:
        """What the closest nodes say, of those whose ids fit their addresses (BEP 42)."""
        answers = self.traversal.answers
        fitting = [candidate for candidate in answers if candidate.fits]
        closest = (fitting or answers)[: self.traversal.wanted]
        return [self._told[candidate] for candidate in closest if candidate in self._told]

    def sizes(self) -> tuple[float, float]:
        """About how many seeds and how many other peers there are, by what these and we ourselves say."""
        return _counted(self.told() if self._stored is None else [*self.told(), Told(*self._stored)])


class Scrapes(Searches[Scrape]):
    """One question: a search in each family."""

    @property
    def counted(self) -> int:
        """How many of the closest nodes have said something that can be true."""
        return sum(len(part.told()) for part in self.parts)

    def sizes(self) -> tuple[float, float]:
        """About how many seeds and how many other peers there are: IP addresses, those of all families."""
        families = [part.sizes() for part in self.parts]
        return sum(seeds for seeds, _ in families), sum(others for _, others in families)


def _told(teller: Address, response: krpc.Response, most: int) -> Told:
    seeds, others = (bloom.unpacked(response.values.get(key)) for key in (b"BFsd", b"BFpe"))
    if seeds is not None and others is not None:
        return Told(seeds, others)
    peers = compact.unpack_peers(response.values.get(b"values"), most)
    return Told(listed=tuple({peer[:-2] for peer in peers if compact.may_introduce(teller, peer)}))


def _counted(told: Sequence[Told]) -> tuple[float, float]:
    """Of one family. Who was only listed counts as no seed, unless enough others say that it is one."""
    seeds = [one.seeds for one in told if not one.listed]
    known = agreed(seeds)
    others = [one.others | bloom.bloom(ip for ip in one.listed if not _has(known, ip)) for one in told]
    return count(seeds), count(others)


def _has(filled: int, ip: bytes) -> bool:
    bits = bloom.bits_of(ip)
    return filled & bits == bits
