"""Run on a host with several IPv6 addresses and two links: see tests/two_links.py."""

from __future__ import annotations

import asyncio

from bitboot_core import KnownHost
from bitboot_core.aio.udp import Address, UdpSocket, bind, open_socket


class Node:
    """Keeps what comes, and answers what ends in "?"."""

    def __init__(self, udp_of: str, port: int = 0) -> None:
        self.came: asyncio.Queue[tuple[bytes, Address]] = asyncio.Queue()
        self.udp = UdpSocket(open_socket(6, udp_of, port), self.receive)

    def receive(self, datagram: bytes, sender: Address) -> None:
        self.came.put_nowait((datagram, sender))
        if datagram.endswith(b"?"):
            self.udp.send(datagram[:-1] + b"!", sender)

    async def next(self) -> tuple[bytes, Address]:
        async with asyncio.timeout(10):
            return await self.came.get()


async def main() -> None:
    everywhere, asker = Node("::"), Node("fd00::1")
    port = everywhere.udp.address.port
    for host in ("fd00::1", "fd00::2", "::1"):
        asker.udp.send(b"hello?", (host, port))
        assert await asker.next() == (b"hello!", (host, port))
        await everywhere.next()
    print("addresses")

    # Contacts on two links: the zone of each is what it was given with, and answers find their way.
    at_a, at_b = Node("fe80::a1%a1"), Node("fe80::b1%b1")
    contacts = {
        KnownHost("fe80::a1%a0", at_a.udp.address.port): at_a,
        KnownHost("fe80::b1%b0", at_b.udp.address.port): at_b,
    }
    for contact in contacts:
        everywhere.udp.remember(contact)
    for contact in [*contacts, *contacts]:
        address = contact.host.partition("%")[0], contact.port
        assert everywhere.udp.known_host(address) == contact
        everywhere.udp.send(b"anybody?", address)
        assert await everywhere.next() == (b"anybody!", address)
        asked, sender = await contacts[contact].next()
        assert asked == b"anybody?"
        assert sender[1] == port
    print("links")

    # Whoever is asked on a link knows from then on where the asker is.
    (sock,) = (await bind(KnownHost("fe80::a0%a0", 0))).values()
    assert sock.getsockname()[0].partition("%")[0] == "fe80::a0"
    listening = UdpSocket(sock, lambda *_: None)
    assert listening.address == KnownHost("fe80::a0%a0", sock.getsockname()[1])
    await listening.aclose()
    print("listening")
    for node in (everywhere, asker, at_a, at_b):
        await node.udp.aclose()


asyncio.run(main())
