"""Ping a DHT node (BEP 5) from a fresh port, as a stranger: ping.py ADDRESS PORT. Exit status 0: it answered.

Only an answer from the address that was asked counts: the socket is connected.
"""

from __future__ import annotations

import os
import socket
import sys


def main(address: str, port: str) -> int:
    """Ask twice: one datagram may be lost."""
    query = b"d1:ad2:id20:" + os.urandom(20) + b"e1:q4:ping1:t2:aa1:y1:qe"
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as asker:
        asker.settimeout(1)
        asker.connect((address, int(port)))
        for _ in range(2):
            try:
                asker.send(query)
                asker.recv(2000)
            except OSError:
                continue
            print("answered")
            return 0
    print("silent")
    return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
