"""The façade of `bitboot_core.blocking`."""

from __future__ import annotations

import atexit
import weakref
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Literal, Self, Unpack

from .. import bitboot
from .._networks.per_network import PerNetwork
from .._networks.state import NetworkState
from .._plugins.registry import Registry
from .._settings import Host, Network
from .._swarms import announcement, lookup
from .._swarms import swarm as swarms
from .._swarms.keys import SwarmName, SwarmNames
from .._swarms.ports import mapping
from .._swarms.private.secret import SwarmSecret
from ..config import BitBootConfig, Settings
from ..identity import Identity
from ..model import Peer
from ..swarm_size import SwarmSize
from ._items import Offering
from ._loop import LoopThread
from ._users import Announcement, Lookup, PortMapping, Swarm, Watch


class BitBoot(Offering):
    """`bitboot_core.BitBoot` for programs without asyncio.

        with BitBoot(network="mainline") as bitboot:
            with bitboot.announce("unique_network", port=6881):
                peers = bitboot.lookup("unique_network")

    It is closed at the end of its `with`, by `close`, and else when the program ends.
    """

    def __init__(
        self,
        config: BitBootConfig | None = None,
        *,
        registry: Registry | None = None,
        **fields: Unpack[Settings],
    ) -> None:
        """Check the settings and choose a backend for each network. Nothing is opened yet.

        Raises what `bitboot_core.BitBoot` does.
        """
        self._bitboot = bitboot.BitBoot(config, registry=registry, **fields)
        self._loop = LoopThread()

    def __repr__(self) -> str:
        return f"<blocking {self._bitboot!r}>"

    @property
    def config(self) -> BitBootConfig:
        """Its settings."""
        return self._bitboot.config

    @classmethod
    def create(cls, config: BitBootConfig | None = None, **fields: Unpack[Settings]) -> Self:
        """Make a BitBoot and start it. Close it with `close`, or use `with` instead."""
        return cls(config, **fields).__enter__()

    def __enter__(self) -> Self:
        self._loop.call(self._bitboot.__aenter__)
        _OPEN.add(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Withdraw, leave and close everything, within 2 seconds, and end the thread. May be called twice."""
        if self._loop.is_stopped:
            return
        try:
            self._loop.call(self._bitboot.aclose)
        finally:
            _OPEN.discard(self)
            self._loop.stop()

    def ready(self, timeout: float | None = None) -> None:
        """Wait until a network is in touch, or raise why not."""
        self._loop.call(lambda: self._bitboot.ready(timeout))

    # Swarms

    def announce(
        self,
        swarm: SwarmNames,
        host: Host | None = None,
        *,
        port: int | None = None,
        renew: bool = True,
        timeout: float | None = None,
        lifetime: float | None = None,
        map_port: bool = False,
        secret: SwarmSecret | None = None,
        data: bytes = b"",
    ) -> Announcement:
        """An Announcement of a peer in a swarm, or in several: begin it with `with`."""

        def make() -> announcement.Announcement:
            return self._bitboot.announce(
                swarm,
                host,
                port=port,
                renew=renew,
                timeout=timeout,
                lifetime=lifetime,
                map_port=map_port,
                secret=secret,
                data=data,
            )

        return Announcement(self._loop.ask(make), self._loop)

    def announce_peer(
        self,
        swarm: SwarmNames,
        host: Host,
        *,
        renew: bool = True,
        timeout: float | None = None,
        lifetime: float | None = None,
        secret: SwarmSecret | None = None,
        data: bytes = b"",
    ) -> Announcement:
        """Announce `host` in a swarm, or in several, and return once at least one node has stored it."""
        return Announcement(
            self._loop.call(
                lambda: self._bitboot.announce_peer(
                    swarm, host, renew=renew, timeout=timeout, lifetime=lifetime, secret=secret, data=data
                )
            ),
            self._loop,
        )

    def find(
        self,
        swarm: SwarmNames,
        *,
        limit: int | None = None,
        timeout: float | None = None,
        secret: SwarmSecret | None = None,
    ) -> Lookup:
        """A Lookup of a swarm, or of several: `with` begins it, `for` reads its peers."""

        def make() -> lookup.Lookup:
            return self._bitboot.find(swarm, limit=limit, timeout=timeout, secret=secret)

        return Lookup(self._loop.ask(make), self._loop)

    def lookup(
        self,
        swarm: SwarmNames,
        *,
        limit: int | None = None,
        timeout: float | None = None,
        secret: SwarmSecret | None = None,
    ) -> list[Peer]:
        """The peers of a swarm, or of several: each endpoint once, with all its sources."""
        return self._loop.call(
            lambda: self._bitboot.lookup(swarm, limit=limit, timeout=timeout, secret=secret)
        )

    def size(self, swarm: SwarmName, *, timeout: float | None = None) -> SwarmSize:
        """About how many peers a swarm has: asks all networks side by side, and fetches no peers."""
        return self._loop.call(lambda: self._bitboot.size(swarm, timeout=timeout))

    def watch(
        self, swarm: SwarmName, *, timeout: float | None = None, secret: SwarmSecret | None = None
    ) -> Watch:
        """A Watch of a swarm: `with` begins it, `for` gives PeerJoined and PeerLeft."""
        return Watch(
            self._loop.ask(lambda: self._bitboot.watch(swarm, timeout=timeout, secret=secret)), self._loop
        )

    def join(
        self,
        swarm: SwarmName,
        host: Host | None = None,
        *,
        port: int | None = None,
        timeout: float | None = None,
        map_port: bool = False,
        secret: SwarmSecret | None = None,
        data: bytes = b"",
        publish: Identity | None = None,
    ) -> Swarm:
        """A Swarm, which announces a peer and watches who else is there: begin it with `with`."""

        def make() -> swarms.Swarm:
            return self._bitboot.join(
                swarm,
                host,
                port=port,
                timeout=timeout,
                map_port=map_port,
                secret=secret,
                data=data,
                publish=publish,
            )

        return Swarm(self._loop.ask(make), self._loop)

    def map_port(
        self,
        port: int,
        *,
        transport: Literal["tcp", "udp", "both"] = "tcp",
        outside_port: int | None = None,
    ) -> PortMapping:
        """A PortMapping: the router is asked to open this port of this machine. Begin it with `with`."""

        def make() -> mapping.PortMapping:
            return self._bitboot.map_port(port, transport=transport, outside_port=outside_port)

        return PortMapping(self._loop.ask(make), self._loop)

    # Networks

    def networks(self) -> PerNetwork[NetworkState]:
        """How each active network is doing, by name."""
        return self._loop.ask(self._bitboot.networks)

    def stats(self) -> PerNetwork[Mapping[str, int | float]]:
        """The counters of each active network's backend, by name."""
        return self._loop.ask(self._bitboot.stats)

    def add_network(
        self,
        network: Network,
        *,
        backend: str | None = None,
        bootstrap: Sequence[Host] | None = None,
        listen: Host | None = None,
    ) -> None:
        """Use this network too."""
        self._loop.call(
            lambda: self._bitboot.add_network(network, backend=backend, bootstrap=bootstrap, listen=listen)
        )

    def remove_network(self, name: str) -> None:
        """Use this network no more: withdraw from it and close it."""
        self._loop.call(lambda: self._bitboot.remove_network(name))

    def switch_network(
        self,
        network: Network | Sequence[Network],
        *,
        backend: str | None = None,
        bootstrap: Sequence[Host] | None = None,
        listen: Host | None = None,
    ) -> None:
        """Use this network, or these, instead of the present ones."""
        self._loop.call(
            lambda: self._bitboot.switch_network(network, backend=backend, bootstrap=bootstrap, listen=listen)
        )

    def add_bootstrap(self, contact: Host, *, network: str | None = None) -> None:
        """Start from this contact too, from now on."""
        self._loop.ask(lambda: self._bitboot.add_bootstrap(contact, network=network))

    def remove_bootstrap(self, contact: Host, *, network: str | None = None) -> bool:
        """Do not start from this contact any more. Whether it was one."""
        return self._loop.ask(lambda: self._bitboot.remove_bootstrap(contact, network=network))


_OPEN: weakref.WeakSet[BitBoot] = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    """Withdraw what a program leaves open at its end."""
    for one in list(_OPEN):
        one.close()
