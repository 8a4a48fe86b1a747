"""An internet in memory: nodes on addresses of their own, a datagram takes one turn of the loop."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import umsgpack
from bitboot_kademlia.candidates import Candidate
from bitboot_kademlia.crawl import Crawl
from bitboot_kademlia.node import PeerNode
from bitboot_kademlia.origins import bound_id
from bitboot_kademlia.peer_crawl import PeerCrawl
from bitboot_kademlia.protocol import PeerProtocol
from bitboot_kademlia.settings import Settings
from bitboot_kademlia.storage import commit
from bitboot_kademlia.wire import Address, pack_endpoint, unpack_endpoint

from bitboot_core import KnownHost
from bitboot_core.aio.limits import packed

from .strangers import Time

HASTY = Settings(slow_floor=0.002, slow_ceiling=0.002, timeout_floor=0.006, timeout_ceiling=0.006)
"""Nobody has to be waited for here: what is not answered in a few turns never is."""

Receive = Callable[[bytes, Address], None]


class Internet:
    """Whoever is at an address gets what is sent there. `calls`: how often each call was made."""

    def __init__(self) -> None:
        self.time = Time()
        self.rng = random.Random(1)
        self.calls: Counter[str] = Counter()
        self._receivers: dict[Address, Receive] = {}
        self._nodes: list[PeerNode] = []

    def node(self, address: Address, *, node_id: bytes | None = None, settings: Settings = HASTY) -> PeerNode:
        """A node of ours, with an id that fits its address unless another is given."""
        node = PeerNode(4, settings, self.time, node_id=node_id or bound_id(packed(address[0]), self.rng))
        node._address = KnownHost("0.0.0.0", address[1])  # it does not know where others see it
        node.protocol.connection_made(_Cable(self, address, node.protocol))
        node.protocol.requests.round_trips.add(0.0001)
        node.healing.start()
        self._receivers[address] = node.protocol.datagram_received
        self._nodes.append(node)
        return node

    def nodes(self, count: int, **more: Any) -> list[PeerNode]:
        """Several, who all know each other, each in another network."""
        nodes = [self.node((f"10.{number >> 8}.{number & 255}.1", 7000), **more) for number in range(count)]
        for one in nodes:
            for other in nodes:
                introduce(one, other)
        return nodes

    def stranger(self, address: Address, answer: Callable[[str, list[Any]], Any]) -> None:
        """Somebody who answers calls as `answer` says: a value, or None for silence."""

        def receive(datagram: bytes, sender: Address) -> None:
            if datagram[0] == 0:
                name, args = umsgpack.unpackb(datagram[21:])
                value = answer(name, args)
                if value is not None:
                    self.send(b"\x01" + datagram[1:21] + umsgpack.packb(value), address, sender)

        self._receivers[address] = receive

    def kill(self, node: PeerNode) -> None:
        """Switch a node off, without a word."""
        del self._receivers[address_of(node)]

    def send(self, datagram: bytes, source: Address, target: Address) -> None:
        """Let a datagram travel, unless its sender is dead."""
        if source not in self._receivers:
            return
        if datagram[0] == 0:
            self.calls[umsgpack.unpackb(datagram[21:])[0]] += 1
        asyncio.get_running_loop().call_soon(self._deliver, datagram, source, target)

    async def aclose(self) -> None:
        for node in self._nodes:
            node.close()
            await node.closed()

    def _deliver(self, datagram: bytes, source: Address, target: Address) -> None:
        if target in self._receivers:
            self._receivers[target](datagram, source)


class _Cable(asyncio.DatagramTransport):
    def __init__(self, internet: Internet, address: Address, protocol: PeerProtocol) -> None:
        super().__init__({"sockname": address})
        self._internet, self._address, self._protocol = internet, address, protocol

    def sendto(self, data: Any, addr: Any = None) -> None:
        self._internet.send(data, self._address, addr)

    def close(self) -> None:
        asyncio.get_running_loop().call_soon(self._protocol.connection_lost, None)


def address_of(node: PeerNode) -> Address:
    assert node.protocol.transport is not None
    address: Address = node.protocol.transport.get_extra_info("sockname")
    return address


def introduce(one: PeerNode, other: PeerNode) -> None:
    """Let `one` know `other`, without comparing what they hold."""
    if one is not other:
        one.protocol.router.add(other.protocol.node_id, address_of(other), plain=False)


def hold(node: PeerNode, key: bytes, *numbers: int) -> list[KnownHost]:
    """Let a node hold peers: the same number is the same announcement everywhere."""
    peers = [KnownHost(f"30.0.{number >> 8}.{number & 255}", 6881) for number in numbers]
    for number, peer in zip(numbers, peers, strict=True):
        secret = number.to_bytes(16, "big")
        assert node.protocol.peers.announce(
            key, pack_endpoint(peer), commit(secret), 1_000, packed("20.0.0.1")
        )
    return peers


def held(node: PeerNode, key: bytes) -> int:
    """How many peers a node hands out."""
    page, _ = node.protocol.peers.peers(key, 0, 1 << 30)
    return len(page) // 7


async def crawl(node: PeerNode, key: bytes, quorum: int = 20) -> list[Candidate]:
    """The nodes closest to `key`."""
    crawl = Crawl(node.protocol, key, quorum=quorum)
    crawl.start()
    return await crawl.done


async def find(node: PeerNode, key: bytes) -> list[KnownHost]:
    """The peers that a lookup finds."""
    found: list[bytes] = []
    crawl = PeerCrawl(node.protocol, key, on_peers=found.extend)
    crawl.start()
    await crawl.done
    return list(map(unpack_endpoint, found))
