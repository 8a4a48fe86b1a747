"""A node of one IP family: it joins, announces, finds and withdraws, and keeps itself in order."""

from __future__ import annotations

import asyncio
import ipaddress
import os
import random
import socket
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from statistics import median_low
from typing import Any

from bitboot_core import KnownHost
from bitboot_core.aio.limits import packed
from bitboot_core.aio.logs import logger
from bitboot_core.model import address_scope

from .acquaintance import NodeSetup
from .candidates import Candidate
from .contacts import Contact
from .crawl import Crawl
from .healing import Healing
from .origins import bound_id, fits
from .peer_crawl import PeerCrawl
from .protocol import PeerProtocol
from .settings import Settings
from .storage import commit
from .udp import Transport
from .wire import ID_BYTES, Address, fill_in, is_itself, pack_endpoint, split_endpoints

_log = logger(__name__)

KEEP_OPEN = 20.0, 25.0
"""Seconds between two rounds of upkeep at most while requests are to be answered: behind a NAT it asks others
where they see us, which keeps the outside port ours. Many NATs forget it after 30 seconds."""

WITNESSES = 3
"""Nodes that are asked at which address they see us: more than half must agree."""


@dataclass(frozen=True, slots=True)
class Stored:
    """Who keeps an announcement, ourselves included (`here`), and for how many seconds."""

    holders: tuple[Address, ...]
    here: bool
    lifetime: float


