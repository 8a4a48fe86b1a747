"""What is asked of the operating system, in one place, so that tests can have another one."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from .interfaces import Address, look
from .multicast import open_listener


@dataclass(frozen=True, slots=True)
class System:
    """The functions of this machine.

    `look`: all its addresses. `open_listener(address, group, port)`: a socket that hears the group on the
    interface of an address. `send(socket, datagram, target)`. All may raise OSError.
    """

    look: Callable[[], Sequence[Address]] = look
    open_listener: Callable[[Address, str, int], socket.socket] = open_listener
    send: Callable[[socket.socket, bytes, tuple[str, int]], object] = field(default=socket.socket.sendto)
