"""A libp2p host that is a node of the DHT. All of it runs in trio.

Hosts, connections, encryption, streams and message formats are the library's; how the DHT is asked
and what is kept for others is ours, since the library keeps 20 providers a key and waits 10 seconds
for a node that is gone.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import trio
from libp2p.custom_types import TProtocol
from libp2p.kad_dht.common import PROTOCOL_ID
from libp2p.peer.id import ID
from libp2p.peer.peerstore import env_to_send_in_RPC
from libp2p.security.noise.transport import Transport as Noise
from libp2p.transport.tcp.tcp import TCP
from libp2p.utils.varint import encode_varint_prefixed, read_varint_prefixed_bytes_limited

from bitboot_core import AnnounceFailed, BackendTimeout, KnownHost
from bitboot_core.aio.logs import logger

from . import messages
from .peer_ids import id_of, is_id, multiaddr, name_of
from .providers import Providers
from .server import Server, close
from .table import BUCKET, Table, distance

REQUEST_TIMEOUT = 1.5
"""Seconds until a node that does not answer is given up."""

PARALLEL = 10
"""Requests of one crawl at a time: libp2p's own."""

MAX_ASKED = 100
"""Nodes that one crawl asks."""

MAX_FOUND = 5000
"""Peers that one lookup yields."""

ADDRESS_TTL = 7200

_log = logger(__name__)

# The library cuts its loggers off from the root, so that Python would print what they have to say.
logging.getLogger("libp2p").addHandler(logging.NullHandler())


