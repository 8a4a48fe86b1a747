"""Watch what passes this host: the largest UDP datagram of each sender, and whether any came in fragments.

capture.py FILE writes JSON, anew every second and at SIGTERM:
{ADDRESS: {"largest": BYTES OF PAYLOAD, "fragments": NUMBER, "datagrams": NUMBER}}.
"""

from __future__ import annotations

import json
import signal
import socket
import struct
import sys
import time
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path

# From linux/if_packet.h and linux/if_ether.h; Python's socket module does not have them.
SOL_PACKET = 263
PACKET_IGNORE_OUTGOING = 23
ETH_P_ALL = 3

UDP = 17
IPV6_FRAGMENT = 44


def read_ipv4(packet: bytes) -> tuple[bytes, int, bool] | None:
    """Sender, bytes of UDP payload (0: a later fragment) and whether it is a fragment."""
    if packet[9] != UDP:
        return None
    flags = struct.unpack_from("!H", packet, 6)[0]
    header = (packet[0] & 15) * 4
    size = 0 if flags & 0x1FFF else struct.unpack_from("!H", packet, header + 4)[0] - 8
    return packet[12:16], size, bool(flags & 0x3FFF)


def read_ipv6(packet: bytes) -> tuple[bytes, int, bool] | None:
    """The same."""
    if packet[6] == UDP:
        return packet[8:24], struct.unpack_from("!H", packet, 44)[0] - 8, False
    if packet[6] == IPV6_FRAGMENT and packet[40] == UDP:
        return packet[8:24], 0, True
    return None


def frames() -> Iterator[tuple[bytes, int, bool]]:
    """What comes in at any of this host's devices, for ever."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL)) as everything:
        everything.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        everything.settimeout(1)
        while True:
            try:
                packet, (_, protocol, *_) = everything.recvfrom(70_000)
            except TimeoutError:
                yield b"", 0, False
                continue
            seen = {0x0800: read_ipv4, 0x86DD: read_ipv6}.get(protocol, lambda _: None)(packet)
            if seen is not None:
                yield seen


def main(path: str) -> None:
    """Watch until SIGTERM."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    senders: dict[bytes, list[int]] = {}
    written = 0.0
    try:
        for sender, size, is_fragment in frames():
            if sender:
                seen = senders.setdefault(sender, [0, 0, 0])
                seen[0] = max(seen[0], size)
                seen[1] += is_fragment
                seen[2] += 1
            if time.monotonic() > written + 1:
                write(path, senders)
                written = time.monotonic()
    finally:
        write(path, senders)


def write(path: str, senders: dict[bytes, list[int]]) -> None:
    """Replace the file whole."""
    names = ("largest", "fragments", "datagrams")
    report = {
        str(ip_address(sender)): dict(zip(names, seen, strict=True)) for sender, seen in senders.items()
    }
    Path(path + ".new").write_text(json.dumps(report))
    Path(path + ".new").replace(path)


if __name__ == "__main__":
    main(*sys.argv[1:])
