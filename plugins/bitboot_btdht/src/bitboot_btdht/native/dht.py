"""The package `btdht`, made safe to live with: its node, with what it breaks mended at the rim.

The package handles bytes as C strings, which end at the first NUL: transaction ids, keys, tokens
and addresses that hold one come out cut short. So every datagram passes through here. What comes in
is read by our own parser, and only what that accepts is handed on, without what would be cut; our
own queries and all answers to others are written here. Sockets, threads, the routing table, its
upkeep and the stored peers are the package's.

Imports `btdht`, so it is imported by nobody but `native`.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import btdht  # type: ignore[import-not-found,import-untyped,unused-ignore]
from btdht.krcp import BMessage, DecodeError  # type: ignore[import-not-found,import-untyped,unused-ignore]
from btdht.utils import Scheduler  # type: ignore[import-not-found,import-untyped,unused-ignore]

from bitboot_core.aio.logs import logger

from ..wire import bencode, compact, krpc
from ..wire.compact import Address

_log = logger(__name__)

Contact: TypeAlias = tuple[bytes, Address]
Answer: TypeAlias = krpc.Response | krpc.ErrorReply

NOBODY = ["0.0.0.0/8", "224.0.0.0/4", "240.0.0.0/4"]
"""Networks that the node ignores. The package's own list has all private ones, and loopback."""

MAX_DATAGRAM = 4096
MAX_HASHES = 20_000
THREADS_END = 1.8
"""Seconds within which the package's threads see that they are to end: they look once a second."""


def without_nul(size: int) -> bytes:
    """Random bytes, none of them NUL."""
    return bytes(1 + byte % 255 for byte in os.urandom(size))


def storable(key: bytes) -> bytes:
    """What the package files `key` under: the key itself, or where that would be cut, a hash of it."""
    while 0 in key:
        key = hashlib.sha1(key, usedforsecurity=False).digest()
    return key


if TYPE_CHECKING:

    class _Dht:
        """`btdht.DHT`, which has no types."""

        def __init__(self, *arguments: Any, **settings: Any) -> None: ...
        def __getattr__(self, name: str) -> Any: ...
        def _clean(self) -> Any: ...
        def _process_incoming_message(self) -> Any: ...
        def _decode(self, data: bytes, address: Any) -> Any: ...
        def sendto(self, message: bytes, address: Any) -> Any: ...

else:
    _Dht = btdht.DHT


