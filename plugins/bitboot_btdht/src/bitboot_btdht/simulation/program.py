"""A program that is in a swarm for good: it stays in touch with the network and renews, as the core does."""

from __future__ import annotations

import random
from collections.abc import Iterable
from functools import partial

from bitboot_core._networks.in_touch import CHECK_EVERY, MAX_TRIED
from bitboot_core.aio import timing

from ..node import Node
from ..wire.compact import Address, with_port
from .simulation import Simulation


class Program:
    """One node and the swarms that it is in, kept up by the rules of `bitboot_core`.

    It bootstraps through `contacts` until somebody answers, again whenever it knows nobody or an
    announcement failed, and announces itself anew at 0.75 to 0.9 of an announcement's lifetime,
    sooner after a failure, where the network has grown (`bitboot_core.aio.timing`), and where its
    outside address has changed. `stop()` ends it
    without a word.
    """

    def __init__(
        self, simulation: Simulation, node: Node, *, contacts: Iterable[Address] = (), port: int = 6881
    ) -> None:
        self.node = node
        self.port = port
        self.contacts: list[Address] = list(contacts)
        node.on_moved = self._moved
        self.announced_at: dict[bytes, float] = {}
        """When each swarm was announced successfully last, in simulated seconds."""
        self._simulation = simulation
        self._random = random.Random(simulation.rng.getrandbits(64))
        self._swarms: dict[bytes, _Swarm] = {}
        self._ready = False
        self._in_doubt = False
        self._failures = 0

    @property
    def stopped(self) -> bool:
        """Whether it has been switched off, by `stop` or together with its node."""
        return not self._simulation.is_there(self.node)

    @property
    def endpoint(self) -> Address:
        """What others find: the node's IP and the program's own port."""
        return with_port(self._simulation.address_of(self.node), self.port)

    def contacts_to_keep(self) -> list[Address]:
        """What it would find in its file of contacts at the next start."""
        return self.node.alive_contacts()[:MAX_TRIED]

    def start(self) -> None:
        """Get in touch with the network, and stay so."""
        self._check()

    def join(self, info_hash: bytes) -> None:
        """Announce in a swarm as soon as there is contact, and renew for as long as it runs."""
        self._swarms[info_hash] = _Swarm()
        if self._ready:
            self._announce(info_hash)

    def stop(self) -> None:
        """Be switched off, node and all."""
        if not self.stopped:
            self._simulation.remove(self.node)

    def _check(self) -> None:
        if self.stopped:
            return
        alive = self.node.alive_contacts()
        if self.contacts and (self._in_doubt or not alive):
            self._in_doubt = False
            contacts = [*self.contacts, *alive[:MAX_TRIED]]
            self.node.bootstrap(contacts, self._bootstrapped, now=self._simulation.now)
            self._simulation.flush(self.node)
        else:
            self._in_touch()
            self._simulation.after(CHECK_EVERY, self._check)

    def _bootstrapped(self, answered: int) -> None:
        if answered or self.node.alive_contacts():
            self._failures = 0
            self._simulation.after(0.0, self._in_touch)
            self._simulation.after(CHECK_EVERY, self._check)
        else:
            self._failures += 1
            self._simulation.after(timing.bootstrap_after(self._failures, self._random), self._check)

    def _in_touch(self) -> None:
        if self.stopped:
            return
        contacts = len(self.node.alive_contacts())
        for info_hash, swarm in self._swarms.items():
            stored = info_hash in self.announced_at
            if not self._ready or (stored and timing.has_grown(contacts, swarm.contacts)):
                self._announce(info_hash)
        self._ready = True

    def _moved(self) -> None:
        for info_hash in list(self.announced_at):
            self._simulation.after(0.0, partial(self._renew, info_hash, self._swarms[info_hash].turn))

    def _announce(self, info_hash: bytes) -> None:
        swarm = self._swarms[info_hash]
        swarm.turn += 1
        now = self._simulation.now
        self.node.announce(info_hash, self.port, partial(self._announced, info_hash), now=now)
        self._simulation.flush(self.node)

    def _announced(self, info_hash: bytes, stored: int) -> None:
        swarm = self._swarms[info_hash]
        lifetime = self.node.settings.peer_lifetime
        now = self._simulation.now
        if stored:
            swarm.failures = 0
            swarm.contacts = len(self.node.alive_contacts())
            self.announced_at[info_hash] = now
            pause = timing.renew_after(lifetime, self._random)
        else:
            swarm.failures += 1
            self._in_doubt = True
            left = self.announced_at.get(info_hash, -lifetime) + lifetime - now
            pause = timing.retry_after(swarm.failures, lifetime, self._random, left=left)
        self._simulation.after(pause, partial(self._renew, info_hash, swarm.turn))

    def _renew(self, info_hash: bytes, turn: int) -> None:
        # Where it was announced meanwhile, for another reason, that one renews.
        if not self.stopped and self._swarms[info_hash].turn == turn:
            self._announce(info_hash)


class _Swarm:
    """How one of a program's announcements stands."""

    def __init__(self) -> None:
        self.turn = self.failures = self.contacts = 0
