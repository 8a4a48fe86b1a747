"""Turning host names into addresses, without ever holding up the event loop or its end."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from typing import TypeAlias

from ..errors import BootstrapFailed, HostNotFound, Offline
from ..model import KnownHost

_FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}
_PERMANENT = {getattr(socket, name, None) for name in ("EAI_NONAME", "EAI_NODATA", "EAI_ADDRFAMILY")} - {None}

_NOWHERE = {4: "192.0.2.1", 6: "2001:db8::1"}
"""Addresses that nobody has (RFC 5737, RFC 3849): nothing is sent there, only the way is asked for."""


async def resolve(host: KnownHost, families: Iterable[int] = (4, 6)) -> list[KnownHost]:
    """The addresses of `host` in the given IP families, in the order the resolver gives them.

    An address resolves to itself. Raises HostNotFound where the name does not exist, has no address of
    these families, or is blocked; Offline where the resolver cannot say at the moment, or this machine
    has no way out: macOS and Windows then say of every name that it does not exist.
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
        found = await _getaddrinfo(host.host)
    except UnicodeError as error:
        raise HostNotFound(
            f"{host.host} does not resolve: not a valid name",
            hint="check the spelling, or give an IP address",
        ) from error
    except socket.gaierror as error:
        raise _unresolved(host.host, error) from error
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
    usable = [address for address in dict.fromkeys(addresses) if not address.is_any]
    if not usable:
        raise HostNotFound(
            f"{host.host} resolves to {addresses[0].host}: your DNS blocks it",
            hint="allow it there, use another DNS server, or give an IP address",
        )
    return usable


def bootstrap_failure(contacts: Sequence[KnownHost], failures: Sequence[BootstrapFailed]) -> BootstrapFailed:
    """The error for contacts none of which could be reached. `failures`: one of each, at least one.

    HostNotFound where no name exists, since waiting will not help. Where the resolver says that of several
    names, this machine is more likely offline, or behind a captive portal: Offline, as where the resolver
    itself cannot be reached.
    """
    reasons = "; ".join(map(str, failures))
    if not all(isinstance(failure, (HostNotFound, Offline)) for failure in failures):
        return BootstrapFailed(
            f"no bootstrap contact answered: {', '.join(map(str, contacts))}",
            hint="check that one of them is running and that UDP gets through",
        )
    unknown = len(failures) > 1 and all(isinstance(one.__cause__, socket.gaierror) for one in failures)
    if unknown or any(isinstance(failure, Offline) for failure in failures):
        return Offline(
            f"no bootstrap contact resolves, so this machine may be offline: {reasons}",
            hint="check that this machine is online, then the spelling; `bitboot doctor` looks for the cause",
        )
    return HostNotFound(f"no bootstrap contact could be found: {reasons}", hint=failures[0].hint)


def has_way_out() -> bool:
    """Whether this machine has a route to the internet, in either family. Sends nothing."""
    for family, nowhere in _NOWHERE.items():
        with (
            contextlib.suppress(OSError),
            socket.socket(_FAMILIES[family], socket.SOCK_DGRAM) as probe,
        ):
            probe.connect((nowhere, 9))
            return True
    return False


def _unresolved(name: str, error: socket.gaierror) -> BootstrapFailed:
    if error.errno not in _PERMANENT:
        return Offline(
            f"{name} does not resolve at the moment: {error.strerror}",
            hint="check that this machine is online",
        )
    if not has_way_out():
        return Offline(
            f"{name} does not resolve, as this machine is offline: {error.strerror}",
            hint="connect it to a network",
        )
    return HostNotFound(
        f"{name} does not resolve: {error.strerror}", hint="check the spelling, or give an IP address"
    )


_AddrInfo: TypeAlias = list[tuple[socket.AddressFamily, socket.SocketKind, int, str, tuple[str | int, ...]]]

_asking: dict[str, Future[_AddrInfo]] = {}
"""Names that the resolver is being asked for: each in one thread, however many wait for it and however often
they gave up waiting. A resolver that hangs would else hold a thread for every attempt."""

_lock = threading.Lock()


async def _getaddrinfo(name: str) -> _AddrInfo:
    with _lock:
        answer = _asking.get(name)
        if answer is None:
            answer = _asking[name] = Future()
            # A daemon of its own: asyncio's pool would be joined at the end, and hold up every Ctrl-C.
            threading.Thread(
                target=_ask, args=(name, answer), name=f"bitboot-resolve-{name}", daemon=True
            ).start()
    loop = asyncio.get_running_loop()
    waiter: asyncio.Future[_AddrInfo] = loop.create_future()

    def tell(answered: Future[_AddrInfo]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has closed meanwhile: nobody waits any more
            loop.call_soon_threadsafe(_settle, waiter, answered)

    answer.add_done_callback(tell)
    return await waiter


def _ask(name: str, answer: Future[_AddrInfo]) -> None:
    finish: Callable[[], None]
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_DGRAM)
    except BaseException as error:  # noqa: BLE001 - raised by whoever awaits it
        failure = error
        finish = lambda: answer.set_exception(failure)  # noqa: E731 - one of two
    else:
        finish = lambda: answer.set_result(found)  # type: ignore[arg-type] # noqa: E731
    with _lock:
        del _asking[name]  # whoever asks from here on asks again
    finish()


def _settle(waiter: asyncio.Future[_AddrInfo], answered: Future[_AddrInfo]) -> None:
    if not waiter.done():
        error = answered.exception()
        if error is None:
            waiter.set_result(answered.result())
        else:
            waiter.set_exception(error)
