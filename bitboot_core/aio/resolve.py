"""Turning host names into addresses, without ever holding up the event loop or its end."""

from __future__ import annotations

import socket
from collections.abc import Iterable

from ..errors import BootstrapFailed, HostNotFound
from ..model import KnownHost
from .threads import in_thread

_FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}
_PERMANENT = {getattr(socket, name, None) for name in ("EAI_NONAME", "EAI_NODATA", "EAI_ADDRFAMILY")} - {None}


async def resolve(host: KnownHost, families: Iterable[int] = (4, 6)) -> list[KnownHost]:
    """The addresses of `host` in the given IP families, in the order the resolver gives them.

    An address resolves to itself. Raises HostNotFound where the name does not exist (or has no
    address of these families), BootstrapFailed where the resolver cannot say at the moment.
    """
    wanted = set(families)
    if host.family is not None:
        if host.family not in wanted:
            raise HostNotFound(
                f"{host} is an IPv{host.family} address, and this node speaks only IPv{sorted(wanted)[0]}",
                hint="give a contact of the family that you listen on",
            )
        return [host]
    try:
        found = await _getaddrinfo(host)
    except (socket.gaierror, UnicodeError) as error:
        reason = error.strerror if isinstance(error, socket.gaierror) else "not a valid name"
        if isinstance(error, UnicodeError) or error.errno in _PERMANENT:
            raise HostNotFound(
                f"{host.host} does not resolve: {reason}",
                hint="check the spelling, or give an IP address",
            ) from error
        raise BootstrapFailed(
            f"{host.host} does not resolve at the moment: {reason}",
            hint="check that this machine is online",
        ) from error
    allowed = {_FAMILIES[family] for family in wanted}
    addresses = [
        KnownHost(str(address[0]), host.port, host.peer_id)
        for family, _, _, _, address in found
        if family in allowed
    ]
    if not addresses:
        raise HostNotFound(
            f"{host.host} has no IPv{' or IPv'.join(map(str, sorted(wanted)))} address",
            hint="give a contact of the family that you listen on",
        )
    return list(dict.fromkeys(addresses))


_AddrInfo = list[tuple[socket.AddressFamily, socket.SocketKind, int, str, tuple[str | int, ...]]]


async def _getaddrinfo(host: KnownHost) -> _AddrInfo:
    def ask() -> _AddrInfo:
        return socket.getaddrinfo(host.host, host.port, type=socket.SOCK_DGRAM)  # type: ignore[return-value]

    return await in_thread(ask, f"bitboot-resolve-{host.host}")