class Node:
    """Made by `opening.open_node`. Ids and keys are bytes: a peer id's own, and a multihash."""

    def __init__(self, host: Any, noise: Noise, now: Callable[[], float], nursery: trio.Nursery) -> None:
        self._host, self._noise = host, noise
        self.id: bytes = host.get_id().to_bytes()
        self.table = Table(self.id, now)
        self.providers = Providers(now)
        self.counters: Counter[str] = Counter()
        self.server = Server(
            host,
            self.id,
            table=self.table,
            providers=self.providers,
            counters=self.counters,
            nursery=nursery,
            ask=self.ask,
        )
        self.address = KnownHost("", 0)

    @property
    def peer_id(self) -> str:
        """This host's id as text."""
        return name_of(self.id)

    # Asking

    async def reach(self, contacts: Iterable[KnownHost]) -> int:
        """Ask these addresses for our neighbours; how many answered. Then find the neighbours."""
        answered: list[bytes] = []

        async def try_one(contact: KnownHost) -> None:
            with trio.move_on_after(4 * REQUEST_TIMEOUT):
                peer = id_of(contact.peer_id) if contact.peer_id else await self._identity(contact)
                if peer is None or peer == self.id:
                    return
                self._host.get_network().unblock_peer(ID(peer))
                if await self.ask(peer, messages.request(messages.FIND_NODE, self.id), contact) is not None:
                    answered.append(peer)

        limit = trio.CapacityLimiter(PARALLEL)

        async def limited(contact: KnownHost) -> None:
            async with limit:
                await try_one(contact)

        async with trio.open_nursery() as nursery:
            for contact in contacts:
                nursery.start_soon(limited, contact)
        if answered:
            await self.crawl(self.id, messages.FIND_NODE)
        return len(answered)

    async def _identity(self, contact: KnownHost) -> bytes | None:
        """Who is at this address, as an encrypted connection proves. None where nobody answers."""
        try:
            raw = await TCP().dial(multiaddr(contact))
        except Exception as error:  # noqa: BLE001 - the library's kinds of failure are many
            _log.debug("nobody at %s: %s", contact, error)
            return None
        try:
            secure = self._host.get_network().upgrader.security_multistream
            _, transport = await secure.select_transport_and_protocol(raw, True)
            connection = await transport.secure_outbound(raw, None)
            peer: bytes = connection.get_remote_peer().to_bytes()
        except Exception as error:  # noqa: BLE001 - as above
            _log.debug("no libp2p host at %s: %s", contact, error)
            return None
        finally:
            with trio.CancelScope(shield=True), trio.move_on_after(0.5):
                await raw.close()
        return peer

    async def crawl(
        self, target: bytes, kind: int, answer: Callable[[Any], None] = lambda _: None
    ) -> list[bytes]:
        """Ask the nodes closest to `target`, and closer ones that they know, until the closest have answered.

        `answer` gets each answer. Returns the ids of the closest nodes that answered, at most BUCKET.
        """
        known: dict[bytes, KnownHost | None] = dict(self.table.closest(target))
        asked: set[bytes] = set()
        good: list[bytes] = []

        async def ask(peer: bytes) -> None:
            reply = await self.ask(peer, messages.request(kind, target), known[peer])
            if reply is None:
                del known[peer]
            else:
                good.append(peer)
                answer(reply)
                for near in reply.closerPeers[: BUCKET * 2]:
                    if near.id != self.id and near.id not in asked and is_id(near.id):
                        host = next(messages.endpoints([(near.id, near.addrs[:8])], name_of), None)
                        if host is not None and not self.table.is_silent(near.id):
                            known.setdefault(near.id, host)
            limit.release()
            begin()

        def begin() -> None:
            nearest = sorted(known, key=lambda peer: distance(peer, target))[:BUCKET]
            for peer in nearest:
                if peer not in asked and len(asked) < MAX_ASKED:
                    try:
                        limit.acquire_nowait()
                    except trio.WouldBlock:
                        return
                    asked.add(peer)
                    nursery.start_soon(ask, peer)

        limit = trio.Semaphore(PARALLEL)
        async with trio.open_nursery() as nursery:
            begin()
        if asked and not good:
            raise BackendTimeout(
                f"none of the {len(asked)} nodes that we know answered",
                hint="check that this machine is online",
            )
        return sorted(good, key=lambda peer: distance(peer, target))[:BUCKET]

    async def ask(self, peer: bytes, message: Any, at: KnownHost | None) -> Any:
        """The node's answer, None where it gives none in time."""
        replies = await self._talk(peer, [message], at)
        return replies[0] if replies else None

    async def _talk(self, peer: bytes, requests: list[Any], at: KnownHost | None) -> list[Any]:
        """The answers to these requests, one after the other on one stream; fewer where it falls silent."""
        replies: list[Any] = []
        stream = None
        self.counters["requests"] += len(requests)
        with trio.move_on_after(REQUEST_TIMEOUT):
            try:
                if at is not None:
                    self._host.get_peerstore().add_addrs(ID(peer), [multiaddr(at)], ADDRESS_TTL)
                stream = await self._host.new_stream(ID(peer), [TProtocol(PROTOCOL_ID)])
                for message in requests:
                    message.senderRecord = env_to_send_in_RPC(self._host)[0]
                    await stream.write(encode_varint_prefixed(message.SerializeToString()))
                    data = await read_varint_prefixed_bytes_limited(stream, messages.MAX_ANSWER)
                    replies.append(messages.parse(data))
            except Exception as error:  # noqa: BLE001 - whatever it is, this node did not answer
                _log.debug("%s does not answer: %r", ID(peer), error)
        await close(stream)
        if replies:
            if at is not None:
                self.table.answered(peer, at)
        else:
            self.counters["timeouts"] += 1
            self.table.failed(peer)
        return replies

    # Providing and finding

    async def provide(self, key: bytes, lifetimes: Mapping[bytes, float]) -> int:
        """Have the nodes closest to `key` keep these addresses of ours, or forget them where there are none.

        Returns how many acknowledged. Raises AnnounceFailed where none did, and some are known.
        """
        self.providers.put(key, self.id, lifetimes)
        if not len(self.table):
            return 1
        try:
            closest = await self.crawl(key, messages.FIND_NODE)
        except BackendTimeout as error:
            raise AnnounceFailed(str(error), hint=error.hint) from error
        stored: list[bytes] = []

        async def offer(peer: bytes) -> None:
            if await self._offer(peer, key, lifetimes):
                stored.append(peer)

        async with trio.open_nursery() as nursery:
            for peer in closest:
                nursery.start_soon(offer, peer)
        if not stored:
            raise AnnounceFailed(f"none of the {len(closest)} nodes asked stored the announcement")
        return len(stored)

    async def _offer(self, peer: bytes, key: bytes, lifetimes: Mapping[bytes, float]) -> bool:
        offer = messages.request(messages.ADD_PROVIDER, key)
        offer.providerPeers.append(messages.provider(self.id, lifetimes))
        # A stock node echoes whatever it makes of it, so it is asked whether it has it.
        check = messages.request(messages.GET_PROVIDERS, key)
        replies = await self._talk(peer, [offer, check], None)
        if len(replies) < 2:
            return False
        ours = [entry for entry in replies[1].providerPeers if entry.id == self.id]
        return bool(ours) or not lifetimes

    async def find(self, key: bytes, send: Callable[[KnownHost], None]) -> None:
        """Send the peers under `key`, each endpoint once, as the answers come in."""
        seen: set[tuple[str, int]] = set()

        def tell(entries: Iterable[tuple[bytes, Iterable[bytes]]]) -> None:
            for host in messages.endpoints(entries, name_of):
                if (host.host, host.port) not in seen and len(seen) < MAX_FOUND:
                    seen.add((host.host, host.port))
                    send(host)

        def answer(reply: Any) -> None:
            tell((one.id, one.addrs[:64]) for one in reply.providerPeers[: messages.MAX_PEERS])

        tell(self.providers.get(key).items())
        try:
            await self.crawl(key, messages.GET_PROVIDERS, answer)
        except BackendTimeout:
            if not seen:
                raise
