"""The façade: `BitBoot`, which announces swarms and looks them up on one network or several."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from random import Random
from types import TracebackType
from typing import Self, Unpack

from . import config as settings
from ._networks.network import ActiveNetwork
from ._networks.network_set import NetworkSet
from ._networks.per_network import PerNetwork
from ._networks.state import NetworkState
from ._plugins.registry import Registry, default_registry
from ._swarms.announcement import Announcement
from ._swarms.lookup import Lookup
from ._swarms.swarm import Swarm
from ._swarms.watch import Watch
from .aio.clock import Clock, SystemClock
from .backend import Backend
from .config import BitBootConfig, Host, Network, Settings
from .errors import InvalidConfig, InvalidEndpoint, InvalidSwarmName, NotRunning
from .model import KnownHost, Peer, swarm_key

__all__ = ["BitBoot"]

CLOSE_TIMEOUT = 1.8
"""Seconds from the beginning of `aclose` until backends that do not close are left alone. The rest
of its two seconds is for the tasks that are cancelled then."""


class BitBoot:
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
        self.config = replace(config, **fields) if config is not None else BitBootConfig(**fields)
        self._clock = clock if clock is not None else SystemClock()
        self._random = random if random is not None else Random()
        self._shard_salt = self._random.randbytes(16)
        registry = registry if registry is not None else default_registry()
        self._networks = NetworkSet(self.config, registry, self._clock, self._random)
        self._announcements: set[Announcement] = set()
        self._announced_peers: dict[tuple[frozenset[str], KnownHost], Announcement] = {}
        self._lookups: set[Lookup] = set()
        self._watches: set[Watch] = set()
        self._changing = asyncio.Lock()
        self._started = False
        self._closing: asyncio.Task[None] | None = None

    # Its life

    @classmethod
    async def create(cls, config: BitBootConfig | None = None, **fields: Unpack[Settings]) -> Self:
        """Make a BitBoot and start it: sockets are open, and it begins to get in touch.

        Close it with `aclose`, or use `async with` instead. Raises what `BitBoot(...)` does, and a
        BackendError such as ListenFailed where no network could be started.
        """
        return await cls(config, **fields).__aenter__()

    async def __aenter__(self) -> Self:
        if self._closing is not None:
            raise NotRunning("this BitBoot has been closed", hint="make a new one")
        if self._started:
            return self  # `async with await BitBoot.create(...)`
        self._started = True
        try:
            await self._networks.start()
        except BaseException:
            await self.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    async def ready(self, timeout: float | None = None) -> None:
        """Wait until a network is in touch: a node answered, or there is nobody to ask.

        Raises after `timeout` seconds (None: the config's), with one network BootstrapFailed naming
        the contacts that did not answer, with several AllBackendsFailed. A HostNotFound does not
        wait. Whatever needs contacts waits for them by itself: there is no need to call this.
        """
        self._usable()
        await self._networks.ready(self._seconds(timeout))

    async def aclose(self) -> None:
        """Withdraw, leave and close everything, within 2 seconds. May be called twice.

        It goes on to its end where the caller is cancelled. What a backend does wrong is logged.
        """
        if self._closing is None:
            self._closing = asyncio.ensure_future(self._shut_down())
        await asyncio.shield(self._closing)

    # Swarms

    def announce(
        self,
        swarm: str | Iterable[str],
        host: Host | None = None,
        *,
        port: int | None = None,
        renew: bool = True,
    ) -> Announcement:
        """An Announcement of a peer in a swarm, or in several: begin it with `async with`.

        The peer is `host` as a KnownHost or "host:port", or `host` and `port`; without a host, "mine":
        the address that this machine is seen at. It is renewed until it is closed, then withdrawn
        where the network can do that. `renew=False` tries each network once, and lets it lapse.

        Raises InvalidSwarmName, InvalidEndpoint, NotRunning. What goes wrong with announcing shows in
        `Announcement.status`, and is raised by `Announcement.announced`.
        """
        self._usable()
        return Announcement(
            _swarms(swarm),
            _peer(host, port),
            self._usable,
            lifetime=self.config.lifetime,
            timeout=self.config.timeout,
            renew=renew,
            shard_salt=self._shard_salt,
            clock=self._clock,
            random=self._random,
            opened=self._announcements.add,
            closed=self._forget,
            still_wanted=self._announces,
        )

    async def announce_peer(
        self, swarm: str | Iterable[str], host: Host, *, renew: bool = True
    ) -> Announcement:
        """Announce `host` in a swarm, or in several, and return once at least one node has stored it.

        The Announcement that is returned renews itself until it is closed, at the latest with this
        BitBoot. To announce the same again renews at once, and replaces the first.

        Raises what `announce` does, and where no node stored it the network's error (AnnounceFailed,
        BootstrapFailed, UnsupportedOperation, ...), or AllBackendsFailed for several networks.
        """
        announcement = self.announce(swarm, host, renew=renew)
        try:
            announcement.open()
            await announcement.announced()
        except BaseException:
            await announcement.aclose()
            raise
        same = frozenset(announcement.swarms), announcement.endpoint
        former = self._announced_peers.get(same)
        self._announced_peers[same] = announcement
        if former is not None:
            await former.aclose()
        return announcement

    def find(
        self, swarm: str | Iterable[str], *, limit: int | None = None, timeout: float | None = None
    ) -> Lookup:
        """A Lookup of a swarm, or of several: `async with` begins it, `async for` reads its peers.

        `limit`: how many peers are enough, None for all. `timeout`: seconds it may take, None for the
        config's. Raises InvalidSwarmName, InvalidConfig, NotRunning; what goes wrong with looking
        up is in `Lookup.failures`.
        """
        self._usable()
        if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 1):
            raise InvalidConfig(
                f"limit={limit!r} is not a number of peers", hint="1 or more, or None for all"
            )
        return Lookup(
            _swarms(swarm),
            self._usable,
            limit=limit,
            timeout=self._seconds(timeout),
            clock=self._clock,
            opened=self._lookups.add,
            closed=self._lookups.discard,
        )

    async def lookup(
        self, swarm: str | Iterable[str], *, limit: int | None = None, timeout: float | None = None
    ) -> list[Peer]:
        """The peers of a swarm, or of several: each endpoint once, with all its sources.

        Raises where nothing was found and every network failed; see `find`, which also tells of
        networks that failed while others did not.
        """
        async with self.find(swarm, limit=limit, timeout=timeout) as found:
            return await found.collect()

    def watch(self, swarm: str, *, timeout: float | None = None) -> Watch:
        """A Watch of a swarm: `async with` begins it, `async for` gives PeerJoined and PeerLeft.

        `timeout`: seconds that each scan may take, None for the config's. Raises InvalidSwarmName,
        InvalidConfig, NotRunning; scans that fail are in `Watch.failures`.
        """
        self._usable()
        return Watch(
            swarm,
            self._usable,
            timeout=self._seconds(timeout),
            clock=self._clock,
            random=self._random,
            opened=self._watches.add,
            closed=self._watches.discard,
        )

    def join(
        self,
        swarm: str,
        host: Host | None = None,
        *,
        port: int | None = None,
        timeout: float | None = None,
    ) -> Swarm:
        """A Swarm, which announces a peer and watches who else is there: begin it with `async with`.

        The peer is given as for `announce`, `timeout` as for `watch`. Raises what these two do.
        """
        return Swarm(self.announce(swarm, host, port=port), self.watch(swarm, timeout=timeout))

    # Networks

    def backend(self, network: str | None = None) -> Backend:
        """The running backend of a network, for what only it offers: `bitboot.backend("mainline").node`.

        `network` may be left out where there is one only. What is done to a backend is done behind
        the core's back: neither timed nor guarded. Raises UnknownNetwork, InvalidConfig where there
        are several and none is named, NotRunning, and why it did not start where it did not.
        """
        self._usable()
        active = self._networks.named(network)
        if len(active) != 1:
            names = ", ".join(one.name for one in active)
            raise InvalidConfig("there are several networks", hint=f"say which: {names}")
        return active[0].backend

    def networks(self) -> PerNetwork[NetworkState]:
        """How each active network is doing, by name."""
        return self._networks.states()

    def stats(self) -> PerNetwork[Mapping[str, int | float]]:
        """The counters of each active network's backend, by name."""
        return self._networks.stats()

    async def add_network(
        self,
        network: Network,
        *,
        backend: str | None = None,
        bootstrap: Sequence[Host] | None = None,
        listen: Host | None = None,
    ) -> None:
        """Use this network too. What is announced and watched extends to it; lookups begun later ask it.

        The arguments are as in BitBootConfig, for this network only. Raises InvalidConfig where it
        is active already, and what `BitBoot(...)` and `create` do.
        """
        self._check_running()
        added = self._networks.prepare(network, backend, bootstrap, listen)
        async with self._changing:
            for name in added:
                if name in self._networks:
                    raise InvalidConfig(f"the network {name} is active already", hint="remove it first")
            await self._networks.start(added.values())
            await self._exchange([], added)

    async def remove_network(self, name: str) -> None:
        """Use this network no more: withdraw from it and close it. Raises UnknownNetwork."""
        self._check_running()
        async with self._changing:
            await self._exchange(self._networks.named(name), {})

    async def switch_network(
        self,
        network: Network | Sequence[Network],
        *,
        backend: str | None = None,
        bootstrap: Sequence[Host] | None = None,
        listen: Host | None = None,
    ) -> None:
        """Use this network, or these, instead of the present ones. What is announced and watched moves along.

        The arguments are as in BitBootConfig. Raises what `BitBoot(...)` and `create` do; the present
        networks stay then.
        """
        self._check_running()
        new = self._networks.prepare(network, backend, bootstrap, listen)
        async with self._changing:
            await self._networks.start(new.values())
            await self._exchange(self._networks, new)

    def add_bootstrap(self, contact: Host, *, network: str | None = None) -> None:
        """Start from this contact too, from now on. `network`: on this one only, None for all.

        Raises InvalidEndpoint, UnknownNetwork.
        """
        host = settings.contact(contact)
        for active in self._networks.named(network):
            active.add_bootstrap(host)

    def remove_bootstrap(self, contact: Host, *, network: str | None = None) -> bool:
        """Do not start from this contact any more. Whether it was one. Raises as `add_bootstrap`."""
        host = settings.contact(contact)
        removed = [active.remove_bootstrap(host) for active in self._networks.named(network)]
        return any(removed)

    # Inside

    def _check_running(self) -> None:
        if self._closing is not None:
            raise NotRunning("this BitBoot has been closed", hint="make a new one")
        if not self._started:
            raise NotRunning(
                "this BitBoot has not been started", hint="use `async with`, or `await BitBoot.create(...)`"
            )

    def _usable(self) -> list[ActiveNetwork]:
        """The active networks. Raises NotRunning where there are none."""
        self._check_running()
        if not self._networks:
            raise NotRunning("no network is active", hint="add one with add_network()")
        return list(self._networks)

    def _seconds(self, timeout: float | None) -> float:
        return self.config.timeout if timeout is None else settings.seconds("timeout", timeout)

    def _announces(self, swarm: str, endpoint: KnownHost) -> bool:
        return any(one.endpoint == endpoint and swarm in one.swarms for one in self._announcements)

    def _forget(self, announcement: Announcement) -> None:
        self._announcements.discard(announcement)
        same = frozenset(announcement.swarms), announcement.endpoint
        if self._announced_peers.get(same) is announcement:
            del self._announced_peers[same]

    async def _exchange(self, former: Iterable[ActiveNetwork], new: Mapping[str, ActiveNetwork]) -> None:
        """Use the `new` networks, which have been started, from now on, and the `former` no more."""
        if self._closing is not None:  # meanwhile
            await self._networks.close(CLOSE_TIMEOUT, new.values())
            self._check_running()
        leaving = [self._networks.remove(network.name) for network in former]
        self._networks.add(new)
        moving: set[Announcement | Watch] = {*self._announcements, *self._watches}
        users: list[Announcement | Lookup | Watch] = [*moving, *self._lookups]
        try:
            # First leave, then join: a node of the same network would withdraw what the new one announces.
            await asyncio.gather(*(user.leave(network.name) for user in users for network in leaving))
        finally:
            for user in moving & {*self._announcements, *self._watches}:  # those that are still open
                for network in new.values():
                    user.join(network)
            await self._networks.close(CLOSE_TIMEOUT, leaving)

    async def _shut_down(self) -> None:
        ends = self._clock.now() + CLOSE_TIMEOUT
        users: list[Announcement | Lookup | Watch] = [
            *self._announcements,
            *self._lookups,
            *self._watches,
        ]
        self._announcements.clear()  # none of them is wanted still
        try:
            await asyncio.gather(*(user.aclose() for user in users))
        finally:
            await self._networks.close(max(0.0, ends - self._clock.now()))


def _swarms(swarm: str | Iterable[str]) -> tuple[str, ...]:
    """The swarms' names, checked. Raises InvalidSwarmName."""
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


def _peer(host: Host | None, port: int | None) -> KnownHost:
    """The endpoint to announce. Raises InvalidEndpoint."""
    if port is None:
        if host is None:
            raise InvalidEndpoint("no port was given", hint="say which port your program listens on")
        endpoint = settings.endpoint(host)
    elif isinstance(host, KnownHost):
        raise InvalidEndpoint(f"both {host} and port={port} were given", hint="give one of the two")
    else:
        endpoint = KnownHost("" if host is None else host, port)
    if endpoint.port == 0:
        raise InvalidEndpoint(
            "port 0 cannot be announced", hint="announce the port that your program listens on"
        )
    return endpoint
