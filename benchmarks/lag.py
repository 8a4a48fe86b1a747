"""How late the user's own callbacks run while strangers send a node the worst that they can.

    python -m benchmarks.lag [--seconds S] [--rate N]

A node on loopback, and beside it, in a process of its own, somebody who sends it N datagrams a second
(2,000 unless told otherwise), of each of these kinds in turn. Prints the lag of a timer in the node's
loop, median and 99th percentile in milliseconds; 1 where a median is beyond 20 ms.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import subprocess
import sys

from bitboot_btdht.backend import MainlineBackend
from bitboot_btdht.settings import Settings
from bitboot_btdht.wire import krpc

from bitboot_core import BackendConfig, KnownHost

REQUIRED = 0.02
STEP = 0.005

SENDER = """
import socket, sys, time
port, rate, seconds = int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])
datagram = bytes.fromhex(sys.stdin.read())
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
began, sent = time.monotonic(), 0
while (passed := time.monotonic() - began) < seconds:
    while sent < passed * rate:
        sock.sendto(datagram, ("127.0.0.1", port))
        sent += 1
    time.sleep(0.001)
"""


def query(arguments: bytes) -> bytes:
    """A ping that carries something."""
    return b"d1:ad2:id20:" + b"x" * 20 + b"1:x" + arguments + b"e1:q4:ping1:t2:aa1:y1:qe"


KINDS = {
    "empty datagrams": b"",
    "plain get_peers": krpc.query(b"aa", b"get_peers", {b"id": b"x" * 20, b"info_hash": b"h" * 20}),
    "nested, 8 kB": query(b"l" + (b"l" * 29 + b"e" * 29) * 138 + b"e"),
    "lists, 8 kB": query(b"l" + b"le" * 4000 + b"e"),
    "lists, 1.5 kB": query(b"l" + b"le" * 700 + b"e"),
    "numbers, 1.5 kB": query(b"l" + b"i0e" * 470 + b"e"),
    "empty strings, 1.5 kB": query(b"l" + b"0:" * 700 + b"e"),
    "nested deep, 1.5 kB": b"l" * 1500,
}


def start_sender(port: int, datagram: bytes, rate: float, seconds: float) -> subprocess.Popen[str]:
    """A process that sends that to a port of loopback."""
    command = [sys.executable, "-c", SENDER, str(port), str(rate), str(seconds)]
    sender = subprocess.Popen(command, stdin=subprocess.PIPE, text=True)
    assert sender.stdin is not None
    sender.stdin.write(datagram.hex())
    sender.stdin.close()
    return sender


async def measure(datagram: bytes, rate: float, seconds: float) -> list[float]:
    """The lags of a timer of 5 ms, in seconds, while that comes in."""
    config = BackendConfig(network="lag", protocol="mainline", listen=KnownHost("127.0.0.1", 0))
    node = MainlineBackend(config, Settings())
    await node.start()
    sender = start_sender(node.address.port, datagram, rate, seconds)
    try:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(0.5)
        lags = []
        end = loop.time() + seconds - 1.0
        while (now := loop.time()) < end:
            await asyncio.sleep(STEP)
            lags.append(loop.time() - now - STEP)
        return lags
    finally:
        sender.kill()
        sender.wait()
        await node.aclose()


def main() -> int:
    """Measure, print; 1 where a median is beyond what is required."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lag", description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--rate", type=float, default=2000.0)
    arguments = parser.parse_args()
    holds = True
    for kind, datagram in KINDS.items():
        lags = asyncio.run(measure(datagram, arguments.rate, arguments.seconds))
        median = statistics.median(lags)
        worst = statistics.quantiles(lags, n=100)[-1]
        print(f"{kind:24} {1000 * median:8.1f} ms {1000 * worst:8.1f} ms", flush=True)
        holds = holds and median <= REQUIRED
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
