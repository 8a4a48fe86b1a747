"""Call somebody as a stranger: call.py ADDRESS PORT SECONDS. Prints the transports that echo in time."""

from __future__ import annotations

import contextlib
import socket
import sys


def main(address: str, port: str, seconds: str) -> None:
    """Over TCP, then over UDP."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    for name, kind in (("tcp", socket.SOCK_STREAM), ("udp", socket.SOCK_DGRAM)):
        with contextlib.suppress(OSError), socket.socket(family, kind) as caller:
            caller.settimeout(float(seconds))
            caller.connect((address, int(port)))
            caller.send(b"hello")
            if caller.recv(100) == b"hello":
                print(name)


if __name__ == "__main__":
    main(*sys.argv[1:])
