"""Ask DHT nodes whom they know (find_node, BEP 5), read-only (BEP 43): known.py OWN ADDRESS... Prints JSON.

{ADDRESS: [CONTACT, ...]}: all that a node at port 6881 hands out when asked for ids from all over. OWN: the
address of this host, which the asker's id fits (BEP 42).
"""

from __future__ import annotations

import json
import os
import random
import socket
import sys
import time

from bitboot_btdht.wire import compact, krpc
from bitboot_btdht.wire.node_id import id_for

PORT = 6881
ASKED = 32
"""Ids that each node is asked for: their first five bits are all different."""

PAUSE = 0.3
"""Seconds between two questions to one node, which bans who asks too much."""


def ask(nodes: socket.socket, address: str, number: int, own_id: bytes) -> set[str]:
    """The nodes closest to one id, as one node knows them."""
    target = bytes([number << 3]) + os.urandom(19)
    query = krpc.query(b"aa%d" % number, b"find_node", {b"id": own_id, b"target": target}, read_only=True)
    nodes.sendto(query, (address, PORT))
    try:
        answer, sender = nodes.recvfrom(2000)
    except TimeoutError:
        return set()
    message = krpc.parse(answer, compact.pack(*sender))
    if sender[0] != address or not isinstance(message, krpc.Response):
        return set()
    found = compact.unpack_nodes(message.values.get(b"nodes"), 4, 16)
    return {str(compact.known_host(contact)) for _, contact in found}


def main(own: str, *addresses: str) -> None:
    """Ask each of them, in turn."""
    known: dict[str, set[str]] = {address: set() for address in addresses}
    own_id = id_for(compact.pack(own, PORT)[:-2], random.SystemRandom())
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as nodes:
        nodes.settimeout(1)
        for number in range(ASKED):
            began = time.monotonic()
            for address in addresses:
                known[address] |= ask(nodes, address, number, own_id)
            time.sleep(max(0.0, began + PAUSE - time.monotonic()))
    print(json.dumps({address: sorted(found) for address, found in known.items()}))


if __name__ == "__main__":
    main(*sys.argv[1:])
