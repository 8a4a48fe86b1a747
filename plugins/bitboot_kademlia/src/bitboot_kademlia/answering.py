"""What a node answers: the library's calls as the library does, and those of our own for sets of peers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import umsgpack

from bitboot_core import KnownHost
from bitboot_core.aio.limits import AddressLimits, packed

from .acquaintance import Acquaintance, NodeSetup
from .gate import Gate, Sender
from .messages import HEAD_BYTES, PeersAnswer
from .storage import PeerStore
from .tokens import Tokens
from .values import Value
from .wire import Address, node_bytes, pack_reachable

KEYS_PER_ANSWER = 40

_PARTS = HEAD_BYTES + 60
"""Bytes that an answer takes at most besides its lists."""

_KEY_BYTES = 31
"""A key and its fingerprint, packed."""


class Answering(Acquaintance):
    """The part of a node's protocol that answers. Each `rpc_x` answers the call `x`, in its sender's room."""

    def __init__(self, setup: NodeSetup, send: Callable[[bytes, Address], None]) -> None:
        super().__init__(setup, send)
        settings, now = setup.settings, setup.now
        self.peers: PeerStore = PeerStore(settings, now)
        self.tokens: Tokens = Tokens(now)
        self.gate: Gate = Gate(settings, now, self.tokens, self.router)
        self._long_values = AddressLimits(settings.value_bytes_per_source, settings.value_bytes_per_network)

    # The library's

    def rpc_stun(self, sender: Sender) -> Sequence[Any]:
        """Where do you see me?"""
        return sender.address

    def rpc_ping(self, sender: Sender, nodeid: bytes) -> bytes:
        """Who are you?"""
        self.welcome_plain(nodeid, sender.address)
        return self.node_id

    def rpc_store(self, sender: Sender, nodeid: bytes, key: bytes, value: Value) -> bool:
        """Keep a value, if it is known that the sender is where it seems to be. It has no token to show."""
        self.welcome_plain(nodeid, sender.address)
        is_real = sender.address in self.introduced
        return is_real and bool(self.storage.keep(key, value, packed(sender.host)))

    def rpc_find_node(self, sender: Sender, nodeid: bytes, key: bytes) -> list[list[Any]]:
        """Nodes near a key, of either kind, as many as there is room for."""
        self.welcome_plain(nodeid, sender.address)
        return self._nodes_for(sender, key)

    def rpc_find_value(self, sender: Sender, nodeid: bytes, key: bytes) -> Any:
        """A value, or nodes near its key: also where the value is too long for a stranger."""
        self.welcome_plain(nodeid, sender.address)
        value = self.storage.get(key, None)
        if value is not None:
            answer = {"value": value}
            length = HEAD_BYTES + len(umsgpack.packb(answer))
            if length <= sender.room or self._is_sent_long_values(sender, length):
                return answer
        return self._nodes_for(sender, key)

    def _is_sent_long_values(self, sender: Sender, length: int) -> bool:
        return sender.address in self.introduced and self._long_values.take(
            packed(sender.host), self.now(), length
        )

    def _nodes_for(self, sender: Sender, key: bytes) -> list[list[Any]]:
        left = sender.room - HEAD_BYTES - 3
        found = []
        target = int.from_bytes(key, "big")
        for contact in self.router.nearest(target, self.settings.k, exclude=sender.address):
            node = [contact.id, *contact.address]
            left -= len(umsgpack.packb(node))
            if left < 0:
                break
            found.append(node)
        return found

    # Ours

    def rpc_hello(self, sender: Sender, caller: bytes) -> bytes:
        """Who are you? As the library's ping, which nodes of our kind need not call."""
        self._heard(sender, caller)
        return self.node_id

    def rpc_find_peers(self, sender: Sender, caller: bytes, key: bytes, after: int) -> PeersAnswer:
        """The peers under `key` after number `after`, and, with the first of them, nodes nearer to it.

        With a token, which gives the right to announce from this IP address, and to longer answers.
        """
        self._heard(sender, caller)
        room = sender.room - _PARTS
        known = min(self.settings.k, len(self.router))
        for_nodes = 0 if after else min(known * node_bytes(self.family), room // 2)
        peers, more = self.peers.peers(key, after, room - for_nodes)
        if for_nodes and not peers:  # the first may be a long name
            peers, more = self.peers.peers(key, after, room)
        nodes = plain = b""
        if not after:
            nodes, plain = self._nodes_near(key, sender, (room - len(peers)) // node_bytes(self.family))
        token = self.tokens.issue(sender.host)
        return PeersAnswer(self.node_id, token, self.peers.fingerprint(key), more, peers, nodes, plain)

    def _nodes_near(self, key: bytes, sender: Sender, most: int) -> tuple[bytes, bytes]:
        target, count = int.from_bytes(key, "big"), max(0, min(self.settings.k, most))
        near = self.router.closest(target, count, plain=False, exclude=sender.address)
        others = []
        if len(near) < count:
            others = self.router.closest(target, count - len(near), plain=True, exclude=sender.address)
        return (
            b"".join([contact.packed for contact in near]),
            b"".join([contact.packed for contact in others]),
        )

    def rpc_announce(  # noqa: PLR0917 - as they come in the message
        self,
        sender: Sender,
        caller: bytes,
        key: bytes,
        host: str,
        port: int,
        lifetime: int,
        token: bytes,
        commitment: bytes,
    ) -> int:
        """Keep a peer; for how many seconds, 0 for not at all.

        No host is the address that the sender is seen at, port 0 the port.
        """
        self._heard(sender, caller)
        if not self.tokens.accepts(token, sender.host):
            return 0
        endpoint = pack_reachable(KnownHost(host or sender.host, port or sender.port))
        return int(self.peers.announce(key, endpoint, commitment, lifetime, packed(sender.host)))

    def rpc_withdraw(self, sender: Sender, caller: bytes, key: bytes, secret: bytes) -> bool:
        """Take back what was announced with the commitment to `secret`; whether there was any."""
        self._heard(sender, caller)
        return self.peers.withdraw(key, secret)

    def rpc_keys(self, sender: Sender, caller: bytes, after: bytes) -> list[Any]:
        """Keys held here, nearest to the caller first: [key, fingerprint, key, fingerprint, ...]."""
        self._heard(sender, caller)
        target = int.from_bytes(caller, "big")
        beyond = int.from_bytes(after, "big") ^ target if after else -1
        most = min(KEYS_PER_ANSWER, max(0, sender.room - HEAD_BYTES - 3) // _KEY_BYTES)
        keys = self.peers.nearest_keys(target, beyond, most)
        return [part for key in keys for part in (key, self.peers.fingerprint(key))]

    def rpc_records(self, sender: Sender, caller: bytes, key: bytes, after: int) -> list[Any]:
        """What is held under `key` after number `after`, for the caller to hold too, and what is next."""
        self._heard(sender, caller)
        return list(self.peers.records(key, after, sender.room - _PARTS))

    def _heard(self, sender: Sender, caller: bytes) -> None:
        self.heard(caller, sender.address, is_proven=sender.is_proven)
