"""Whom something is counted for: the host at the other end, and its network.

A host has as many peer ids as it likes, and a machine as many hosts. So a network counts first, and in it
each host by itself. `bitboot_core.aio.limits.Shares` has networks of 6 bytes and sources of 8, which is how
it sees an IPv6 address; a share is made to look like one.
"""

from __future__ import annotations

import hashlib

from bitboot_core.aio.limits import network_of, packed, source_of

_NETWORK_BYTES, _HOST_BYTES = 6, 2


class Share(bytes):
    """16 bytes, of which the first 6 are the network and the next 2 the host."""

    @property
    def network(self) -> bytes:
        """A number for the network."""
        return self[:_NETWORK_BYTES]


def share_of(ip: str, peer: bytes) -> Share:
    """The share of the host with this peer id at this IP address. Raises ValueError where that is none."""
    address = packed(ip)
    network = hashlib.sha256(network_of(address)).digest()[:_NETWORK_BYTES]
    host = hashlib.sha256(source_of(address) + peer).digest()[:_HOST_BYTES]
    return Share((network + host).ljust(16, b"\x00"))


HERE = Share(16)
"""What we keep for ourselves."""
