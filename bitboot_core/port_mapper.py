"""What a plugin's author implements to open ports on routers: a `PortMapper`, told of by a `PortMapperSpec`.

A mapper speaks one method (PCP, NAT-PMP, UPnP) to the router of this machine's network. It knows nothing of
renewal, retries or of the other methods: the core does those once, for all.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Literal

from .model import KnownHost

__all__ = ["PortGrant", "PortMapper", "PortMapperSpec", "PortRequest", "Transport"]

Transport = Literal["tcp", "udp"]
"""What a mapped port carries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PortRequest:
    """A port of this machine that others are to reach.

    `family`: the IP version, 4 or 6. `transport`: "tcp" or "udp". `port`: where the program listens, 1 to
    65535. `outside_port`: the port wanted on the router, never 0, since a router may read that as "all
    ports"; it is a wish. With IPv6, where nothing is translated, the two are one. `lifetime`: seconds
    wanted.
    """

    family: int
    transport: Transport
    port: int
    outside_port: int
    lifetime: float


@dataclass(frozen=True, slots=True)
class PortGrant:
    """What a router says of a port that it has opened.

    `outside`: where others reach it; without a host where the router does not know its own address.
    `lifetime`: seconds from now, `math.inf` where it stays until it is deleted.
    """

    outside: KnownHost
    lifetime: float


class PortMapper(ABC):
    """One method of asking the router.

    Everything runs on one event loop, and no method blocks it. Every await may be cancelled. What a method
    raises when the router does not do as asked: NoRouterAnswered where nobody answered, PortMappingFailed
    where somebody did, and said no or made no sense.
    """

    @abstractmethod
    async def probe(self, family: int) -> KnownHost:
        """Look for a router that speaks this method, changing nothing on it.

        Returns its outside address, with port 0; without a host where it is not known. Called before
        `map`, and again whenever this machine's network may have changed.
        """

    @abstractmethod
    async def map(self, request: PortRequest) -> PortGrant:
        """Open a port, or renew it where this mapper has opened it. The router may grant another one."""

    @abstractmethod
    async def unmap(self, request: PortRequest, outside_port: int) -> None:
        """Close what `map` opened for this request, at the port that was granted. Nothing else is touched."""

    @abstractmethod
    async def check(self, request: PortRequest, grant: PortGrant) -> bool:
        """Whether what was granted still stands, as far as the router tells.

        False where the router has restarted since, lists it no more or for somebody else, or has another
        outside address: the core then closes the port and opens it again.
        """

    @abstractmethod
    async def aclose(self) -> None:
        """Close sockets and tasks, within a second. What is open on the router stays. May be called twice."""


def _works_here() -> str | None:
    return None


@dataclass(frozen=True, slots=True)
class PortMapperSpec:
    """A port mapper that a plugin offers.

    `name`: the method, as people know it ("pcp"). `factory` makes one; it imports its library when called,
    not before. `description`: a line for people. `rank`: of several methods that a router speaks the
    lowest is used. `families`: the IP versions that it knows. `unavailable`: why it cannot work here, as
    text, or None where it can; it must be quick and import nothing heavy.
    """

    name: str
    factory: Callable[[], PortMapper]
    description: str = ""
    rank: int = 100
    families: Collection[int] = frozenset({4})
    unavailable: Callable[[], str | None] = field(default=_works_here)
