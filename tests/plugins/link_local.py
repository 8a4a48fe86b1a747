"""Run on a host with two links, of tests/two_links.py: nodes of a backend meet by link-local addresses."""

from __future__ import annotations

import asyncio
import sys

from bitboot_btdht.backend import MainlineBackend
from bitboot_kademlia.backend import KademliaBackend

from bitboot_core import Backend, BackendConfig, KnownHost

BACKENDS: dict[str, type[MainlineBackend | KademliaBackend]] = {
    "btdht": MainlineBackend,
    "kademlia": KademliaBackend,
}


def backend(name: str, host: str) -> Backend:
    return BACKENDS[name](BackendConfig(network="test", protocol="test", listen=KnownHost(host, 0)))


async def main(name: str) -> None:
    at_a, at_b, middle = (backend(name, host) for host in ("fe80::a1%a1", "fe80::b1%b1", "::"))
    for one in (at_a, at_b, middle):
        await one.start()
    assert at_a.address is not None
    assert at_b.address is not None
    contacts = [KnownHost("fe80::a1%a0", at_a.address.port), KnownHost("fe80::b1%b0", at_b.address.port)]
    async with asyncio.timeout(30):
        assert await middle.bootstrap(contacts[:1]) == 1
        assert await middle.bootstrap(contacts[1:]) == 1
    known = middle.contacts()
    assert set(known) == set(contacts), known
    for one in (at_a, at_b, middle):
        await one.aclose()
    print("met")


asyncio.run(main(sys.argv[1]))
