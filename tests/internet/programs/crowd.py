"""Many strangers, each at an address of its own, announce themselves to some nodes (BEP 5).

crowd.py KEY COUNT NODE...: KEY in hex; the strangers are 11.0.0.1, 11.1.0.1, and so on; nodes listen on 6881.
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
import sys

PORT = 6881


def announce(key: bytes, address: str, node: str) -> None:
    """Ask for a token, and announce with it. Silence is taken as a refusal."""
    identity = b"d2:id20:" + os.urandom(20) + b"9:info_hash20:" + key
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker, contextlib.suppress(TimeoutError):
        asker.settimeout(1)
        asker.bind((address, PORT))
        asker.connect((node, PORT))
        asker.send(b"d1:a" + identity + b"e1:q9:get_peers1:t2:aa1:y1:qe")
        token = re.search(rb"5:token(\d+):", answer := _answer(asker, b"aa"))
        if token is None:
            return
        size = int(token[1])
        proof = b"5:token%d:" % size + answer[token.end() : token.end() + size]
        asker.send(b"d1:a" + identity + b"4:porti7000e" + proof + b"e1:q13:announce_peer1:t2:ab1:y1:qe")
        _answer(asker, b"ab")


def _answer(asker: socket.socket, transaction: bytes) -> bytes:
    """What comes for this transaction. A node may ping whoever asked, and that ping may come first."""
    while True:
        datagram = asker.recv(2000)
        if b"1:t2:" + transaction in datagram:
            return datagram


def main(key: str, count: str, *nodes: str) -> None:
    """Announce each stranger to each node."""
    for number in range(int(count)):
        for node in nodes:
            announce(bytes.fromhex(key), f"11.{number}.0.1", node)


if __name__ == "__main__":
    main(*sys.argv[1:])
