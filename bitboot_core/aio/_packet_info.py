"""Which of this machine's addresses a datagram was sent to, and how to answer from that address.

A socket that listens on every address would answer from whichever the routing table prefers, and whoever
asked throws away an answer from an address that it did not ask. The kernel tells, and obeys, in control
messages: IP_PKTINFO (ip(7)) and IPV6_PKTINFO (RFC 3542, section 6). Windows has them too, but Python has
no `recvmsg` there.
"""

from __future__ import annotations

import socket
import struct
import sys

ControlMessages = list[tuple[int, int, bytes]]
"""What `recvmsg` returns and `sendmsg` takes: (level, type, data)."""

_IP_PKTINFO = getattr(socket, "IP_PKTINFO", {"linux": 8, "android": 8, "darwin": 26}.get(sys.platform))
_IPV6_PKTINFO = getattr(socket, "IPV6_PKTINFO", None)
_IPV6_RECVPKTINFO = getattr(socket, "IPV6_RECVPKTINFO", None)

_IN_PKTINFO = struct.Struct("=I4s4s")
"""struct in_pktinfo: interface, our address, the destination in the header."""

_IN6_PKTINFO = struct.Struct("=16sI")
"""struct in6_pktinfo: the destination in the header, interface."""

CONTROL_BYTES = 128
"""Room for the control messages of one datagram."""

_MAX_KNOWN = 256
"""Our addresses kept in mind with their answers. A machine may own a whole /64 (AnyIP)."""


class PacketInfo:
    """For one socket that listens on every address: what to send with an answer."""

    def __init__(self, level: int, kind: int) -> None:
        self._level, self._kind = level, kind
        self._known: dict[tuple[int, int, bytes], ControlMessages | None] = {}

    @classmethod
    def enable(cls, sock: socket.socket) -> PacketInfo | None:
        """Have the kernel tell. None where it, or this Python, cannot."""
        if not (hasattr(sock, "recvmsg") and hasattr(sock, "sendmsg")):
            return None
        is_ipv6 = sock.family == socket.AF_INET6
        level = socket.IPPROTO_IPV6 if is_ipv6 else socket.IPPROTO_IP
        option, kind = (_IPV6_RECVPKTINFO, _IPV6_PKTINFO) if is_ipv6 else (_IP_PKTINFO, _IP_PKTINFO)
        if option is None or kind is None:
            return None
        try:
            sock.setsockopt(level, option, 1)
        except OSError:
            return None
        return cls(level, kind)

    def answering(self, received: ControlMessages) -> ControlMessages | None:
        """What to send with the answer to a datagram that came with `received`. Equal ones are identical.

        None where nothing is to be sent with it: it came to a group, or nobody knows where to.
        """
        for message in received:
            if message in self._known:
                return self._known[message]
            level, kind, data = message
            if kind == self._kind and level == self._level:
                if len(self._known) >= _MAX_KNOWN:
                    self._known.clear()
                answer = self._known[message] = self._answering(data)
                return answer
        return None

    def _answering(self, data: bytes) -> ControlMessages | None:
        if self._level == socket.IPPROTO_IPV6:
            if len(data) != _IN6_PKTINFO.size:
                return None
            destination, interface = _IN6_PKTINFO.unpack(data)
            if destination[0] == 0xFF:  # multicast
                return None
            is_link_local = destination[0] == 0xFE and destination[1] & 0xC0 == 0x80
            # The interface only where the address needs one: the way back may be another than the way in.
            packed = _IN6_PKTINFO.pack(destination, interface if is_link_local else 0)
        else:
            if len(data) != _IN_PKTINFO.size:
                return None
            _, ours, destination = _IN_PKTINFO.unpack(data)
            if 224 <= destination[0] < 240 or destination == b"\xff\xff\xff\xff":
                return None
            # Linux tells which of our addresses is meant, also by a broadcast; macOS the interface's.
            packed = _IN_PKTINFO.pack(0, ours if sys.platform != "darwin" else destination, bytes(4))
        return [(self._level, self._kind, packed)]
