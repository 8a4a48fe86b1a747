"""What a node answers to others, stream by stream. All of it runs in trio.

A stream is a place, and places are few. None is ever refused: where all are taken, the host that has most
of them loses the one that has been silent longest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import trio
from libp2p.kad_dht.utils import maybe_consume_signed_record
from libp2p.peer.id import ID
from libp2p.peer.peerstore import env_to_send_in_RPC
from libp2p.utils.varint import encode_varint_prefixed, read_varint_prefixed_bytes_limited

from bitboot_core import KnownHost
from bitboot_core.aio.limits import Shares
from bitboot_core.aio.logs import logger

from . import messages
from .addresses import pack
from .peer_ids import name_of
from .providers import Providers
from .sharing import Share, share_of
from .table import Table

IDLE_TIMEOUT = 30.0
"""Seconds that a stream of another's may be silent."""

MAX_INBOUND = 128
"""Streams of others that are served at a time."""

MAX_GREETINGS = 16
"""Newcomers that are asked at a time whether they answer."""

_log = logger(__name__)

Ask = Callable[[bytes, Any, KnownHost | None], Awaitable[Any]]


@dataclass(eq=False, slots=True)
class _Place:
    """A stream that is served, and whom it is counted for."""

    share: Share
    scope: trio.CancelScope = field(default_factory=trio.CancelScope)


class Server:
    """Answers from a node's table and providers. `ask` asks another node, as Node.ask does."""

    def __init__(
        self,
        host: Any,
        own_id: bytes,
        *,
        table: Table,
        providers: Providers,
        counters: Counter[str],
        nursery: trio.Nursery,
        ask: Ask,
    ) -> None:
        self._host, self._id, self._nursery, self._ask = host, own_id, nursery, ask
        self._table, self._providers, self._counters = table, providers, counters
        self._served: Shares[_Place] = Shares()
        self._greetings = 0

    async def serve(self, stream: Any) -> None:
        """Answer what another node asks on this stream, until it closes it or errs, or has to make room."""
        peer = stream.muxed_conn.peer_id.to_bytes()
        place = _Place(_share_of(stream, peer))
        while len(self._served) >= MAX_INBOUND:
            longest_silent = self._served.largest()
            self._served.discard(longest_silent, longest_silent.share)
            longest_silent.scope.cancel()
            self._counters["displaced"] += 1
        self._served.add(place, place.share)
        try:
            with place.scope:
                await self._answer_all(stream, peer, place)
            if place.scope.cancelled_caught:
                await stream.reset()
        except Exception as error:  # noqa: BLE001 - a stranger's stream: whatever it is, it ends here
            _log.debug("a stream of %s ends: %r", ID(peer), error)
        finally:
            self._served.discard(place, place.share)
            await close(stream)

    async def _answer_all(self, stream: Any, peer: bytes, place: _Place) -> None:
        while True:
            with trio.fail_after(IDLE_TIMEOUT):
                data = await read_varint_prefixed_bytes_limited(stream, messages.MAX_REQUEST)
            self._served.add(place, place.share)  # it was not silent
            message = messages.parse(data)
            self._counters["queries"] += 1
            reply = self._reply(peer, message, place.share)
            self._greet(peer)
            if reply is None:
                await stream.reset()
                return
            reply.senderRecord = env_to_send_in_RPC(self._host)[0]
            with trio.fail_after(IDLE_TIMEOUT):
                await stream.write(encode_varint_prefixed(reply.SerializeToString()))

    def _reply(self, peer: bytes, message: Any, share: Share) -> Any:
        if not maybe_consume_signed_record(message, self._host, ID(peer)):
            return None
        reply = messages.request(message.type, message.key)
        if message.type == messages.PING:
            return reply
        if not 0 < len(message.key) <= 128:
            return None
        if message.type == messages.ADD_PROVIDER:
            for entry in message.providerPeers[:20]:
                if entry.id == peer:  # nobody provides in another's name
                    accepted = messages.offered(entry)
                    self._providers.put(message.key, peer, accepted, share)
                    reply.providerPeers.append(messages.provider(peer, accepted))
            return reply
        if message.type == messages.GET_PROVIDERS:
            for provider, addresses in self._providers.get(message.key).items():
                entry = reply.providerPeers.add()
                entry.id = provider
                entry.addrs.extend(addresses)
        for near, address in self._table.closest(message.key):
            if near != peer:
                entry = reply.closerPeers.add()
                entry.id = near
                entry.addrs.append(pack(address))
        return reply  # to a question for a value too: we keep none

    def _greet(self, peer: bytes) -> None:
        """Find out whether a newcomer answers, and so belongs into the table."""
        self._table.heard(peer)
        if peer not in self._table and self._greetings < MAX_GREETINGS:
            self._greetings += 1
            self._nursery.start_soon(self._meet, peer)

    async def _meet(self, peer: bytes) -> None:
        try:
            addresses = self._host.get_peerstore().addrs(ID(peer))[:8]
            packed = [address.to_bytes() for address in addresses]
            host = next(messages.endpoints([(peer, packed)], name_of), None)
            if host is not None:
                await self._ask(peer, messages.request(messages.FIND_NODE, self._id), host)
        except Exception as error:  # noqa: BLE001 - no address known, or a nonsensical one
            _log.debug("%s cannot be greeted: %r", ID(peer), error)
        finally:
            self._greetings -= 1


def _share_of(stream: Any, peer: bytes) -> Share:
    remote = stream.get_remote_address()
    try:
        return share_of(remote[0], peer) if remote is not None else share_of("0.0.0.0", peer)
    except ValueError:  # the library could not say where it comes from
        return share_of("0.0.0.0", peer)


async def close(stream: Any) -> None:
    """Close a stream, if there is one, within half a second."""
    if stream is not None:
        with trio.CancelScope(shield=True), trio.move_on_after(0.5):
            try:
                await stream.close()
            except Exception as error:  # noqa: BLE001 - it is closed, whatever the other end says
                _log.debug("a stream did not close: %r", error)