class PeerNode:
    """A protocol on its socket, with the tasks that it needs. `now` gives the time in seconds.

    After `close`, whatever still waits for answers ends as if there were none.
    """

    def __init__(
        self,
        family: int,
        settings: Settings,
        now: Callable[[], float],
        *,
        read_only: bool = False,
        node_id: bytes | None = None,
    ) -> None:
        self.settings = settings
        self._now = now
        self._random = random.Random()
        self._healed = now()
        self._poor_joins = 0
        self._upkeep_task: asyncio.Task[None] | None = None
        self._ending: list[asyncio.Task[None]] = []
        self._address = KnownHost("", 0)
        self._transport: Transport | None = None
        self._may_move_at = now()
        self.seen_at: Collection[str] = ()
        """The IP address that others see us at, once most of those asked agree, if we listen everywhere."""
        own_id = node_id or os.urandom(ID_BYTES)
        self.protocol: PeerProtocol = PeerProtocol(
            NodeSetup(own_id, family, settings, now, read_only, self._on_contact)
        )
        self.healing: Healing = Healing(self.protocol)

    # Its life

    def start(self, sock: socket.socket) -> None:
        """Begin to serve on a bound socket, which is ours from here on."""
        self._transport = Transport(self.protocol, sock, self.settings.max_datagram + 1)
        self._address = self._transport.address
        self._take_id_for(self._address.host)
        if not self.protocol.read_only:
            self.healing.start()
        self._upkeep_task = asyncio.create_task(self._keep_up())

    def close(self) -> None:
        """Stop without a word, at once: what is left ends in the next few turns of the loop."""
        self.protocol.close()
        self._ending = self.healing.close()
        if self._upkeep_task is not None:
            self._upkeep_task.cancel()
            self._ending = [*self._ending, self._upkeep_task]

    async def closed(self) -> None:
        """After `close`, return when nothing is left."""
        await asyncio.gather(*self._ending, return_exceptions=True)
        await asyncio.wait([self.protocol.closed])
        if self._transport is not None:
            await self._transport.aclose()

    @property
    def address(self) -> KnownHost:
        """Where it listens."""
        return self._address

    # What it is there for

    async def join(self) -> None:
        """Find our neighbours, so that they find us."""
        await self._ask_where_we_are()
        crawl = Crawl(self.protocol, self.protocol.node_id, quorum=self.settings.k)
        is_poor = len(await _run(crawl)) < self.settings.quorum and crawl.met_silence
        self._poor_joins = self._poor_joins + 1 if is_poor else 0

    def find(self, key: bytes, on_peers: Callable[[list[bytes]], None]) -> PeerCrawl:
        """Look up peers: see PeerCrawl. To be closed."""
        crawl = PeerCrawl(self.protocol, key, on_peers=on_peers)
        crawl.start()
        return crawl

    async def announce(self, key: bytes, endpoint: KnownHost, lifetime: float, secret: bytes) -> Stored:
        """Have the k nodes closest to `key` keep `endpoint`: ourselves, where we are one of them.

        No host, or port 0, is filled in by others, as they see us.
        """
        commitment = commit(secret)
        args = self.protocol.caller, key, endpoint.host, endpoint.port, max(1, round(lifetime))
        nodes = await self._crawl(key, self.settings.k)
        granted = await self._ask_all(
            [(node.address, "announce", (*args, node.token, commitment)) for node in nodes]
        )
        holders = {
            address: float(seconds)
            for address, seconds in granted.items()
            if isinstance(seconds, int) and seconds > 0
        }
        own = self._keep(key, endpoint, commitment, lifetime)
        grants = [*holders.values(), *([own] if own else [])]
        return Stored(
            holders=tuple(holders),
            here=own > 0,
            # Not the least: one liar could have us announce all the time.
            lifetime=min(median_low(grants), lifetime) if grants else 0.0,
        )

    def _keep(self, key: bytes, endpoint: KnownHost, commitment: bytes, lifetime: float) -> float:
        """Keep it here too, if we are one of the closest."""
        target = int.from_bytes(key, "big")
        if self.protocol.read_only or not self.protocol.router.is_among_closest(target):
            return 0.0
        endpoint_packed = pack_endpoint(replace(endpoint, port=endpoint.port or self.address.port))
        own = packed(self.address.host)
        return self.protocol.peers.announce(key, endpoint_packed, commitment, lifetime, own)

    def kept(self, key: bytes) -> list[bytes]:
        """The endpoints under `key` that are kept here, packed. Without our own while nobody sees us."""
        page, _ = self.protocol.peers.peers(key, 0, 1 << 30)
        endpoints = split_endpoints(page)
        for me in self.seen_at:
            endpoints = [fill_in(endpoint, me) for endpoint in endpoints]
        return [endpoint for endpoint in endpoints if not is_itself(endpoint)]

    async def withdraw(self, key: bytes, secret: bytes, holders: Collection[Address]) -> int:
        """Have all `holders`, and whoever is closest to `key` by now, forget it; how many did."""
        nodes = await self._crawl(key, self.settings.k)
        addresses = dict.fromkeys([*holders, *(node.address for node in nodes)])
        confirmed = await self._ask_all(
            [(address, "withdraw", (self.protocol.caller, key, secret)) for address in addresses]
        )
        here = self.protocol.peers.withdraw(key, secret)
        return here + sum(answer is True for answer in confirmed.values())

    async def _crawl(self, key: bytes, quorum: int) -> list[Candidate]:
        return await _run(Crawl(self.protocol, key, quorum=quorum))

    async def _ask_all(self, calls: Sequence[tuple[Address, str, tuple[Any, ...]]]) -> dict[Address, Any]:
        """What each answered; who did not is not in it."""
        futures = {address: self.protocol.requests.call(address, name, args) for address, name, args in calls}
        answers = await asyncio.gather(*futures.values())
        return {
            address: answer.value
            for address, answer in zip(futures, answers, strict=True)
            if answer is not None
        }

    # Keeping in order

    async def upkeep(self) -> None:
        """One round: drop what has lapsed, ask the silent, and now and then compare with neighbours.

        Sooner where we met mostly dead nodes when we joined: those who know us may know others by now.
        """
        self.protocol.peers.sweep()
        await self._check_contacts()
        has_moved = await self._ask_where_we_are()
        wait = self.settings.heal_every
        if self._poor_joins:
            wait = min(wait, self.settings.upkeep_every * 2 ** min(self._poor_joins - 1, 10))
        is_due = has_moved or self._now() >= self._healed + wait
        if is_due and not self.protocol.read_only:
            self._healed = self._now()
            await self.join()
            self.healing.compare_with_neighbours()

    async def _check_contacts(self) -> None:
        router, suspects = self.protocol.router, self.protocol.suspects
        quiet = self._now() - self.settings.quiet_after
        due = [
            contact
            for contact in router
            if not suspects.is_shunned(contact.address)
            and (contact.heard < quiet or contact.address in suspects)
        ]
        due.sort(key=lambda contact: contact.heard)
        due = due[: self.settings.checks_per_upkeep]
        await asyncio.gather(*(self.protocol.greet(contact.address) for contact in due))
        if any(contact.address not in suspects for contact in router):  # else we are the ones who are offline
            for contact in router:
                if suspects.failures(contact.address) >= self.settings.max_failures:
                    router.remove(contact)

    async def _ask_where_we_are(self) -> bool:
        """Where our own address is not one that all know us by, learn from a few others where they see us.

        Whether we have taken another id for it.
        """
        own = self._address
        is_known = not own.is_any and address_scope(packed(own.host)) in {"machine", "public"}
        contacts = [one for one in self.protocol.router if one.address not in self.protocol.suspects]
        if is_known or not contacts:
            return False
        asked = self._random.sample(contacts, min(WITNESSES, len(contacts)))
        answers = await self._ask_all([(contact.address, "stun", ()) for contact in asked])
        seen = Counter(_host_of(answer) for answer in answers.values())
        agreed = {host for host, count in seen.items() if host and 2 * count > len(asked)}
        if own.is_any:
            self.seen_at = agreed or self.seen_at
        return self._now() >= self._may_move_at and any(self._take_id_for(host) for host in agreed)

    def _take_id_for(self, host: str) -> bool:
        """Have an id that fits the address that others see us at (see origins.py); whether it is a new one.

        Not again for a while, since witnesses may lie, and some networks show a new address to each.
        """
        ip = packed(host)
        if fits(self.protocol.node_id, ip):
            return False
        self.protocol.take_id(bound_id(ip, self._random))
        self._may_move_at = self._now() + self.settings.heal_every
        return True

    async def _keep_up(self) -> None:
        while True:
            await asyncio.sleep(self._pause())
            try:
                await self.upkeep()
            except Exception:  # noqa: BLE001 - logged with its traceback
                # It must go on, or the node grows old: what is wrong here is a bug, so say so.
                _log.exception("upkeep failed")

    def _pause(self) -> float:
        """Until the next round: not all nodes that were started together at once."""
        pause = self.settings.upkeep_every * self._random.uniform(0.75, 1.25)
        if self.protocol.exchange.answering.handlers:
            pause = min(pause, self._random.uniform(*KEEP_OPEN))
        return pause

    def _on_contact(self, contact: Contact) -> None:
        if not self.protocol.read_only:
            self.healing.compare_with(contact)


async def _run(crawl: Crawl) -> list[Candidate]:
    crawl.start()
    try:
        return await crawl.done
    finally:
        crawl.close()


def _host_of(answer: Any) -> str:
    """The IP address in what the library's `stun` answers, [host, port]; "" where it is anything else."""
    host = answer[0] if isinstance(answer, list) and len(answer) == 2 else None
    try:
        return str(ipaddress.ip_address(host)) if isinstance(host, str) else ""
    except ValueError:
        return ""