class NativeDht(_Dht):
    """A node of the package. Its threads are its own; every method here may be called from any."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(
            bind_ip=host,
            bind_port=port or None,
            id=without_nul(20),
            ignored_net=NOBODY,
            debuglvl=-100,
            scheduler=Scheduler(),
        )
        self.own_id: bytes = self.myid.value
        self.counters: dict[str, int] = {"sent": 0, "received": 0, "queries": 0, "malformed": 0, "errors": 0}
        self._pending: dict[bytes, tuple[Address, Callable[[Answer], None]]] = {}
        self._query: krpc.Query | None = None

    # What the adapter asks of it

    def ask(
        self,
        address: Address,
        method: bytes,
        arguments: dict[bytes, Any],
        on_answer: Callable[[Answer], None],
    ) -> bytes:
        """Send a query; `on_answer` is called in the package's thread. Returns what `forget` takes."""
        transaction = without_nul(6)
        # Whatever was asked, the package is to read the answer like find_node's: for its nodes.
        kind = BMessage()
        kind.q = b"find_node"
        self.transaction_type[transaction] = None, time.time(), kind
        self._pending[transaction] = address, on_answer
        self._send(krpc.query(transaction, method, {b"id": self.own_id, **arguments}), address)
        return transaction

    def forget(self, transaction: bytes) -> None:
        """The answer is not waited for any more."""
        self._pending.pop(transaction, None)
        self.transaction_type.pop(transaction, None)

    def closest(self, target: bytes) -> list[Contact]:
        """The contacts nearest to `target` in the package's routing table."""
        return [(node.id, compact.pack(node.ip, node.port)) for node in self.get_closest_nodes(target)]

    def good_contacts(self) -> list[Address]:
        """The nodes that answered lately, the latest first."""
        nodes = [node for bucket in list(self.root) for node in list(bucket) if node.good]
        nodes.sort(key=lambda node: -node.last_response)
        return [compact.pack(node.ip, node.port) for node in nodes]

    def stored(self, key: bytes) -> list[Address]:
        """The peers that others have announced to this node."""
        return self._get_peers(storable(key)) or []

    def end(self) -> None:
        """Stop, and wait until the threads have ended. Blocks for about a second."""
        scheduler = self._scheduler
        # Before the package's own stop(): that would start threads which wait for these for seconds.
        scheduler._stoped = True
        until = time.monotonic() + THREADS_END
        for thread in scheduler._threads:
            thread.join(max(0.0, until - time.monotonic()))
        if not self.stoped:
            self.stop()
        if self.sock is not None:
            self.sock.close()
        for queue in (self.to_send, self._to_process):
            queue._putsocket.close()
            queue._getsocket.close()

    # What the package calls

    def bootstarp(self, addresses: object = ()) -> None:
        """Never go to the public routers. (The name is the package's.)"""

    def debug(self, level: int, message: str) -> None:
        """Into the log, not onto the terminal."""
        _log.debug("%s", message)

    def _clean(self) -> None:
        # Else it stops itself after some silence.
        self.last_msg: float = time.time()
        self.last_msg_rep: float = self.last_msg
        super()._clean()
        for transaction in list(self._pending):
            if transaction not in self.transaction_type:
                self._pending.pop(transaction, None)
        while len(self._peers) > MAX_HASHES:
            self._peers.pop(next(iter(self._peers)), None)

    def _get_token(self, ip: str) -> bytes:
        # Its own way makes a new token for every query, and keeps them all.
        now = time.time()
        tokens = [(token, since) for token, since in self.token.get(ip, []) if now - since < 600]
        if not tokens or now - tokens[-1][1] > 300:
            tokens.append((without_nul(8), now))
        self.token[ip] = tokens
        while len(self.token) > MAX_HASHES:
            self.token.pop(next(iter(self.token)), None)
        token: bytes = tokens[-1][0]
        return token

    def _process_incoming_message(self) -> None:
        try:
            super()._process_incoming_message()
        except Exception as error:  # noqa: BLE001 - a stranger's datagram must not end the package's thread
            self.counters["errors"] += 1
            _log.debug("btdht failed on a datagram: %r", error)
        finally:
            self._query = None

    def _decode(self, datagram: bytes, sender: tuple[str, int]) -> tuple[Any, Any]:
        """Read a datagram with our own parser, and let the package read what is left of it."""
        self.counters["received"] += 1
        address = compact.pack(*sender)
        try:
            message = krpc.parse(datagram[:MAX_DATAGRAM], address)
        except krpc.Malformed as malformed:
            self.counters["malformed"] += 1
            raise DecodeError(str(malformed)) from malformed
        if isinstance(message, krpc.Query):
            clean = self._clean_query(message, address)
        elif isinstance(message, krpc.Response):
            clean = self._clean_response(message, address)
        else:
            self._report(message, address)
            raise DecodeError("an error reply, and known as that")
        decoded: tuple[Any, Any] = super()._decode(bencode.encode(clean), sender)
        return decoded

    def _clean_query(self, query: krpc.Query, address: Address) -> dict[bytes, Any]:
        self.counters["queries"] += 1
        arguments: dict[bytes, Any] = {}
        for name, value in query.arguments.items():
            whole = isinstance(value, bytes) and len(value) == 20
            if name == b"info_hash" and whole:
                arguments[name] = storable(value)
            elif (
                (name == b"target" and whole)
                or (name in (b"port", b"implied_port") and _is_port(value))
                or (name == b"token" and isinstance(value, bytes) and 0 < len(value) <= 64)
            ):
                arguments[name] = value
        if 0 not in query.sender + address[:-2] and not query.read_only:
            arguments[b"id"] = query.sender  # without one, the sender stays out of the table
        method = query.method
        if method not in (b"ping", b"find_node", b"get_peers", b"announce_peer"):
            raise DecodeError("no method of the package's")
        if method == b"announce_peer" and not {b"info_hash", b"port", b"token"} <= arguments.keys():
            raise DecodeError("not a whole announcement")
        if method == b"announce_peer" and arguments[b"token"] not in self._get_valid_token(
            compact.unpack(address)[0]
        ):
            # The package would store the peer first and refuse the token afterwards.
            self._send(krpc.error(query.transaction, krpc.PROTOCOL_ERROR, b"bad token", address), address)
            raise DecodeError("bad token")
        self._query = query
        return {b"a": arguments, b"q": method, b"t": b"t", b"y": b"q"}

    def _clean_response(self, response: krpc.Response, address: Address) -> dict[bytes, Any]:
        self._report(response, address)
        values: dict[bytes, Any] = {}
        nodes = [
            (id_, told)
            for id_, told in compact.unpack_nodes(response.values.get(b"nodes"), 4, 16)
            if compact.may_introduce(address, told)
        ]
        values[b"nodes"] = _fit(nodes)
        if 0 not in response.sender + address[:-2] and response.sender != self.own_id:
            values[b"id"] = response.sender
        return {b"r": values, b"t": response.transaction, b"y": b"r"}

    def _report(self, answer: Answer, address: Address) -> None:
        asked, on_answer = self._pending.get(answer.transaction, (None, None))
        if on_answer is None or asked != address:
            raise DecodeError("nobody asked this of that address")
        on_answer(answer)

    def sendto(self, message: bytes, sender: tuple[str, int]) -> None:
        """The package wants to send: its queries as they are, its answers written anew."""
        query = self._query
        address = compact.pack(*sender)
        if b"1:y1:q" in message:
            # One of the package's own, for its table's upkeep: from then on an answer is expected.
            self._pending[bencode.decode(message)[b"t"]] = address, _ignore
        elif query is not None:
            message = self._answer(query, message, address)
        self._send(message, address)

    def _answer(self, query: krpc.Query, message: bytes, address: Address) -> bytes:
        written = bencode.decode(message)
        if written.get(b"y") != b"r":
            code, text = written[b"e"][:2]
            return krpc.error(query.transaction, code, text, address)
        values: dict[bytes, Any] = {b"id": self.own_id}
        target = query.arguments.get(b"info_hash" if query.method == b"get_peers" else b"target")
        if query.method in (b"find_node", b"get_peers") and isinstance(target, bytes):
            values[b"nodes"] = compact.pack_nodes(self.closest(target))
        if query.method == b"get_peers" and isinstance(target, bytes):
            values[b"token"] = self._get_token(compact.unpack(address)[0])
            peers = self.stored(target)
            if peers:
                values[b"values"] = peers[:60]
        return krpc.response(query.transaction, values, address)

    def _send(self, datagram: bytes, address: Address) -> None:
        self.counters["sent"] += 1
        super().sendto(datagram, compact.unpack(address))


def _ignore(answer: Answer) -> None:
    """The package itself reads the answers to its own queries."""


def _is_port(value: object) -> bool:
    return isinstance(value, int) and 0 <= value < 65536


def _fit(nodes: list[Contact]) -> bytes:
    """Compact node info of those nodes that the package can hold."""
    return b"".join(id_ + address for id_, address in nodes if 0 not in id_ + address)
