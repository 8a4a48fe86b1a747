"""The nodes of a DHT in one house meet over the local network, where both are used.

A DHT's node must know another one to begin with. Beside a network that reaches as far as the local one (of
the scope `LAN`) it need not: each node announces its own port there, under a key that stands for the DHT, and
looks who else did. So a swarm forms in a house with no contact given and no internet. What is found is tried
like any contact, and believed as little.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from ..aio import timing
from ..aio.clock import Clock, deadline, sleep_until
from ..aio.logs import logger
from ..backend import Scope
from ..model import KnownHost
from .network import ActiveNetwork

if TYPE_CHECKING:
    from random import Random

LIFETIME = 600.0
"""Seconds that a node's port is announced for."""

AGAIN = 300.0
"""Seconds, about, between two looks."""

ALONE = 10.0
"""Seconds, about, until a node that knows no other looks again; then twice as long, and so on up to a minute.
It need not do so often: whoever comes later looks too."""

TIMEOUT = 10.0
"""Seconds that the local network may take for each."""

MAX_CONTACTS = 16
"""Contacts that are taken of one look."""

log = logger(__name__)


class Neighbours:
    """The pairs of networks, one far and one near, of which the near one helps the far one to begin."""

    def __init__(self, clock: Clock, random: Random, *, read_only: bool) -> None:
        """`read_only`: only look; a node that serves nobody is no contact for others."""
        self._clock, self._random, self._read_only = clock, random, read_only
        self._pairs: set[tuple[ActiveNetwork, ActiveNetwork]] = set()

    def introduce(self, networks: Iterable[ActiveNetwork]) -> None:
        """Have these networks help each other from now on, until one of the two is closed."""
        running = [network for network in networks if network.is_running]
        for far in running:
            for near in running:
                if far.meets_by_contacts and near.scope is Scope.LAN and (far, near) not in self._pairs:
                    pair = (far, near)
                    self._pairs.add(pair)
                    task = far.tasks.start(self._keep_meeting(*pair))
                    task.add_done_callback(partial(self._ended, pair))

    def _ended(self, pair: tuple[ActiveNetwork, ActiveNetwork], _: object) -> None:
        self._pairs.discard(pair)

    async def _keep_meeting(self, far: ActiveNetwork, near: ActiveNetwork) -> None:
        pause = ALONE
        announce_at = -math.inf
        while far.is_running and near.is_running:
            try:
                if self._clock.now() >= announce_at and await self._announce(far, near):
                    announce_at = self._clock.now() + AGAIN / 2  # so that it never lapses between two looks
                await self._meet(far, near)
            except Exception as error:  # noqa: BLE001 - the backend's own, whatever it is; tried again
                told = near.wrapped(error, "meet other nodes")
                log.debug("%s: no nodes are met on %s: %s", far.name, near.name, told)
            wait = AGAIN if far.count_contacts() else pause
            pause = ALONE if far.count_contacts() else min(2 * pause, AGAIN / 5)
            await sleep_until(self._clock, self._clock.now() + timing.scattered(wait, self._random))

    async def _announce(self, far: ActiveNetwork, near: ActiveNetwork) -> bool:
        """Announce the far network's own port on the near one, where it has one. Whether it has."""
        mine = far.address
        if mine is None or not mine.port or self._read_only:
            return False
        endpoint = KnownHost("" if mine.is_any else mine.host, mine.port)
        await near.announce(meeting_key(far), endpoint, lifetime=LIFETIME, timeout=TIMEOUT)
        return True

    async def _meet(self, far: ActiveNetwork, near: ActiveNetwork) -> None:
        found: dict[KnownHost, None] = {}
        async with (
            deadline(self._clock, self._clock.now() + TIMEOUT),
            aclosing(cast("Any", near.lookup(meeting_key(far)))) as peers,
        ):
            async for peer in peers:
                if (
                    isinstance(peer, KnownHost)
                    and peer.family
                    and peer.port
                    and not _is_ours(peer, far, near)
                ):
                    found[peer] = None
                if len(found) >= MAX_CONTACTS:
                    break
        if found:
            log.info("%s: %d nodes found on %s", far.name, len(found), near.name)
            await far.meet(list(found))


def _is_ours(peer: KnownHost, far: ActiveNetwork, near: ActiveNetwork) -> bool:
    mine = far.address
    return mine is not None and peer.port == mine.port and peer.host in near.seen_at


def meeting_key(network: ActiveNetwork) -> bytes:
    """Under which key the nodes of a network meet: those of other networks of its name have another one.

    It stands for the protocol, the name, and the contacts that the network starts from, since not everything
    that is called "mainline" is the public one.
    """
    import hashlib  # noqa: PLC0415 - loads OpenSSL, for which a program that starts need not wait

    definition = network.definition
    starts_from = sorted(map(str, network.starts_from))
    identity = "\n".join(["bitboot contacts", definition.protocol, definition.name, *starts_from])
    return hashlib.sha1(identity.encode(), usedforsecurity=False).digest()
