"""Twenty ids of the attacker's choice next to a key, on one address or in one /24. Is the key's peer found?

60 honest nodes, each in a network of its own; for each key the attackers first make themselves known to all
of them, then a peer is announced from one honest node and looked up from another. What the attackers answer:
each other, and a false peer, all the same one.
"""

from __future__ import annotations

import asyncio
import random
import socket
import struct
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

from bitboot_core import KnownHost

from .namespace import say
from .strangers import Stranger, node

NODES, LIARS, KEYS = 60, 20, 50


async def run() -> None:
    """Both ways, with ids next to the key and with ids that fit their addresses."""
    async with AsyncExitStack() as stack:
        nodes = [await stack.enter_async_context(node(f"20.{number}.0.1")) for number in range(NODES)]
        for one in nodes[1:]:
            await one.bootstrap([nodes[0].address])
        for where, hosts, least in (
            ("one address", ["66.6.6.6"] * LIARS, 99),
            ("one /24", [f"66.6.6.{number}" for number in range(LIARS)], 95),
        ):
            for how in ("any", "fitting"):
                found = [await _try(nodes, hosts, how, number) for number in range(KEYS)]
                share = 100 * sum(found) / KEYS
                what = f"{LIARS} {how} ids on {where}: lookups that find the peer"
                say(what, f"{share:.0f} %", f"{least} %", reached=share >= least)


async def _try(nodes: list[Any], hosts: list[str], how: str, number: int) -> bool:
    rng = random.Random(f"{hosts[1]} {how} {number}")
    key = rng.randbytes(20)
    liars: list[tuple[bytes, tuple[str, int]]] = [
        (_id(how, key, place, host, rng), (host, 9000 + place)) for place, host in enumerate(hosts)
    ]
    known = b"".join(one + socket.inet_aton(host) + struct.pack("!H", port) for one, (host, port) in liars)
    strangers = []
    for node_id, address in liars:
        answers = {
            "hello": node_id,
            "ping": node_id,
            "announce": 900,
            "keys": [],
            "records": [b"", 0],
            "find_peers": [node_id, b"t" * 8, 5, 0, b"\x04\x42\x06\x06\x06\x00\x07", known, b""],
        }
        strangers.append(await Stranger.at(address, partial(_answer, answers)))
        for one in nodes:
            strangers[-1].send((one.address.host, one.address.port), "hello", node_id)
        await asyncio.sleep(0)
    await asyncio.sleep(0.3)
    announcer, seeker = rng.sample(nodes, 2)
    peer = KnownHost("30.0.0.1", 6881)
    await announcer.announce(key, peer, lifetime=900)
    found = peer in [one async for one in seeker.lookup(key)]
    for stranger in strangers:
        stranger.transport.close()
    await asyncio.sleep(0)
    return found


def _answer(answers: dict[str, Any], name: str, args: list[Any]) -> Any:
    return answers.get(name)


def _id(how: str, key: bytes, place: int, host: str, rng: random.Random) -> bytes:
    if how == "any":
        return key[:16] + place.to_bytes(4, "big")
    from bitboot_kademlia.origins import bound_id  # noqa: PLC0415 - older versions have no such ids

    target = int.from_bytes(key, "big")
    made = [bound_id(socket.inet_aton(host), rng) for _ in range(64)]
    best = min(made, key=lambda one: int.from_bytes(one, "big") ^ target)
    return best[:3] + key[3:18] + bytes((place,)) + best[19:]
