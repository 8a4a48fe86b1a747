"""Answering queries (BEP 5, "DHT Queries"; BEP 32 for `want` and IPv6; BEP 33; BEP 42 for `ip`; BEP 51)."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from ..settings import Settings
from ..table.routing import RoutingTable
from ..wire import bencode, bloom, compact, krpc
from ..wire.compact import Address
from ..wire.node_id import ID_BYTES, as_number
from .extensions import Extensions, Handler
from .items import Items
from .peer_store import PeerStore
from .refused import Refused
from .reply_limits import FULL, SHORT, ReplyLimits, Room
from .samples import Samples
from .tokens import Tokens

_FRAME_BYTES: Final = 180
"""What a get_peers reply holds beside nodes and values: ids, token, transaction, keys."""

_ITEM_FRAME_BYTES: Final = 100
"""What a reply to `get` holds beside these: our id, the address, the transaction, keys."""

_SHORT_NODES = 3
_SHORT_PEERS = 5
_SHORT_SAMPLES = 5
"""Of nodes, peers and sampled keys a short reply holds so many. Lookups arrive with it too, a step or two
later."""

_SHORT_VALUE = 200
"""An item of this many bytes fits into it. Of a longer one the other nodes tell that store it."""


class Responder:
    """Turns a query into its answer. Keeps no record of who asked what."""

    def __init__(
        self,
        settings: Settings,
        tables: dict[int, RoutingTable],
        store: PeerStore,
        tokens: Tokens,
        *,
        items: Items,
        samples: Samples,
        extensions: Extensions,
    ) -> None:
        self._settings = settings
        self._tables = tables
        self._store = store
        self._items = items
        self._tokens = tokens
        self._samples = samples
        self._extensions = extensions
        self._methods = {
            b"ping": self._ping,
            b"find_node": self._find_node,
            b"get_peers": self._get_peers,
            b"announce_peer": self._announce_peer,
            b"sample_infohashes": self._sample_infohashes,
            b"get": self._get,
        }
        self.limits: ReplyLimits = ReplyLimits(settings)

    def answer(
        self, own_id: bytes, query: krpc.Query, address: Address, now: float, room: Room = FULL
    ) -> bytes:
        """The datagram to send back, a short one where there is little room."""
        try:
            values = self._values(query, address, now)
        except Refused as refusal:
            return krpc.error(query.transaction, refusal.code, str(refusal).encode(), address)
        if room is SHORT:
            _shorten(values, query.arguments)
        values[b"id"] = own_id
        return krpc.response(query.transaction, values, address)

    def _values(self, query: krpc.Query, address: Address, now: float) -> dict[bytes, Any]:
        handler = self._extensions.handler(query.method)
        if handler is not None:
            return self._ask_handler(handler, query, address, now)
        if query.method == b"put":  # which matters as it was written
            return self._items.put(query, address, now)
        method = self._methods.get(query.method)
        if method is None and (b"target" in query.arguments or b"info_hash" in query.arguments):
            method = self._find_node  # an extension's lookup: our closest nodes still help it
        if method is None:
            raise Refused(krpc.METHOD_UNKNOWN, "Method Unknown")
        return method(query.arguments, address, now)

    def _ask_handler(
        self, handler: Handler, query: krpc.Query, address: Address, now: float
    ) -> dict[bytes, Any]:
        try:
            return dict(handler(query, address))
        except Refused:
            raise
        except Exception as error:  # somebody else's code, reported here
            self._extensions.report(now)
            raise Refused(krpc.SERVER_ERROR, "Server Error") from error

    def _ping(self, arguments: dict[bytes, Any], address: Address, now: float) -> dict[bytes, Any]:
        return {}

    def _find_node(self, arguments: dict[bytes, Any], address: Address, now: float) -> dict[bytes, Any]:
        target = arguments.get(b"target", arguments.get(b"info_hash"))
        return self._nodes(_id_argument(target, "target"), arguments, address, now)

    def _get_peers(self, arguments: dict[bytes, Any], address: Address, now: float) -> dict[bytes, Any]:
        info_hash = _id_argument(arguments.get(b"info_hash"), "info_hash")
        ip_family = compact.family(address)
        filters = self._store.scrape(info_hash, ip_family, now) if arguments.get(b"scrape") == 1 else None
        if filters is not None:
            # They take half of a reply: of the nodes only those of the packet's family have room beside them.
            arguments = {key: value for key, value in arguments.items() if key != b"want"}
        values = self._nodes(info_hash, arguments, address, now)
        if filters is not None:
            values[b"BFsd"], values[b"BFpe"] = map(bloom.packed, filters)
        values[b"token"] = self._tokens.issue(address, now)
        if info_hash in self._store:
            room = self._room_beside(values) // (compact.ADDRESS_BYTES[ip_family] + 3)
            no_seeds = arguments.get(b"noseed") == 1
            peers = self._store.get(info_hash, ip_family, max(room, 0), now, no_seeds=no_seeds)
            if peers:
                values[b"values"] = peers
        return values

    def _sample_infohashes(
        self, arguments: dict[bytes, Any], address: Address, now: float
    ) -> dict[bytes, Any]:
        target = _id_argument(arguments.get(b"target"), "target")
        values = self._nodes(target, arguments, address, now)
        return {**values, **self._samples.reply(self._room_beside(values), now)}

    def _room_beside(self, values: dict[bytes, Any]) -> int:
        """How many bytes a reply has room for beside these."""
        return self._settings.reply_bytes - _FRAME_BYTES - sum(map(len, values.values()))

    def _announce_peer(self, arguments: dict[bytes, Any], address: Address, now: float) -> dict[bytes, Any]:
        info_hash = _id_argument(arguments.get(b"info_hash"), "info_hash")
        token = arguments.get(b"token")
        if not isinstance(token, bytes) or not self._tokens.accepts(token, address, now):
            raise Refused(krpc.PROTOCOL_ERROR, "bad token")
        peer = address
        if not arguments.get(b"implied_port"):
            port = arguments.get(b"port")
            if not isinstance(port, int) or not 0 < port < 65536:
                raise Refused(krpc.PROTOCOL_ERROR, "bad port")
            peer = compact.with_port(address, port)
        if not self._store.add(info_hash, peer, now, seed=arguments.get(b"seed") == 1):
            raise Refused(krpc.SERVER_ERROR, "too many peers from this address")
        return {}

    def _get(self, arguments: dict[bytes, Any], address: Address, now: float) -> dict[bytes, Any]:
        target = _id_argument(arguments.get(b"target"), "target")
        values = self._nodes(target, arguments, address, now)
        values[b"token"] = self._tokens.issue(address, now)
        item = self._items.get(target, arguments, now)
        if item:
            values |= item
            excess = _ITEM_FRAME_BYTES + len(bencode.encode(values)) - self._settings.item_reply_bytes
            _drop_nodes(values, excess, target)
        return values

    def _nodes(
        self, target: bytes, arguments: dict[bytes, Any], address: Address, now: float
    ) -> dict[bytes, Any]:
        values: dict[bytes, Any] = {}
        if b"want" in arguments:
            for ip_family in _wanted(arguments[b"want"], address):
                self._add_nodes(values, ip_family, target, now)
        else:
            self._add_nodes(values, compact.family(address), target, now)
        return values

    def _add_nodes(self, values: dict[bytes, Any], ip_family: int, target: bytes, now: float) -> None:
        table = self._tables.get(ip_family)
        if table is not None:
            infos = table.good_infos(target, now)
            if infos is None:
                infos = self._closest_infos(table, target, now)
            values[krpc.NODES_KEY[ip_family]] = infos

    def _closest_infos(self, table: RoutingTable, target: bytes, now: float) -> bytes:
        """The k closest contacts where too few are good: questionable ones make up for them.

        15 minutes after a quiet network came together nobody is good until the buckets are refreshed.
        """
        k = self._settings.k
        closest = [contact for contact in table if table.is_good(contact, now)]
        others = [contact for contact in table.closest(target, k) if contact not in closest]
        closest += others[: k - len(closest)]
        return b"".join([contact.info for contact in closest])


def _drop_nodes(values: dict[bytes, Any], excess: int, target: bytes) -> None:
    """Leave out nodes, the farthest first, of the longer list first, until so many bytes are saved."""
    if excess <= 0:
        return
    for ip_family, key in krpc.NODES_KEY.items():
        if key in values:
            values[key] = _nearest(values[key], ip_family, target)
    while excess > 0:
        ip_family = max(krpc.NODES_KEY, key=lambda one: len(values.get(krpc.NODES_KEY[one], b"")))
        key, size = krpc.NODES_KEY[ip_family], ID_BYTES + compact.ADDRESS_BYTES[ip_family]
        if not values.get(key):
            return
        values[key] = values[key][:-size]
        excess -= size


def _nearest(infos: bytes, ip_family: int, target: bytes, count: int | None = None) -> bytes:
    """Of these nodes so many, or all, that are closest to `target`, nearest first."""
    size = ID_BYTES + compact.ADDRESS_BYTES[ip_family]
    number = as_number(target)
    nodes = [infos[start : start + size] for start in range(0, len(infos), size)]
    nodes.sort(key=lambda node: as_number(node[:ID_BYTES]) ^ number)
    return b"".join(nodes[:count])


def _shorten(values: dict[bytes, Any], arguments: dict[bytes, Any]) -> None:
    """Leave the closest nodes, a few peers and no long item in what goes into a reply."""
    target = arguments.get(b"target", arguments.get(b"info_hash"))
    for ip_family, key in krpc.NODES_KEY.items():
        nodes = values.get(key)
        if isinstance(nodes, bytes):
            near = target if isinstance(target, bytes) else b""
            values[key] = _nearest(nodes, ip_family, near, _SHORT_NODES)
    peers = values.get(b"values")
    if isinstance(peers, list):
        values[b"values"] = peers[:_SHORT_PEERS]
    samples = values.get(b"samples")
    if isinstance(samples, bytes):
        values[b"samples"] = samples[: _SHORT_SAMPLES * ID_BYTES]
    for filters in (b"BFsd", b"BFpe"):  # of these there is no short form
        values.pop(filters, None)
    if b"v" in values and len(bencode.encode(values[b"v"])) > _SHORT_VALUE:
        for name in (b"k", b"sig", b"v"):
            values.pop(name, None)


def _id_argument(value: object, name: str) -> bytes:
    if not isinstance(value, bytes) or len(value) != ID_BYTES:
        raise Refused(krpc.PROTOCOL_ERROR, f"bad {name}")
    return value


def _wanted(want: object, address: Address) -> Collection[int]:
    """The families of nodes to reply with: as `want` says, else that of the packet (BEP 32)."""
    if isinstance(want, list):
        wanted = {
            krpc.FAMILY_FLAG[flag]
            for flag in want[:8]
            if isinstance(flag, bytes) and flag in krpc.FAMILY_FLAG
        }
        if wanted:
            return wanted
    return (compact.family(address),)
