"""Stores filled by a few addresses, with the clock and the network handed in. Are newcomers kept?"""

from __future__ import annotations

import asyncio
import os
import socket
from typing import Any

import umsgpack
from bitboot_kademlia.acquaintance import NodeSetup
from bitboot_kademlia.protocol import PeerProtocol
from bitboot_kademlia.settings import Settings
from bitboot_kademlia.storage import commit
from bitboot_kademlia.wire import pack_endpoint

from bitboot_core import KnownHost

from .namespace import say

NEWCOMERS = 100


class Wire(asyncio.DatagramTransport):
    """A socket that goes nowhere: the last datagrams sent are kept."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[bytes] = []

    def sendto(self, data: Any, addr: Any = None) -> None:
        """Keep it."""
        self.sent.append(data)

    def close(self) -> None:
        """Nothing is open."""


class Target:
    """A node, and a clock that moves a little with each call."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.wire = Wire()
        self.protocol = PeerProtocol(NodeSetup(os.urandom(20), 4, Settings(), lambda: self.now))
        self.protocol.connection_made(self.wire)

    def call(self, host: str, name: str, *args: Any) -> Any:
        """The answer to a call from there, None where there is none. Its greetings are not answered."""
        self.now += 0.02
        message_id = os.urandom(20)
        self.wire.sent.clear()
        self.protocol.datagram_received(
            b"\x00" + message_id + umsgpack.packb([name, list(args)]), (host, 7000)
        )
        for datagram in self.wire.sent:
            if datagram[:21] == b"\x01" + message_id:
                return umsgpack.unpackb(datagram[21:])
        return None

    def announce(self, host: str, key: bytes) -> bool:
        """Ask for a token, and announce a peer."""
        answer = self.call(host, "find_peers", b"", key, 0)
        if answer is None:
            return False
        args = (b"", key, "", 6881, 7_200, answer[1], commit(os.urandom(16)))
        return bool(self.call(host, "announce", *args))


async def run() -> None:
    """Peers under as many keys as there may be, and values."""
    for where, hosts in (
        ("4 addresses", [f"66.{number}.0.1" for number in range(4)]),
        ("250 addresses of one /24", [f"66.6.6.{number}" for number in range(250)]),
    ):
        target = Target()
        for number in range(20_000):
            target.announce(hosts[number % len(hosts)], os.urandom(20) if number % 4 == 0 else bytes(20))
        kept = sum(target.announce(f"20.{number}.0.1", os.urandom(20)) for number in range(NEWCOMERS))
        say(
            f"{where} fill the store: newcomers kept",
            f"{kept} of {NEWCOMERS}",
            "all",
            reached=kept == NEWCOMERS,
        )
    target = Target()
    for number in range(600):
        target.call(f"66.{number % 250}.{number // 250}.1", "store", os.urandom(20), os.urandom(20), 1)
    forged = len(target.protocol.storage)
    say("values kept of 600 forged `store` calls", f"{forged}", "none", reached=not forged)


def fill(protocol: Any, *, keys: int) -> None:
    """Let a node hold peers under so many keys, from as many networks, and a few hundred under one."""
    for number in range(keys + 300):
        key = os.urandom(20) if number < keys else b"k" * 20
        host = f"20.{number >> 8 & 255}.{number & 255}.9"
        args = key, pack_endpoint(KnownHost(host, 6881)), os.urandom(16), 7_200
        try:
            protocol.peers.announce(*args, socket.inet_aton(host))
        except ValueError:  # 0.1 takes text
            protocol.peers.announce(*args, host)
