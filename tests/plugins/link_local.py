"""Run in a network namespace (`unshare -Urn`): nodes that meet by link-local addresses.

unshare -Urn python tests/plugins/link_local.py BACKEND
"""

from __future__ import annotations

import asyncio
import subprocess
import sys

from bitboot_btdht.backend import MainlineBackend
from bitboot_kademlia.backend import KademliaBackend

from bitboot_core import Backend, BackendConfig, KnownHost

SETUP = """
ip link set lo up
ip link add a0 type veth peer name a1
ip link add b0 type veth peer name b1
ip link set a0 addrgenmode none up
ip link set a1 addrgenmode none up
ip link set b0 addrgenmode none up
ip link set b1 addrgenmode none up
ip -6 addr add fe80::a0/64 dev a0 nodad
ip -6 addr add fe80::a1/64 dev a1 nodad
ip -6 addr add fe80::b0/64 dev b0 nodad
ip -6 addr add fe80::b1/64 dev b1 nodad
"""
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


for command in SETUP.strip().splitlines():
    subprocess.run(command.split(), check=True)
asyncio.run(main(sys.argv[1]))
