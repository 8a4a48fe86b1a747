"""The simulation itself: nodes, the datagrams between them, and the time."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Iterable, Iterator
from itertools import count
from typing import Final, Protocol

from ..node import Node
from ..settings import Settings
from ..wire.compact import Address
from .arrivals import Arrivals
from .network import Latency, Network, uniform

LATENCY = (0.01, 0.15)
"""One-way delays are drawn uniformly from here, in seconds, unless told otherwise."""

_NEVER: Final = float("inf")

WAVE = 4
"""While a network is populated, one newcomer to so many nodes joins at the same time."""


def public_address(number: int, port: int = 6881) -> Address:
    """A different /24 of the public IPv4 space for each number below some 5 million."""
    high, low = divmod(number, 1 << 16)
    return bytes((20 + high, low >> 8, low & 0xFF, 1)) + port.to_bytes(2, "big")


class Participant(Protocol):
    """Whatever can live at an address: a Node, or something hostile."""

    def receive(self, datagram: bytes, address: Address, now: float) -> object:
        """A datagram has come in. What it returns is its own affair."""

    def poll(self, now: float) -> None:
        """The deadline has come."""

    def deadline(self) -> float:
        """When to be polled."""

    def outgoing(self) -> list[tuple[bytes, Address]]:
        """What to send now, each handed out once."""


class Simulation:
    """Nodes, the datagrams between them, and the time. `now` is in simulated seconds.

    `latency(rng)` gives a datagram's delay, `loss` the share that gets lost, `duplication` the
    share that arrives twice.
    """

    def __init__(
        self,
        *,
        seed: int = 0,
        latency: Latency = uniform(*LATENCY),  # noqa: B008 - it keeps no state
        loss: float = 0.0,
        duplication: float = 0.0,
        settings: Settings | None = None,
    ) -> None:
        self.rng: random.Random = random.Random(seed)
        self.now: float = 0.0
        self.network: Network = Network(self.rng, latency=latency, loss=loss, duplication=duplication)
        self.settings: Settings = settings or Settings()
        self.participants: dict[Address, Participant] = {}
        self.delivered: int = 0
        self.on_datagram: Callable[[float, Address, Address, bytes], None] | None = None
        """Called with (now, source, target, datagram) for each one that arrives."""
        self._arrivals = Arrivals()
        self._order = count()
        self._timers: list[tuple[float, int, Address | Callable[[], None]]] = []
        self._poll_at: dict[Address, float] = {}
        self._numbers = count(1)
        self._addresses: dict[Participant, Address] = {}
        self._aliases: dict[Address, Address] = {}
        self._homes: dict[Address, Address] = {}

    # Nodes

    def add(self, address: Address | None = None, **options: object) -> Node:
        """A new node, which knows nobody yet. `options` go to Node."""
        options.setdefault("settings", self.settings)
        node = Node(now=self.now, rng=random.Random(self.rng.getrandbits(64)), **options)  # type: ignore[arg-type]
        self.put(address or self.new_address(), node)
        return node

    def new_address(self) -> Address:
        """An address in a /24 of its own, where nobody has lived before."""
        return public_address(next(self._numbers))

    def put(self, address: Address, participant: Participant) -> None:
        """Let something of your own live at an address, instead of whoever lived there."""
        self.participants[address] = participant
        self._addresses[participant] = address
        self._poll_at.pop(address, None)
        self._settle(address, participant)

    def alias(self, second: Address, first: Address) -> None:
        """Give the node at `first` another address, of the other family."""
        self.participants[second] = self.participants[first]
        self._aliases[first] = second
        self._homes[second] = first

    def address_of(self, participant: Participant) -> Address:
        """Where a node of this simulation lives. KeyError where it lives no more."""
        return self._addresses[participant]

    def is_there(self, participant: Participant) -> bool:
        """Whether a node lives here still."""
        return participant in self._addresses

    def populate(self, size: int, *, contacts: int = 3) -> list[Node]:
        """`size` nodes that join in waves, each through a few of those who were there before."""
        nodes: list[Node] = []
        while len(nodes) < size:
            known = list(self.participants)
            wave = [self.add() for _ in range(min(size - len(nodes), max(1, len(known) // WAVE)))]
            nodes += wave
            if known:
                self.bootstrap_all(self._through_some(wave, known, min(contacts, len(known))))
        return nodes

    def _through_some(
        self, wave: list[Node], known: list[Address], contacts: int
    ) -> Iterator[tuple[Node, list[Address]]]:
        # No generator expression: compiled, that would draw for all before the first of them joins.
        for node in wave:
            yield node, self.rng.sample(known, contacts)

    def move(self, node: Node, address: Address) -> None:
        """Give a node another address, as a router that reconnects does."""
        self.remove(node)
        self.put(address, node)

    def remove(self, participant: Participant) -> None:
        """Switch a node off without a word."""
        address = self._addresses.pop(participant)
        del self.participants[address]
        self.network.nats.remove(address)
        self._poll_at.pop(address, None)
        second = self._aliases.pop(address, None)
        if second is not None:
            del self.participants[second], self._homes[second]

    # What nodes are asked to do, to its end

    def bootstrap(self, node: Node, contacts: Iterable[Address]) -> int:
        """Let `node` join through `contacts`; how many of them answered."""
        (answered,) = self.bootstrap_all([(node, contacts)])
        return answered

    def bootstrap_all(self, joining: Iterable[tuple[Node, Iterable[Address]]]) -> list[int]:
        """Let several nodes join at the same time, each through contacts of its own."""
        answered: list[int] = []
        started = 0
        for node, contacts in joining:
            started += 1
            node.bootstrap(contacts, answered.append, now=self.now)
            self.flush(node)
        self.run_until(lambda: len(answered) == started)
        return answered

    def announce(self, node: Node, info_hash: bytes, port: int = 6881) -> int:
        """Let `node` announce; how many nodes stored it."""
        return self.announce_each([node], info_hash, port)[node]

    def announce_each(self, nodes: Iterable[Node], info_hash: bytes, port: int = 6881) -> dict[Node, int]:
        """Let several nodes announce at the same time; on how many nodes each is stored.

        Whoever leaves meanwhile is not waited for, and counts as stored on none.
        """
        stored: dict[Node, int] = {}
        under_way = dict(enumerate(nodes))
        for number, node in list(under_way.items()):

            def ended(count: int, number: int = number) -> None:
                stored[under_way.pop(number)] = count

            node.announce(info_hash, port, ended, now=self.now)
            self.flush(node)
        self._run_until_ended(under_way)
        return {**dict.fromkeys(under_way.values(), 0), **stored}

    def find(self, node: Node, info_hash: bytes) -> set[Address]:
        """Let `node` look `info_hash` up; the peers that it found."""
        (found,) = self.find_all([node], info_hash)
        return found

    def find_all(self, nodes: Iterable[Node], info_hash: bytes) -> list[set[Address]]:
        """Let several nodes look `info_hash` up at the same time; what each of them found.

        Whoever leaves meanwhile is not waited for: it has found what it had by then.
        """
        results: list[set[Address]] = []
        under_way = dict(enumerate(nodes))
        for number, node in list(under_way.items()):
            found: set[Address] = set()
            results.append(found)

            def ended(number: int = number) -> None:
                del under_way[number]

            node.find_peers(info_hash, found.update, ended, now=self.now)
            self.flush(node)
        self._run_until_ended(under_way)
        return results

    def _run_until_ended(self, under_way: dict[int, Node]) -> None:
        """Until nobody who is still there has anything under way."""
        self.run_until(lambda: not any(map(self.is_there, under_way.values())))

    # Time

    def flush(self, node: Participant) -> None:
        """Send what a node has to send. To be called after asking it for something."""
        self._settle(self.address_of(node), node)

    def after(self, seconds: float, call: Callable[[], None]) -> None:
        """Call something that many seconds from now."""
        heapq.heappush(self._timers, (self.now + seconds, next(self._order), call))

    def run(self, node: Participant, until: Callable[[], bool], *, limit: float = 600.0) -> None:
        """Send what `node` has to send, and go on until something holds. Raises TimeoutError."""
        self.flush(node)
        self.run_until(until, limit=limit)

    def run_until(self, condition: Callable[[], bool], *, limit: float = 600.0) -> None:
        """Let time pass until something holds. Raises TimeoutError after `limit` simulated seconds."""
        deadline = self.now + limit
        while not condition():
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
        next_datagram = self._arrivals.next()
        next_timer = self._timers[0][0] if self._timers else _NEVER
        if min(next_datagram, next_timer) > deadline:
            return False
        if next_datagram <= next_timer:
            self._deliver()
        else:
            when, _, due = heapq.heappop(self._timers)
            if not isinstance(due, bytes):
                self.now = when
                due()
            elif self._poll_at.get(due) == when:
                self.now = when
                del self._poll_at[due]
                participant = self.participants[due]
                participant.poll(when)
                self._settle(due, participant)
        return True

    def _deliver(self) -> None:
        """Let the next datagram arrive."""
        self.now, _, target, datagram, source = self._arrivals.take()
        nats = self.network.nats
        home = nats.home(target)
        participant = self.participants.get(home)
        if participant is not None and nats.lets_in(source, target, self.now):
            self.delivered += 1
            if self.on_datagram is not None:
                self.on_datagram(self.now, source, target, datagram)
            participant.receive(datagram, source, self.now)
            self._settle(self._homes.get(home, home) if self._homes else home, participant)

    def _settle(self, address: Address, participant: Participant) -> None:
        for datagram, target in participant.outgoing():
            source = address if len(address) == len(target) else self._aliases.get(address, address)
            self._send(datagram, source, target)
        deadline = max(participant.deadline(), self.now)
        planned = self._poll_at.get(address)
        # An early poll does no harm and plans the next: only one that would come too late is replaced.
        if planned is None or deadline < planned:
            self._poll_at[address] = deadline
            heapq.heappush(self._timers, (deadline, next(self._order), address))

    def _send(self, datagram: bytes, source: Address, target: Address) -> None:
        nats = self.network.nats
        seen_as = nats.out(source, target, self.now)
        for delay in self.network.delays(source, nats.home(target)):
            self._arrivals.add(self.now + delay, target, datagram, seen_as)
