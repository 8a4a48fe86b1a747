"""The façade: `BitBoot`, which announces swarms and looks them up on one network or several."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Self, Unpack
from weakref import WeakValueDictionary

from ._optional import needed
from ._settings import Host, seconds
from ._swarms.arguments import peer_limit, peer_to_announce, port_to_map, swarm_names
from ._swarms.items.offering import Offering
from ._swarms.keys import SwarmName, SwarmNames
from .aio.clock import Clock, SystemClock
from .config import BitBootConfig, Settings
from .errors import InvalidConfig, InvalidEndpoint
from .model import KnownHost, Peer

if TYPE_CHECKING:  # imported where they are used: a program that starts need not wait for all of them
    from random import Random

    from ._plugins.registry import Registry
    from ._swarms.announcement import Announcement
    from ._swarms.lookup import Lookup
    from ._swarms.ports.mapping import PortMapping
    from ._swarms.private.making import PrivateSwarms
    from ._swarms.private.secret import SwarmSecret
    from ._swarms.swarm import Swarm
    from ._swarms.watch import Watch
    from .identity import Identity
    from .swarm_size import SwarmSize

__all__ = ["BitBoot"]


class BitBoot(Offering):
    """Announces peers in swarms and finds them, with no server of one's own.

        async with BitBoot(network="mainline") as bitboot:
            await bitboot.ready()
            async with bitboot.announce("unique_network", port=6881):
                peers = await bitboot.lookup("unique_network")

    With several networks every call goes to all of them side by side. One that fails never spoils
    the rest; only where all fail is an error raised.
    """

    def __init__(
        self,
        config: BitBootConfig | None = None,
        *,
        registry: Registry | None = None,
        clock: Clock | None = None,
        random: Random | None = None,
        **fields: Unpack[Settings],
    ) -> None:
        """Check the settings and choose a backend for each network. Nothing is opened yet.

        `fields` are those of BitBootConfig, and go before `config`. `registry`, `clock` and `random`
        replace where backends come from, the time, and chance: for tests and simulations.

        Raises InvalidConfig, InvalidEndpoint, UnknownNetwork, UnknownBackend, NetworkUnavailable
        (the network is known, but nothing installed serves it) or BackendUnavailable.
        """
        from random import Random  # noqa: PLC0415

        from ._plugins.registry import default_registry  # noqa: PLC0415

        super().__init__(
            replace(config, **fields) if config is not None else BitBootConfig(**fields),
            registry if registry is not None else default_registry(),
            clock if clock is not None else SystemClock(),
            random if random is not None else Random(),
        )
        self._announced_peers: WeakValueDictionary[
            tuple[frozenset[SwarmName], KnownHost, SwarmSecret | None], Announcement
        ] = WeakValueDictionary()

    @classmethod
    async def create(cls, config: BitBootConfig | None = None, **fields: Unpack[Settings]) -> Self:
        """Make a BitBoot and start it: sockets are open, and it begins to get in touch.

        Close it with `aclose`, or use `async with` instead. Raises what `BitBoot(...)` does, and a
        BackendError such as ListenFailed where no network could be started.
        """
        return await cls(config, **fields).__aenter__()

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
        """An Announcement of a peer in a swarm, or in several: begin it with `async with`.

        The peer is `host` as a KnownHost or "host:port", or `host` and `port`; without a host, "mine":
        the address that this machine is seen at. It is renewed until it is closed, then withdrawn
        where the network can do that. `renew=False` tries each network once, and lets it expire.
        `timeout`: seconds that one attempt may take; `lifetime`: seconds that nodes are asked to keep it
        without renewal. None for the config's.

        `map_port`: have the router open the port, for TCP and UDP, and announce the outside port where it
        does.

        `secret`: the swarm is private: members alone find the peer, and are told `data`, at most 512 bytes.

        Raises InvalidSwarmName, InvalidEndpoint, NotRunning; PortMappingFailed where `map_port` needs a
        plugin that is not installed. What goes wrong with announcing shows in `Announcement.status`, and
        is raised by `Announcement.announced`; with the port, in `Announcement.mapping`.
        """
        from ._swarms.announcement import Announcement  # noqa: PLC0415

        self._usable()
        endpoint, names = peer_to_announce(host, port), swarm_names(swarm)
        kept = None if lifetime is None else seconds("lifetime", lifetime)
        options: dict[str, Any] = {"renew": renew, "timeout": self._seconds(timeout), "lifetime": kept}
        mapping = self._mapping_of(endpoint) if map_port else None
        if secret is not None:
            return self._private.announcement(swarm, secret, endpoint, data, mapping=mapping, **options)
        if data:
            raise InvalidConfig("data= is told to the members of a private swarm", hint="give its secret=")
        if mapping is None:
            return Announcement(self._context, names, endpoint, **options)
        from ._swarms.mapped_announcement import MappedAnnouncement  # noqa: PLC0415

        return MappedAnnouncement(self._context, names, endpoint, mapping, **options)

    async def announce_peer(
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
        """Announce `host` in a swarm, or in several, and return once at least one node has stored it.

        The Announcement that is returned renews itself until it is closed, at the latest with this
        BitBoot. To announce the same again renews at once, and replaces the first.

        Raises what `announce` does, and where no node stored it the network's error (AnnounceFailed,
        BootstrapFailed, UnsupportedOperation, ...), or AllBackendsFailed for several networks.
        """
        announcement = self.announce(
            swarm, host, renew=renew, timeout=timeout, lifetime=lifetime, secret=secret, data=data
        )
        same = frozenset(announcement.swarms), announcement.endpoint, secret
        try:
            announcement.open()
            await announcement.announced()
            former = self._announced_peers.get(same)
            if former is not None:
                await former.aclose()
        except BaseException:
            await announcement.aclose()
            raise
        self._announced_peers[same] = announcement
        return announcement

    def find(
        self,
        swarm: SwarmNames,
        *,
        limit: int | None = None,
        timeout: float | None = None,
        secret: SwarmSecret | None = None,
    ) -> Lookup:
        """A Lookup of a swarm, or of several: `async with` begins it, `async for` reads its peers.

        `limit`: how many peers are enough, None for all. `timeout`: seconds it may take, None for the
        config's. `secret`: that of a private swarm, whose proved members are found. Raises
        InvalidSwarmName, InvalidConfig, NotRunning; what goes wrong with looking up is in `Lookup.failures`.
        """
        from ._swarms.lookup import Lookup  # noqa: PLC0415

        self._usable()
        enough, time = peer_limit(limit), self._seconds(timeout)
        if secret is not None:
            return self._private.lookup(swarm, secret, limit=enough, timeout=time)
        return Lookup(self._context, swarm_names(swarm), limit=enough, timeout=time)

    async def lookup(
        self,
        swarm: SwarmNames,
        *,
        limit: int | None = None,
        timeout: float | None = None,
        secret: SwarmSecret | None = None,
    ) -> list[Peer]:
        """The peers of a swarm, or of several: each endpoint once, with all its sources.

        Raises where nothing was found and every network failed; see `find`, which also tells of
        networks that failed while others did not.
        """
        async with self.find(swarm, limit=limit, timeout=timeout, secret=secret) as found:
            return await found.collect()

    async def size(self, swarm: SwarmName, *, timeout: float | None = None) -> SwarmSize:
        """About how many peers a swarm has: asks all networks side by side, and fetches no peers.

        `timeout`: seconds it may take, None for the config's. Of a network that cannot tell, an
        UnsupportedOperation is in the result's `failures`. Raises InvalidSwarmName, InvalidConfig,
        NotRunning, and where every network failed its error, or AllBackendsFailed for several.
        """
        from ._swarms.size import swarm_size  # noqa: PLC0415

        return await swarm_size(self._usable(), swarm, self._seconds(timeout))

    def watch(
        self, swarm: SwarmName, *, timeout: float | None = None, secret: SwarmSecret | None = None
    ) -> Watch:
        """A Watch of a swarm: `async with` begins it, `async for` gives PeerJoined and PeerLeft.

        `timeout`: seconds that each scan may take, None for the config's. `secret`: as for `find`. Raises
        InvalidSwarmName, InvalidConfig, NotRunning; scans that fail are in `Watch.failures`.
        """
        from ._swarms.watch import Watch  # noqa: PLC0415

        self._usable()
        if secret is not None:
            return self._private.watch(swarm, secret, timeout=self._seconds(timeout))
        return Watch(self._context, swarm, timeout=self._seconds(timeout))

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
        """A Swarm, which announces a peer and watches who else is there: begin it with `async with`.

        Arguments and errors as for `announce` and `watch`. `publish`: keep the peer's endpoints under this
        identity's key, for `find_member`; raises as `publishing`.
        """
        from ._swarms.swarm import Swarm  # noqa: PLC0415

        keep = self._keeping(publish, timeout)
        mine = self.announce(swarm, host, port=port, map_port=map_port, secret=secret, data=data)
        membership = None if secret is None else self._private.of(swarm, secret)[0]
        return Swarm(mine, self.watch(swarm, timeout=timeout, secret=secret), membership, keep(mine))

    def map_port(
        self,
        port: int,
        *,
        transport: Literal["tcp", "udp", "both"] = "tcp",
        outside_port: int | None = None,
    ) -> PortMapping:
        """A PortMapping: the router is asked to open this port of this machine. Begin it with `async with`.

        `outside_port`: the port wanted on the router, the same one by default; it may give another. "both"
        opens one outside port for TCP and UDP. Raises InvalidEndpoint, InvalidConfig, NotRunning, and
        PortMappingFailed where no plugin is installed that opens ports; what goes wrong with the router is
        in `PortMapping.error`.
        """
        from ._swarms.ports.mapping import PortMapping  # noqa: PLC0415

        self._usable()
        self._routers.check()
        transports = port_to_map(port, transport)
        if outside_port is not None:
            port_to_map(outside_port, transport)
        return PortMapping(self._context, self._routers, port, transports, outside_port=outside_port)

    @cached_property
    def _private(self) -> PrivateSwarms:
        with needed("cryptography", "private", "private swarms"):
            from ._swarms.private.making import PrivateSwarms  # noqa: PLC0415
        return PrivateSwarms(self._context)

    def _mapping_of(self, endpoint: KnownHost) -> PortMapping:
        """What opens the port of a peer to announce. Raises as `map_port`."""
        if not endpoint.is_any:
            hint = "leave the host out: map_port is for this machine"
            raise InvalidEndpoint(f"the router opens no port of {endpoint.host}", hint=hint)
        if endpoint.port:
            return self.map_port(endpoint.port, transport="both")
        nodes = [one.address.port for one in self._usable() if one.address is not None]
        if len(nodes) != 1:
            several = "port 0 is the node's own, and there are several nodes"
            raise InvalidEndpoint(several, hint="give the port to open")
        return self.map_port(nodes[0], transport="udp")
