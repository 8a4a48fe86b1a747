"""Nodes that hand out whoever has called them, whether that one answers or not."""

from __future__ import annotations

from collections import OrderedDict

from ..node import Node
from ..wire import bencode, compact
from ..wire.compact import ID_BYTES, Address

MEMORY = 7200.0
"""Seconds for which a caller is handed out."""

MAX_CALLERS = 256
"""Callers that are kept in mind, the latest."""

_IS_REPLY = b"1:y1:r"
_HOLDS_NODES = b"5:nodes"
_IS_QUERY = b"1:y1:q"


class Sloppy:
    """Wraps a node: the replies are the node's own, but with the closest of its callers among their nodes.

    Many implementations take whoever calls into their tables, and BEP 5 lets a contact that called within 15
    minutes count as good if it has ever answered. So the nodes behind NATs, and those that left, are handed
    out for many minutes: in the mainline DHT 35 to 46 % of a lookup's queries went unanswered (Jimenez,
    Osmani, Knutsson: Sub-Second Lookups on a Large-Scale Kademlia-Based Overlay, IEEE P2P 2011).
    """

    def __init__(self, inner: Node) -> None:
        self.inner = inner
        self._callers: OrderedDict[Address, tuple[int, float]] = OrderedDict()
        self._asked: dict[tuple[bytes, Address], bytes] = {}
        self._now = 0.0

    def receive(self, datagram: bytes, address: Address, now: float) -> None:
        """Note who calls, and for what target, and pass it on."""
        self._now = now
        if _IS_QUERY in datagram:
            self._note(datagram, address)
        self.inner.receive(datagram, address, now)

    def _note(self, datagram: bytes, address: Address) -> None:
        message = bencode.decode(datagram)
        arguments = message[b"a"]
        self._callers[address] = int.from_bytes(arguments[b"id"], "big"), self._now
        self._callers.move_to_end(address)
        oldest, (_, called) = next(iter(self._callers.items()))
        if called < self._now - MEMORY or len(self._callers) > MAX_CALLERS:
            del self._callers[oldest]
        target = arguments.get(b"target", arguments.get(b"info_hash"))
        if target is not None:
            self._asked[message[b"t"], address] = target

    def poll(self, now: float) -> None:
        """Go on with what the node inside does."""
        self.inner.poll(now)

    def deadline(self) -> float:
        """The deadline of the node inside."""
        return self.inner.deadline()

    def outgoing(self) -> list[tuple[bytes, Address]]:
        """What the node inside sends, with callers in its replies."""
        ready = [
            (self._mixed(datagram, address) if _IS_REPLY in datagram else datagram, address)
            for datagram, address in self.inner.outgoing()
        ]
        self._asked.clear()
        return ready

    def _mixed(self, datagram: bytes, address: Address) -> bytes:
        if _HOLDS_NODES not in datagram:
            return datagram
        message = bencode.decode(datagram)
        target = self._asked.get((message[b"t"], address))
        if target is None:
            return datagram
        number = int.from_bytes(target, "big")
        nodes = compact.unpack_nodes(message[b"r"][b"nodes"], 4, self.inner.settings.k)
        closest = {one: int.from_bytes(id_, "big") ^ number for id_, one in nodes}
        closest |= {one: id_ ^ number for one, (id_, _) in self._callers.items() if one != address}
        chosen = sorted(closest, key=closest.__getitem__)[: self.inner.settings.k]
        message[b"r"][b"nodes"] = compact.pack_nodes(
            ((closest[one] ^ number).to_bytes(ID_BYTES, "big"), one) for one in chosen
        )
        return bencode.encode(message)
