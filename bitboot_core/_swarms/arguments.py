"""What people may say for a swarm and for a peer, made into what is meant."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from .. import _settings as settings
from .._settings import Host
from ..errors import InvalidConfig, InvalidEndpoint, InvalidSwarmName
from ..model import KnownHost
from .keys import SwarmName, SwarmNames, swarm_key

if TYPE_CHECKING:
    from ..port_mapper import Transport


def swarm_names(swarm: SwarmNames) -> tuple[SwarmName, ...]:
    """The names or keys of one swarm or several, each once, checked. Raises InvalidSwarmName."""
    names = (
        tuple(dict.fromkeys(swarm))
        if isinstance(swarm, Iterable) and not isinstance(swarm, (str, bytes))
        else (swarm,)
    )
    if not names:
        raise InvalidSwarmName("no swarm was named", hint="give a name, or a list of names")
    for name in names:
        swarm_key(name)
    return names


def peer_to_announce(host: Host | None, port: int | None) -> KnownHost:
    """The endpoint to announce. Raises InvalidEndpoint."""
    if port is None:
        if host is None:
            raise InvalidEndpoint("no port was given", hint="say which port your program listens on")
        endpoint = settings.endpoint(host)
    elif isinstance(host, KnownHost):
        raise InvalidEndpoint(f"both {host} and port={port} were given", hint="give one of the two")
    else:
        endpoint = KnownHost("" if host is None else host, port)
    if endpoint.port == 0 and not endpoint.is_any:
        raise InvalidEndpoint(
            f"port 0 of {endpoint.host} cannot be announced",
            hint="announce the port that the program there listens on, or ':0' for this node's own",
        )
    return endpoint


def port_to_map(port: int, transport: str) -> tuple[Transport, ...]:
    """The transports that a port is to be opened for. Raises InvalidEndpoint, InvalidConfig."""
    if not KnownHost("", port).port:
        raise InvalidEndpoint("port 0 cannot be mapped", hint="give the port that your program listens on")
    found = _TRANSPORTS.get(transport) if isinstance(transport, str) else None
    if found is None:
        raise InvalidConfig(f"transport={transport!r} is not a transport", hint='give "tcp", "udp" or "both"')
    return found


_TRANSPORTS: dict[str, tuple[Transport, ...]] = {"tcp": ("tcp",), "udp": ("udp",), "both": ("tcp", "udp")}


def peer_limit(limit: int | None) -> int | None:
    """How many peers are enough. Raises InvalidConfig."""
    if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 1):
        raise InvalidConfig(f"limit={limit!r} is not a number of peers", hint="1 or more, or None for all")
    return limit
