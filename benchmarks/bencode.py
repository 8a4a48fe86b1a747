"""What strictness costs and gains: our bencode beside the libraries bencode2 and fastbencode.

    pip install bencode2 fastbencode libtorrent
    python benchmarks/bencode.py

Prints, for each, the microseconds per message (alternated, median of the rounds), what it refuses of
the sloppy messages that BitTorrent clients accept from each other, and what it refuses of the
datagrams that a swarm of real libtorrent nodes sends on loopback.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bencode2
import fastbencode
from bitboot_btdht.testnet import Testnet
from bitboot_btdht.wire import bencode

sys.path.insert(0, str(Path(__file__).parents[1]))
from plugins.bitboot_btdht.tests.libtorrent_swarm import Swarm

ROUNDS, CALLS = 15, 2_000

CODECS: dict[str, tuple[Callable[[Any], bytes], Callable[[bytes], Any]]] = {
    "ours": (bencode.encode, bencode.decode),
    "bencode2": (bencode2.bencode, bencode2.bdecode),
    "fastbencode": (fastbencode.bencode, fastbencode.bdecode),
}

QUERY = {
    b"a": {b"id": b"x" * 20, b"info_hash": b"y" * 20},
    b"q": b"get_peers",
    b"t": b"abcd",
    b"v": b"LT01",
    b"y": b"q",
}
REPLY = {
    b"ip": b"abcdef",
    b"r": {b"id": b"x" * 20, b"nodes": b"n" * 208, b"token": b"12345678", b"values": [b"abcdef"] * 30},
    b"t": b"abcd",
    b"y": b"r",
}
SLOPPY = {
    "keys out of order": b"d1:y1:q1:t2:aae",
    "bytes behind the end": b"d1:t2:aae\r\n",
    "a key twice": b"d1:t2:aa1:t2:bbe",
    "leading zeros": b"d1:ti01ee",
}


def microseconds(function: Callable[[Any], Any], argument: Any) -> float:
    """The time of one call, in microseconds."""
    started = time.perf_counter()
    for _ in range(CALLS):
        function(argument)
    return (time.perf_counter() - started) / CALLS * 1e6


def accepts(decode: Callable[[bytes], Any], data: bytes) -> bool:
    """Whether a decoder reads the message."""
    try:
        decode(data)
    except ValueError:
        return False
    return True


async def libtorrent_datagrams() -> list[bytes]:
    """What libtorrent nodes send to ours while they join, announce and look up."""
    datagrams: list[bytes] = []
    async with Testnet(8) as testnet:
        for node in testnet.nodes:
            receive = node.receive

            def record(datagram: bytes, address: bytes, now: float, receive: Any = receive) -> None:
                if not address.endswith(ours):
                    datagrams.append(datagram)
                receive(datagram, address, now)

            node.receive = record  # type: ignore[method-assign]
        ours = tuple(contact.port.to_bytes(2, "big") for contact in testnet.addresses)
        swarm = await asyncio.to_thread(Swarm, 8)
        try:
            for session in swarm.sessions:
                session.know(testnet.bootstrap)
            await asyncio.to_thread(swarm.announce, b"k" * 20, range(7000, 7008))
            for session in swarm.sessions:
                await asyncio.to_thread(session.get_peers, b"k" * 20, {("127.0.0.1", 7000)}, 5.0)
        finally:
            await asyncio.to_thread(swarm.close)
    return datagrams


def main() -> None:
    """Measure, and print the table."""
    print(f"{'microseconds':<26}" + "".join(f"{name:>14}" for name in CODECS))
    for title, message in (("query", QUERY), ("reply with 30 peers", REPLY)):
        for verb, place, argument in (("write", 0, message), ("read", 1, bencode.encode(message))):
            rounds = [
                [microseconds(codec[place], argument) for codec in CODECS.values()] for _ in range(ROUNDS)
            ]
            medians = [statistics.median(column) for column in zip(*rounds, strict=True)]
            print(f"{verb + ' a ' + title:<26}" + "".join(f"{median:>14.2f}" for median in medians))
    for title, data in SLOPPY.items():
        verdicts = ["reads" if accepts(decode, data) else "refuses" for _, decode in CODECS.values()]
        print(f"{title:<26}" + "".join(f"{verdict:>14}" for verdict in verdicts))
    datagrams = asyncio.run(libtorrent_datagrams())
    refused = [sum(not accepts(decode, data) for data in datagrams) for _, decode in CODECS.values()]
    title = f"refused of {len(datagrams)} by lt"
    print(f"{title:<26}" + "".join(f"{count:>14}" for count in refused))


if __name__ == "__main__":
    main()
