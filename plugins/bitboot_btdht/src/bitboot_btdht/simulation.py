"""A network in memory with a time of its own: many nodes, no sockets, no waiting.

The nodes are the same `Node` that runs on UDP. Everything is drawn from one seed, so a run can be
repeated to the datagram.

    simulation = Simulation(seed=7)
    nodes = simulation.populate(100)
    peers = simulation.find(nodes[3], info_hash)
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Iterable
from itertools import count

from .compact import Address
from .node import Node
from .settings import Settings

LATENCY = (0.01, 0.15)
"""One-way delays are drawn uniformly from here, in seconds, unless told otherwise."""


def public_address(number: int, port: int = 6881) -> Address:
    """A different /24 of the public IPv4 space for each number below some 5 million."""
    high, low = divmod(number, 1 << 16)
    return bytes((20 + high, low >> 8, low & 0xFF, 1)) + port.to_bytes(2, "big")


class Simulation:
    """Nodes, the datagrams between them, and the time. `now` is in simulated seconds.

    `latency(rng)` gives a datagram's delay, `loss` the share that gets lost, `duplication` the
    share that arrives twice. Delays that differ reorder by themselves.
    """

    def __init__(
        self,
        *,
        seed: int = 0,
        latency: Callable[[random.Random], float] = lambda rng: rng.uniform(*LATENCY),
        loss: float = 0.0,
        duplication: float = 0.0,
        settings: Settings | None = None,
    ) -> None:
        self.rng = random.Random(seed)
        self.now = 0.0
        self.loss = loss
        self.duplication = duplication
        self.settings = settings or Settings()
        self.nodes: dict[Address, Node] = {}
        self.delivered = 0
        self._latency = latency
        self._order = count()
        self._datagrams: list[tuple[float, int, Address, bytes, Address]] = []
        self._polls: list[tuple[float, int, Address]] = []
        self._poll_at: dict[Address, float] = {}
        self._numbers = count(1)
        self._aliases: dict[Address, Address] = {}
        self._homes: dict[Address, Address] = {}

    # Nodes

    def add(self, address: Address | None = None, **options: object) -> Node:
        """A new node, which knows nobody yet. `options` go to Node."""
        address = address or public_address(next(self._numbers))
        options.setdefault("settings", self.settings)
        node = Node(now=self.now, rng=random.Random(self.rng.getrandbits(64)), **options)  # type: ignore[arg-type]
        self.nodes[address] = node
        self._settle(address, node)
        return node

    def alias(self, second: Address, first: Address) -> None:
        """Give the node at `first` another address, of the other family."""
        self.nodes[second] = self.nodes[first]
        self._aliases[first] = second
        self._homes[second] = first

    def address_of(self, node: Node) -> Address:
        """Where a node of this simulation lives."""
        return next(address for address, other in self.nodes.items() if other is node)

    def populate(self, size: int, *, contacts: int = 3) -> list[Node]:
        """`size` nodes that have joined one after another, each through some that were there."""
        nodes: list[Node] = []
        for _ in range(size):
            known = list(self.nodes)
            node = self.add()
            nodes.append(node)
            if known:
                self.bootstrap(node, self.rng.sample(known, min(contacts, len(known))))
        return nodes

    def move(self, node: Node, address: Address) -> None:
        """Give a node another address, as a router that reconnects does."""
        self.remove(node)
        self.nodes[address] = node
        self._settle(address, node)

    def remove(self, node: Node) -> None:
        """Switch a node off without a word."""
        address = self.address_of(node)
        del self.nodes[address]
        self._poll_at.pop(address, None)

    # What nodes are asked to do, to its end

    def bootstrap(self, node: Node, contacts: Iterable[Address]) -> int:
        """Let `node` join through `contacts`; how many of them answered."""
        result: list[int] = []
        node.bootstrap(contacts, result.append, now=self.now)
        self.run(node, lambda: bool(result))
        return result[0]

    def announce(self, node: Node, info_hash: bytes, port: int = 6881) -> int:
        """Let `node` announce; how many nodes stored it."""
        result: list[int] = []
        node.announce(info_hash, port, result.append, now=self.now)
        self.run(node, lambda: bool(result))
        return result[0]

    def find(self, node: Node, info_hash: bytes) -> set[Address]:
        """Let `node` look `info_hash` up; the peers that it found."""
        found: set[Address] = set()
        ended: list[bool] = []
        node.find_peers(info_hash, found.update, lambda: ended.append(True), now=self.now)
        self.run(node, lambda: bool(ended))
        return found

    # Time

    def run(self, node: Node, until: Callable[[], bool], *, limit: float = 600.0) -> None:
        """Send what `node` has to send, and go on until something holds. Raises TimeoutError."""
        self._settle(self.address_of(node), node)
        deadline = self.now + limit
        while not until():
            if not self._step(deadline):
                raise TimeoutError(f"not reached within {limit} simulated seconds")

    def advance(self, seconds: float) -> None:
        """Let so much time pass."""
        deadline = self.now + seconds
        while self._step(deadline):
            pass
        self.now = deadline

    def inject(self, datagram: bytes, source: Address, target: Address) -> None:
        """Somebody who is no node sends a datagram."""
        self._send(datagram, source, target)

    def _step(self, deadline: float) -> bool:
        """Let the next thing happen; False where nothing does before `deadline`."""
        next_datagram = self._datagrams[0][0] if self._datagrams else float("inf")
        next_poll = self._polls[0][0] if self._polls else float("inf")
        if min(next_datagram, next_poll) > deadline:
            return False
        if next_datagram <= next_poll:
            self.now, _, target, datagram, source = heapq.heappop(self._datagrams)
            node = self.nodes.get(target)
            if node is not None:
                self.delivered += 1
                node.receive(datagram, source, self.now)
                self._settle(self._homes.get(target, target), node)
        else:
            when, _, address = heapq.heappop(self._polls)
            node = self.nodes.get(address)
            if node is not None and self._poll_at.get(address) == when:
                self.now = when
                del self._poll_at[address]
                node.poll(when)
                self._settle(address, node)
        return True

    def _settle(self, address: Address, node: Node) -> None:
        for datagram, target in node.outgoing():
            source = address if len(address) == len(target) else self._aliases.get(address, address)
            self._send(datagram, source, target)
        deadline = max(node.deadline(), self.now)
        planned = self._poll_at.get(address)
        if planned is None or deadline < planned:
            self._poll_at[address] = deadline
            heapq.heappush(self._polls, (deadline, next(self._order), address))

    def _send(self, datagram: bytes, source: Address, target: Address) -> None:
        copies = 1 + (self.rng.random() < self.duplication) if self.duplication else 1
        for _ in range(copies):
            if not self.loss or self.rng.random() >= self.loss:
                arrival = self.now + self._latency(self.rng)
                heapq.heappush(self._datagrams, (arrival, next(self._order), target, datagram, source))
