"""A STUN server: stun.py PORT. Tells who asks from where it was asked (RFC 8489: binding requests, UDP)."""

from __future__ import annotations

import ipaddress
import socket
import struct
import sys

COOKIE = 0x2112A442
XOR_MAPPED_ADDRESS = 0x0020


def main(port: str) -> None:
    """Answer for ever."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("0.0.0.0", int(port)))
        while True:
            request, (host, from_port) = server.recvfrom(1500)
            if len(request) < 20 or struct.unpack_from("!HHI", request)[::2] != (1, COOKIE):
                continue
            ip = int(ipaddress.IPv4Address(host)) ^ COOKIE
            value = struct.pack("!BBHI", 0, 1, from_port ^ (COOKIE >> 16), ip)
            attribute = struct.pack("!HH", XOR_MAPPED_ADDRESS, len(value)) + value
            head = struct.pack("!HHI", 0x0101, len(attribute), COOKIE) + request[8:20]
            server.sendto(head + attribute, (host, from_port))


if __name__ == "__main__":
    main(sys.argv[1])
