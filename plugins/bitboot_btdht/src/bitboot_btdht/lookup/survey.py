"""Asking one node after another which keys it stores (BEP 51): a sample of what the DHT holds.

Politely: so many nodes a second and no more, each of them once, and none again before its interval is over.
"""

from __future__ import annotations

import random
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from bitboot_core import KnownHost

from ..asking.transaction import Asked, Outcome
from ..wire import compact, krpc
from ..wire.compact import Address, NodeInfo
from ..wire.node_id import ID_BYTES, random_id
from .network import Network, introduced, told_of

LONGEST_INTERVAL = 21_600.0
"""Seconds that a node may ask others to stay away for (BEP 51, "Sampling RPC")."""

MOST_STORED = 100_000_000
"""A node that claims to store more keys than this does not."""

QUEUE = 256
"""Nodes that wait to be asked. When they are more, any of them makes room."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What one node shows of the keys that it stores.

    `address`: the node's, compact; `host` has it as text. `keys`: 20 bytes each. `stored`: how many keys it
    says that it stores. `interval`: seconds until it shows others, 21,600 at most.
    """

    address: Address
    keys: tuple[bytes, ...]
    stored: int
    interval: float

    @property
    def host(self) -> KnownHost:
        """Where the node is."""
        return compact.known_host(self.address)


class Pauses:
    """Until when nodes are to be left alone; of very many the latest are remembered."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._until: OrderedDict[Address, float] = OrderedDict()

    def set(self, address: Address, until: float) -> None:
        """Leave a node alone until then."""
        self._until[address] = until
        self._until.move_to_end(address)
        if len(self._until) > self._most:
            self._until.popitem(last=False)

    def holds(self, address: Address, now: float) -> bool:
        """Whether it has to be left alone now."""
        return self._until.get(address, float("-inf")) > now


class Survey:
    """sample_infohashes to up to `nodes` nodes of one family, each with an id by chance for its target, so
    that the nodes it tells of are from all over the id space. Reports how many were asked.

    `poll` is to be called at `next_due`. `on_sample` gets each sample as it comes; nodes that do not know the
    method give none.
    """

    def __init__(
        self,
        network: Network,
        family: int,
        on_sample: Callable[[Sample], None],
        on_done: Callable[[int], None],
        *,
        nodes: int,
        pauses: Pauses,
        rng: random.Random,
        now: float,
    ) -> None:
        self.next_due: float = now
        self.asked: int = 0
        self.replies: int = 0
        self.done: bool = False
        self._network = network
        self._family = family
        self._on_sample = on_sample
        self._on_done = on_done
        self._nodes = nodes
        self._pauses = pauses
        self._rng = rng
        self._now = now
        self._turn = network.take_turn()
        per_second = network.settings.samples_per_second
        self._pause = 0.0 if per_second is None else 1 / per_second
        self._may_ask_at = now
        self._waiting = 0
        self._seen: set[Address] = set()
        self._subnets: Counter[bytes] = Counter()
        self._queue: list[Address] = []

    def start(self) -> None:
        """Begin at nodes that we know."""
        self._add(self._network.closest(random_id(self._rng), self._family))
        self.poll(self._now)

    def cancel(self) -> None:
        """Ask nobody else, and call nobody."""
        self.done = True
        self.next_due = float("inf")

    def poll(self, now: float) -> None:
        """Ask whoever it is time to ask, or finish."""
        self._now = now
        while not self.done and self._queue and self._is_free() and now >= self._may_ask_at:
            self._may_ask_at = now + self._pause
            self._ask(self._queue.pop(self._rng.randrange(len(self._queue))))
        if self.done:
            return
        if self._queue and self._is_free():
            self.next_due = self._may_ask_at
        else:
            self.next_due = float("inf")  # until an answer has come
            if not self._waiting:
                self.cancel()
                self._on_done(self.asked)

    def _is_free(self) -> bool:
        return self._waiting < self._network.settings.alpha and self.asked < self._nodes

    def _ask(self, address: Address) -> None:
        if self._pauses.holds(address, self._now):
            return
        asked_at = self._now
        sent = self._network.ask(
            Asked(
                address,
                b"sample_infohashes",
                {b"target": random_id(self._rng)},
                lambda outcome: self._settle(address, outcome, asked_at),
                wanted=lambda: not self.done,
                turn=self._turn,
            )
        )
        self.asked += sent
        self._waiting += sent

    def _settle(self, address: Address, outcome: Outcome, asked_at: float) -> None:
        self._waiting -= 1
        self.replies += outcome is not None
        sample = None
        if isinstance(outcome, krpc.Response):
            sample = sampled(address, outcome, self._network.settings.samples_taken_per_reply)
            self._pauses.set(address, asked_at + (LONGEST_INTERVAL if sample is None else sample.interval))
            if not self.done:
                told = told_of(self._network, outcome.values, self._family)
                self._add(introduced(self._network, address, told))
        if sample is not None and not self.done:
            self._on_sample(sample)
        if not self.done:
            self.next_due = self._may_ask_at

    def _add(self, nodes: Iterable[NodeInfo]) -> None:
        most = self._network.settings.nodes_per_subnet
        for id_, address in nodes:
            place = compact.subnet(address)
            crowded = most is not None and self._subnets[place] >= most and compact.is_public(address)
            if id_ == self._network.ids[self._family]:
                continue  # others know us too
            if address in self._seen or crowded or self._pauses.holds(address, self._now):
                continue
            self._seen.add(address)
            self._subnets[place] += 1
            self._queue.append(address)
            if len(self._queue) > QUEUE:
                gone = self._queue.pop(self._rng.randrange(len(self._queue)))
                self._seen.discard(gone)
                self._subnets[compact.subnet(gone)] -= 1


def sampled(address: Address, response: krpc.Response, most: int) -> Sample | None:
    """The sample in an answer, of which at most so many keys are taken; None where there is none."""
    keys = response.values.get(b"samples")
    if not isinstance(keys, bytes) or len(keys) % ID_BYTES:
        return None
    found = tuple(
        dict.fromkeys(
            keys[start : start + ID_BYTES] for start in range(0, min(len(keys), most * ID_BYTES), ID_BYTES)
        )
    )
    stored = response.values.get(b"num")
    interval = response.values.get(b"interval")
    return Sample(
        address,
        found,
        stored if isinstance(stored, int) and len(found) <= stored <= MOST_STORED else len(found),
        float(min(max(interval, 0), LONGEST_INTERVAL)) if isinstance(interval, int) else LONGEST_INTERVAL,
    )
