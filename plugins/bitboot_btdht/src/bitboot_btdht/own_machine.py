"""What the node wants to know of this machine's addresses (`server.serving.Machine`), asked of the system."""

from __future__ import annotations

from bitboot_core import KnownHost
from bitboot_core.aio.udp import is_own_address, outward_address

from .wire import compact


class OwnMachine:
    """`listen`: where the node listens. On an address of its own choice it writes from that one."""

    def __init__(self, listen: KnownHost | None) -> None:
        self._chosen = None if listen is None or listen.is_any or listen.family is None else listen

    def outward(self, family: int) -> bytes | None:
        """The IP address from which the node writes to the internet; None where there is no way."""
        chosen = self._chosen
        host = outward_address(family) if chosen is None else chosen.host if chosen.family == family else None
        if host is None:
            return None
        ip = compact.pack(host, 0)[:-2]
        return None if compact.scope(ip) == "loopback" else ip

    def has(self, ip: bytes) -> bool:
        """Whether an IP address belongs to this machine."""
        return is_own_address(compact.unpack(ip + b"\0\0")[0])
