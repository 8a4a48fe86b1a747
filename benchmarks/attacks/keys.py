"""10,000 small datagrams a second that ask for lists of keys, from many addresses. Are honest calls answered?

The node holds 4,000 keys. The attacker is another process, the honest callers are others again.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import time

import umsgpack

from .namespace import say
from .stores import fill
from .strangers import Stranger, node

RATE, SECONDS, CALLS, SOURCES = 10_000, 10, 200, 200
TARGET = ("20.0.0.1", 7000)


async def run() -> None:
    """As above."""
    async with node(TARGET[0]) as target:
        fill(target.nodes[4].protocol, keys=4_000)
        attacker = await _child("attack")
        await asyncio.sleep(0.5)
        honest = await _child("ask")
        answered = int((await honest.communicate())[0])
        received = target.stats()["received"]
        sent = int((await attacker.communicate())[0])
        say("datagrams a second that the attacker sent", f"{sent / SECONDS:,.0f}")
        say("datagrams that the node read", f"{received:,}")
        share = 100 * answered / CALLS
        say(
            "honest calls of newcomers answered within a second",
            f"{share:.0f} %",
            "90 %",
            reached=share >= 90,
        )


async def _child(part: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.attacks.keys", part, stdout=asyncio.subprocess.PIPE
    )


def attack() -> int:
    """Send; how many datagrams."""
    sockets = []
    for number in range(SOURCES):
        sockets.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        sockets[-1].bind((f"66.{number}.0.1", 7000))
        sockets[-1].setblocking(False)
    call = umsgpack.packb(["keys", [os.urandom(20), b""]])
    before, sent = time.perf_counter(), 0
    while (elapsed := time.perf_counter() - before) < SECONDS:
        while sent < elapsed * RATE:
            sockets[sent % SOURCES].sendto(b"\x00" + sent.to_bytes(20, "big") + call, TARGET)
            sent += 1
        time.sleep(0.001)
    return sent


async def ask() -> int:
    """Calls of nodes that are new here, evenly in the time; how many are answered."""
    answered = 0
    for number in range(CALLS):
        caller = await Stranger.at((f"20.2.{number % 250}.1", 7000 + number))
        reply = await caller.call(TARGET, "find_peers", b"", os.urandom(20), 0)
        answered += reply is not None
        caller.transport.close()
        await asyncio.sleep((SECONDS - 2) / CALLS / 2)
    return answered


if __name__ == "__main__":
    print(attack() if sys.argv[1] == "attack" else asyncio.run(ask()))
