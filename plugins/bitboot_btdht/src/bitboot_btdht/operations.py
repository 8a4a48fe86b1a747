"""What a node can be asked to do on the network: its lookups and announcements, each until it is done."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable

from .client import Client
from .lookup.announce import Announce
from .lookup.bootstrap import Bootstrap
from .lookup.opening import Opening
from .lookup.per_family import InFamilies, Operation
from .lookup.sampled import SampledSearch, SampledSearches
from .lookup.scrape import Scrape, Scrapes
from .lookup.survey import Pauses, Sample, Survey
from .server.peer_store import PeerStore
from .settings import Settings
from .table.routing import RoutingTable
from .wire import compact
from .wire.compact import Address


class Operations:
    """The half of a `Node` that begins lookups. `store`: what it holds itself, which counts as an answer.

    `now`: seconds, as whoever drives the node counts them. What is to be sent is in `Node.outgoing` then.
    """

    settings: Settings
    tables: dict[int, RoutingTable]
    store: PeerStore
    _client: Client
    _pauses: Pauses
    _rng: random.Random
    _surveys: list[Survey]

    def bootstrap(
        self, contacts: Iterable[Address], on_done: Callable[[int], None], *, now: float
    ) -> Operation:
        """Find a place in the network through `contacts`. Reports how many of them answered."""
        self._client.now = now
        contacts = list(contacts)
        return InFamilies(
            self.tables,
            lambda family, done: Bootstrap(
                self._client, [c for c in contacts if compact.family(c) == family], family, done
            ),
            on_done,
        ).start()

    def find_peers(
        self,
        info_hash: bytes,
        on_peers: Callable[[list[Address]], None],
        on_done: Callable[[], None],
        *,
        now: float,
        through: Iterable[Address] = (),
    ) -> SampledSearches:
        """Look `info_hash` up. `on_peers` is called with new arrivals, repeats included.

        `through`: contacts to begin at as well, the best first, of which only the addresses are known: for a
        node that knows nobody yet (`lookup.opening`). What is returned says afterwards whether anybody has
        replied.
        """
        self._client.now = now
        most = self.settings.max_peers_per_hash
        contacts = list(through)

        def make(family: int, done: Callable[[int], None]) -> SampledSearch:
            search = SampledSearch(
                self._client,
                info_hash,
                family,
                on_peers,
                lambda: done(0),
                stored=self.store.get(info_hash, family, most, now),
            )
            if contacts:
                search.opening = Opening(search, [c for c in contacts if compact.family(c) == family])
            return search

        return SampledSearches(self.tables, make, lambda _: on_done()).start()

    def size(self, info_hash: bytes, on_done: Callable[[], None], *, now: float) -> Scrapes:
        """Ask how many peers there are under `info_hash` (BEP 33). What is returned says so afterwards."""
        self._client.now = now
        return Scrapes(
            self.tables,
            lambda family, done: Scrape(
                self._client,
                info_hash,
                family,
                lambda: done(0),
                stored=self.store.scrape(info_hash, family, now),
            ),
            lambda _: on_done(),
        ).start()

    def announce(
        self,
        info_hash: bytes,
        port: int,
        on_done: Callable[[int], None],
        *,
        now: float,
        families: Iterable[int] | None = None,
        seed: bool = False,
    ) -> Operation:
        """Announce ourselves under `info_hash`. Reports how many nodes stored it.

        `port` 0 means the port that our datagrams are seen to come from (`implied_port`).
        `families`: where to announce, all of the node's unless given. `seed`: we have the whole torrent.
        """
        self._client.now = now
        chosen = [family for family in self.tables if families is None or family in families]
        return InFamilies(
            chosen,
            lambda family, done: Announce(self._client, info_hash, family, port, done, seed=seed),
            on_done,
        ).start()

    def sample(
        self,
        on_sample: Callable[[Sample], None],
        on_done: Callable[[int], None],
        *,
        now: float,
        nodes: int = 100,
    ) -> InFamilies[Survey]:
        """Ask up to so many nodes in each family which keys they store (BEP 51). Reports how many were asked.

        `Settings.samples_per_second` of them a second, and none again before its interval is over.
        """
        self._client.now = now

        def make(family: int, done: Callable[[int], None]) -> Survey:
            survey = Survey(
                self._client,
                family,
                on_sample,
                done,
                nodes=nodes,
                pauses=self._pauses,
                rng=self._rng,
                now=now,
            )
            self._surveys.append(survey)
            return survey

        return InFamilies(self.tables, make, on_done).start()
