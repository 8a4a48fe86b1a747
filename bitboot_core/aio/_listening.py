"""Binding UDP sockets: every IP family that was asked for, or an error that says what is wrong."""

from __future__ import annotations

import contextlib
import errno
import socket
import sys
from collections.abc import AsyncIterator, Callable, Sequence

from ..errors import BootstrapFailed, ListenFailed
from ..model import KnownHost
from ._zones import zone_id
from .logs import logger
from .resolve import resolve
from .threads import in_thread

__all__ = ["bind", "is_own_address", "open_socket", "outward_address"]

RECEIVE_BUFFER = 1 << 22
"""Bytes asked of the kernel for datagrams that wait to be read: lookups come in bursts, and 208 KiB, the
default of Linux, lose a tenth of one."""

SEND_BUFFER = 1 << 20
"""The same for datagrams that wait to be sent."""

SAME_PORT_TRIES = 16
"""How often a free port is looked for that is free in both families."""

MAX_OWN = 64
"""Own addresses that get a socket each, where the kernel does not tell which was asked."""

FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}

_ELSEWHERE = {4: ("192.0.2.1", 9), 6: ("2001:db8::1", 9)}
"""Where nobody is (RFC 5737, RFC 3849): the way there is the way to the internet."""

_EVERYWHERE = ("0.0.0.0", "::")
_NO_SUCH_FAMILY = {
    getattr(errno, name, None)
    for name in ("EAFNOSUPPORT", "EPFNOSUPPORT", "EPROTONOSUPPORT", "EADDRNOTAVAIL", "WSAEAFNOSUPPORT")
} - {None}
"""What a machine without IPv6 (or IPv4) says of its wildcard address."""

_HINTS = {
    errno.EADDRINUSE: "another program uses that port: choose another, or port 0 for any free one",
    errno.EADDRNOTAVAIL: "it is not an address of this machine: use one that is, or leave the host out",
    errno.EACCES: "ports below 1024 need special rights: choose a higher one",
}
_OTHER_HINT = "choose another address, or port 0 for any free port"

log = logger(__name__)

Open = Callable[[int, str, int], socket.socket]


async def bind(listen: KnownHost | None) -> dict[int, socket.socket]:
    """Bound, non-blocking sockets by IP family (4, 6), ready for `UdpSocket`.

    No host (or None) stands for every address of both families, with one port in both; port 0 for any
    free port. A name is listened on at its first address. Raises ListenFailed where an address or port
    cannot be had, in either family: a node that speaks half of what was asked for looks offline to
    whoever needs the other half. Only a family that this machine does not have is gone without.
    """
    listen = listen or KnownHost("", 0)
    try:
        if not listen.host:
            return _bind_everywhere(listen.port, open_socket)
        try:
            found = (await resolve(listen))[0]
        except BootstrapFailed as error:
            raise ListenFailed(f"cannot listen on {listen}: {error}", hint=error.hint) from error
        family = found.family or 4
        return {family: open_socket(family, found.host, listen.port)}
    except OSError as error:
        raise ListenFailed(
            f"cannot listen on {listen}: {error.strerror or error}",
            hint=_HINTS.get(error.errno or 0, _OTHER_HINT),
        ) from error


def _bind_everywhere(port: int, open_: Open) -> dict[int, socket.socket]:
    """Both families on one port. Raises OSError."""
    tries = 1 if port else SAME_PORT_TRIES
    while True:
        tries -= 1
        try:
            return _bind_both(port, open_)
        except OSError as error:
            # A free port of one family was taken in the other (or reserved: Windows keeps ranges of each
            # family for itself, and then refuses access): the next may be free in both.
            if error.errno not in {errno.EADDRINUSE, errno.EACCES} or not tries:
                raise


def _bind_both(port: int, open_: Open) -> dict[int, socket.socket]:
    sockets: dict[int, socket.socket] = {}
    missing: OSError | None = None
    try:
        for family, host in zip(FAMILIES, _EVERYWHERE, strict=True):
            try:
                sockets[family] = open_(family, host, port)
            except OSError as error:
                if error.errno not in _NO_SUCH_FAMILY:
                    raise
                missing = error
            else:
                port = sockets[family].getsockname()[1]
        if not sockets and missing is not None:
            raise missing
    except BaseException:
        for sock in sockets.values():
            sock.close()
        raise
    return sockets


def open_socket(family: int, host: str, port: int, *, share: bool = False) -> socket.socket:
    """A socket bound to an IP address of `family` (4 or 6), which may have a zone ("fe80::1%eth0").

    Non-blocking, with large buffers; one of IPv6 leaves IPv4 to others. `share`: beside a socket that
    listens on every address of the same port. Raises OSError.
    """
    sock = socket.socket(FAMILIES[family], socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        if family == 6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if share:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        _ask_for(sock, socket.SO_RCVBUF, RECEIVE_BUFFER)
        _ask_for(sock, socket.SO_SNDBUF, SEND_BUFFER)
        host, _, zone = host.partition("%")
        sock.bind((host, port, 0, zone_id(zone)) if family == 6 else (host, port))
    except BaseException:
        sock.close()
        raise
    return sock


def _ask_for(sock: socket.socket, option: int, size: int) -> None:
    """Set a buffer's size, or as much of it as this system grants."""
    while size > sock.getsockopt(socket.SOL_SOCKET, option):
        with contextlib.suppress(OSError):  # macOS refuses more than its limit; Linux grants what it can
            sock.setsockopt(socket.SOL_SOCKET, option, size)
            return
        size //= 2


def is_own_address(host: str) -> bool:
    """Whether `host`, an IP address, belongs to this machine: only then can it be bound."""
    family = KnownHost(host, 0).family
    if family is None:
        return False
    try:
        open_socket(family, host, 0).close()
    except OSError:
        return False
    return True


def outward_address(family: int) -> str | None:
    """This machine's IP address towards other networks, None where there is no way. Sends nothing."""
    try:
        with socket.socket(FAMILIES[family], socket.SOCK_DGRAM) as sock:
            sock.connect(_ELSEWHERE[family])  # a datagram socket: the system only chooses a route
            return str(sock.getsockname()[0]).partition("%")[0]
    except OSError:
        return None


async def open_each(family: int, port: int) -> AsyncIterator[socket.socket]:
    """A socket for each of this machine's addresses, beside one that listens on all of them on that port."""
    for host in await in_thread(lambda: own_addresses(family), "bitboot-own-addresses"):
        try:
            # Windows needs no SO_REUSEADDR for it, which there would let anybody take the port over.
            yield open_socket(family, host, port, share=sys.platform != "win32")
        except OSError as error:
            log.debug("no socket of its own for %s: %s", host, error)


def own_addresses(family: int) -> Sequence[str]:
    """This machine's addresses of a family, as far as its own name tells. May block, as resolvers do."""
    try:
        found = socket.getaddrinfo(socket.gethostname(), None, FAMILIES[family], socket.SOCK_DGRAM)
    except (OSError, UnicodeError):
        return []
    return list(dict.fromkeys(str(address[0]) for *_, address in found))[:MAX_OWN]
