"""Sockets of a multicast group: one to listen on an interface, one to send from an address."""

from __future__ import annotations

import contextlib
import socket
import struct
import sys

from bitboot_core.aio.udp import open_socket

from .interfaces import Address

HOPS = 1
"""A message goes no further than the network that it is sent on: whoever is beyond does not count."""

_ONLY_OWN_GROUPS = {4: (socket.IPPROTO_IP, 49), 6: (socket.IPPROTO_IPV6, 29)}
"""IP_MULTICAST_ALL (ip(7)) and IPV6_MULTICAST_ALL (Linux 4.20): off, a socket hears what it joined itself,
and not what any program on this machine did. Python has no names for them."""


def open_listener(address: Address, group: str, port: int) -> socket.socket:
    """A socket that hears the group on the interface of an address, beside other programs. Raises OSError."""
    is_ipv6 = address.family == 6
    sock = socket.socket(socket.AF_INET6 if is_ipv6 else socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        if is_ipv6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(socket, "SO_REUSEPORT"):  # BSD and macOS want both
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if sys.platform == "linux":
            with contextlib.suppress(OSError):
                sock.setsockopt(*_ONLY_OWN_GROUPS[address.family], 0)
        sock.bind(("::", port) if is_ipv6 else ("", port))
        if is_ipv6:
            joined = socket.inet_pton(socket.AF_INET6, group) + struct.pack("@I", address.interface)
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, joined)
        else:
            joined = socket.inet_aton(group) + socket.inet_aton(address.host)
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, joined)
    except BaseException:
        sock.close()
        raise
    return sock


def open_sender(address: Address) -> socket.socket:
    """A socket whose datagrams to a group leave from an address, on its interface. Raises OSError.

    Where a datagram comes from is what it announces: one socket for all addresses of an interface would
    always announce the first of them.
    """
    is_ipv6 = address.family == 6
    host = f"{address.host}%{address.interface}" if is_ipv6 and address.is_link_local else address.host
    sock = open_socket(address.family, host, 0)
    try:
        if is_ipv6:
            number = struct.pack("@I", address.interface)
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, number)
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, HOPS)
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_LOOP, 1)
        else:
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(address.host))
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, HOPS)
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 1)
    except BaseException:
        sock.close()
        raise
    return sock
