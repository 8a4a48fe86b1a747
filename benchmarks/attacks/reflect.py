"""Calls in a victim's name: how much more it is sent than the attacker sends, and how much in a second."""

from __future__ import annotations

import asyncio
import os
import time
from typing import Any

import umsgpack

from .namespace import say
from .stores import fill
from .strangers import Stranger, node

KEY, ID = b"k" * 20, b"i" * 20
CALLS: list[tuple[str, list[Any]]] = [
    ("hello", [ID]),
    ("find_node", [ID, KEY]),
    ("find_value", [ID, KEY]),
    ("find_peers", [ID, KEY, 0]),
    ("keys", [ID, b""]),
    ("records", [ID, KEY, 0]),
]
TARGET = "20.0.0.1", 7000
FEW, SECONDS, RATE = 10, 5, 5_000


async def run() -> None:
    """Each call by itself, from an address that nobody has heard of."""
    async with node("20.0.0.1") as target:
        protocol = target.nodes[4].protocol
        fill(protocol, keys=2_000)
        for number in range(250):
            protocol.learn(os.urandom(20), (f"20.1.{number}.1", 7000), plain=False)
        worst = 0.0
        for place, (name, args) in enumerate(CALLS):
            victim = await Stranger.at((f"66.{place}.0.1", 7000))
            for _ in range(FEW):
                victim.send(TARGET, name, *args)
            await asyncio.sleep(2)
            factor = victim.bytes / (FEW * (21 + len(umsgpack.packb([name, args]))))
            say(f"{name}: sent to the victim", f"{factor:.1f} times what came")
            worst = max(worst, factor)
            victim.transport.close()
        say("at most", f"{worst:.1f} times", "3 times", reached=worst <= 3)
        for where, hosts in (
            ("one address", ["66.66.6.6"] * 100),
            ("one /24", [f"66.67.6.{number}" for number in range(250)]),
        ):
            speed = max([await _flood(hosts, name, args) for name, args in CALLS])
            say(f"sent to {where}", f"{speed:,.0f} kB/s", "50 kB/s", reached=speed <= 50)


async def _flood(hosts: list[str], name: str, args: list[Any]) -> float:
    """From the victims' own sockets, as a forged datagram looks no different; what they get in kB/s."""
    victims = [await Stranger.at((host, 0)) for host in hosts]
    before, sent = time.perf_counter(), 0
    while (elapsed := time.perf_counter() - before) < SECONDS:
        while sent < elapsed * RATE:
            victims[sent % len(victims)].send(TARGET, name, *args)
            sent += 1
            if sent % 50 == 0:
                await asyncio.sleep(0)
        await asyncio.sleep(0.001)
    got = sum(victim.bytes for victim in victims) / (time.perf_counter() - before) / 1000
    for victim in victims:
        victim.transport.close()
    return got
