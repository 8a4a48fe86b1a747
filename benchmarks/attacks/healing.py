"""Three liars whose lists of keys and records never end. How long does a node go on to ask them?"""

from __future__ import annotations

import asyncio
import os
import time
from typing import Any

from .namespace import say
from .strangers import Stranger, node

SECONDS = 20


async def run() -> None:
    """In the first seconds, and from then on."""
    async with node("20.0.0.1") as target:
        address = "20.0.0.1", 7000
        liars = []
        for number in range(3):
            node_id = os.urandom(20)
            liars.append(await Stranger.at((f"66.{number}.0.1", 7000), _lies(node_id)))
            liars[-1].send(address, "hello", node_id)
        counts = []
        began = time.perf_counter()
        for second in range(1, SECONDS + 1):
            await asyncio.sleep(max(0.0, began + second - time.perf_counter()))
            counts.append(sum(liar.calls for liar in liars))
        first, last = counts[4], (counts[-1] - counts[-6]) / 5
        say("requests to three liars in the first 5 seconds", f"{first:,}")
        say(f"requests a second after {SECONDS} seconds", f"{last:,.1f}", "an end", reached=last < 1)
        say("contacts still known", f"{target.stats()['contacts']}")


def _lies(node_id: bytes) -> Any:
    def lie(name: str, args: list[Any]) -> Any:
        if name in {"hello", "ping"}:
            return node_id
        if name == "find_peers":
            return [node_id, b"t" * 8, 0, 0, b"", b"", b""]
        if name == "keys":
            own = int.from_bytes(args[0], "big")
            last = int.from_bytes(args[1], "big") ^ own if args[1] else 0
            keys = [((last + step) ^ own).to_bytes(20, "big") for step in range(1, 41)]
            return [part for key in keys for part in (key, int.from_bytes(os.urandom(4), "big"))]
        return [b"", args[2] + 1] if name == "records" else None

    return lie
