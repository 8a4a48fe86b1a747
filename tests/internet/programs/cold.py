"""A program that begins with nothing but contacts that were kept: it looks a swarm up, and ends.

cold.py trips PLACE...: the seconds that each DHT node at ADDRESS:PORT takes to answer a ping; null: none.
cold.py find FOLDER SWARM: seconds until a BitBoot is open, its lookup's first peer, and the end of all.
Both print JSON.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
import time

from bitboot_core import BitBoot, KnownHost

PAUSE = 0.02
LIMIT = 2.0


def trips(places: list[str]) -> list[float | None]:
    """Ping each in turn (BEP 5), from one socket: a round trip takes as long as the next one's start."""
    took: list[float | None] = []
    query = b"d1:ad2:id20:" + os.urandom(20) + b"2:roi1ee1:q4:ping1:t2:aa1:y1:qe"
    for place in places:
        host = KnownHost.parse(place)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
            asker.settimeout(LIMIT)
            asker.connect((host.host, host.port))
            began = time.perf_counter()
            asker.send(query)
            try:
                asker.recv(2000)
            except OSError:
                took.append(None)
            else:
                took.append(time.perf_counter() - began)
        time.sleep(PAUSE)
    return took


async def find(folder: str, swarm: str) -> dict[str, object]:
    """One lookup, as `bitboot lookup` makes it: it does not wait for the network to be reached."""
    began = time.perf_counter()
    first, peers = None, []
    async with BitBoot(network="mainline", state_dir=folder) as bitboot:
        opened = time.perf_counter() - began
        async with bitboot.find(swarm) as found:
            async for peer in found:
                if first is None:
                    first = time.perf_counter() - began
                peers.append(f"{peer.host}:{peer.port}")
        whole = time.perf_counter() - began
    return {"opened": opened, "first": first, "whole": whole, "peers": sorted(peers)}


def main(what: str, *words: str) -> None:
    """Do it."""
    result = trips(list(words)) if what == "trips" else asyncio.run(find(*words))
    print(json.dumps(result))


if __name__ == "__main__":
    main(*sys.argv[1:])
