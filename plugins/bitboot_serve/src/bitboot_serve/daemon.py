"""The daemon: one BitBoot, and what it does for clients, whatever they speak."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from types import TracebackType
from typing import Any, Self

import bitboot_core
from bitboot_core import (
    Announcement,
    BitBoot,
    BitBootConfig,
    BitBootError,
    Lookup,
    NetworkDefinition,
    Registry,
    SwarmKey,
    default_registry,
)
from bitboot_core.aio.clock import Clock, SystemClock
from bitboot_core.aio.tasks import Tasks

from .announcements import Announcements
from .limits import Limits
from .lookups import Lookups
from .metrics import Counts, Metrics
from .problems import NotFound, error_record
from .records import Json, contact_record, network_record, problems_of, swarm_record
from .reloading import usable_now, use_networks
from .secrets import Secrets
from .shared import Shared
from .traffic import Traffic
from .watches import Watches
from .wishes import LookupWish


class Daemon:
    """What all clients share. Use it with `async with`: it opens its BitBoot, and closes all at the end."""

    def __init__(
        self,
        config: BitBootConfig,
        *,
        limits: Limits | None = None,
        secrets: Secrets | None = None,
        registry: Registry | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Raises what `BitBoot(config)` does. `registry` and `clock`: for tests."""
        self.limits: Limits = limits if limits is not None else Limits()
        self.clock: Clock = clock if clock is not None else SystemClock()
        self.registry: Registry = registry if registry is not None else default_registry()
        self.bitboot: BitBoot = BitBoot(config, registry=self.registry, clock=self.clock)
        self.closing: asyncio.Event = asyncio.Event()
        """Set when the daemon ends: streams end then."""
        self.clients: int = 0
        """Open connections, counted by the server."""
        self.problems: list[Json] = []
        """What is wrong with the daemon itself, such as a configuration that cannot be read again."""
        kept = secrets if secrets is not None else Secrets(None)
        self._shared = Shared(self.bitboot, self.limits, self.clock, kept, self.closing)
        self.lookups: Lookups = Lookups(self._shared, self._lookup_ended)
        self.metrics: Metrics = Metrics(lambda: self.bitboot, self.counts, version=bitboot_core.__version__)
        self.watches: Watches = Watches(self._shared)
        self.announcements: Announcements = Announcements(
            self._shared, self._announcement_changed, self.watches.look_again
        )
        self.traffic: Traffic = Traffic(self._shared)
        self._tasks = Tasks(self.clock)
        self._names: list[str] = []  # of its networks; what they are doing takes longer to find out
        self._began = self.clock.now()

    async def __aenter__(self) -> Self:
        await self.bitboot.__aenter__()
        self._names = list(self.bitboot.networks())
        self._tasks.start(self.traffic.run())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """End all streams, withdraw all announcements, and leave. May be called twice."""
        self.closing.set()
        self.watches.close()
        self.announcements.close()
        await self._tasks.cancel()
        await self.bitboot.aclose()

    def status(self) -> Json:
        """How the daemon is doing."""
        return {
            "version": bitboot_core.__version__,
            "pid": os.getpid(),
            "uptime": round(self.clock.now() - self._began, 3),
            "problems": [*self.problems, *problems_of(self.bitboot)],
            "networks": self.networks(),
            "clients": self.clients,
            "lookups": self.lookups.running,
            "announcements": len(self.announcements),
            "watches": self.watches.readers,
        }

    def counts(self) -> Counts:
        """What it has to do now."""
        peers = Counter(
            source
            for one in self.watches.watched()
            for record in one.present.values()
            for source in record["sources"]
        )
        return Counts(
            clients=self.clients,
            lookups=self.lookups.running,
            announcements=len(self.announcements),
            watches=self.watches.readers,
            swarms=len(self.swarms()),
            peers=peers,
        )

    def networks(self) -> list[Json]:
        """How each network is doing."""
        states = self.bitboot.networks()
        return [network_record(state, self._protocol(name)) for name, state in states.items()]

    def network(self, name: str) -> Json:
        """How one network is doing, with its backend's counters. Raises NotFound."""
        found = next((one for one in self.networks() if one["name"] == name), None)
        if found is None:
            raise NotFound(f"this daemon is on no network named {name}", hint="GET /v1/networks lists them")
        return {**found, "stats": dict(self.bitboot.stats().get(name, {}))}

    def contacts(self, name: str) -> Json:
        """The routing table of a network's node. Raises NotFound, and why the network has not started."""
        self.network(name)
        table = self.bitboot.backend(name).routing_table()
        return {"network": name, "contacts": [contact_record(contact) for contact in table]}

    def swarms(self) -> list[Json]:
        """The swarms that are watched or announced now, with the peers that are known of those watched."""
        found: dict[tuple[str | SwarmKey, bool], Json] = {}

        def entry(swarm: str | SwarmKey, is_private: bool) -> Json:
            empty = {"private": is_private, "watched": False, "announced": False, "peers": []}
            return found.setdefault((swarm, is_private), {**swarm_record(swarm), **empty})

        for one in self.watches.watched():
            record = entry(one.swarm, one.is_private)
            record["watched"] = True
            record["peers"] += one.present.values()
        for lease in self.announcements.leases():
            entry(lease.swarm, lease.is_private)["announced"] = True
        return list(found.values())

    async def reconfigure(self, config: BitBootConfig) -> list[str]:
        """Use this configuration from now on; what is announced and watched moves along.

        Returns which of its settings differ and hold from the next start only; the status tells of them.
        Raises what `BitBoot.switch_network` and `add_network` do: all stays as it was then.
        """
        former = self.bitboot.config
        new, waiting = usable_now(config, former)
        self.bitboot.config = new  # for what begins from now on
        try:
            await use_networks(self.bitboot, former, new, self.registry)
        except BaseException:
            self.bitboot.config = former
            raise
        self._names = list(self.bitboot.networks())
        self.problems[:] = [
            {"message": f"{name} in the configuration has changed", "hint": "restart to apply"}
            for name in waiting
        ]
        return waiting

    def tell_reload_failed(self, error: BitBootError) -> None:
        """The configuration could not be read again, or its networks not be used: the status tells of it."""
        record = error_record(error)
        message = f"the configuration stays as it was: {record['message']}"
        self.problems[:] = [{"message": message, "hint": record["hint"]}]

    def _lookup_ended(self, wish: LookupWish, lookup: Lookup, seconds: float, first: float | None) -> None:
        """A lookup has ended after `seconds`; its first peer came after `first`."""
        self.watches.look_for(wish, lookup.peers)
        self.metrics.lookup_ended(
            networks=self._names,
            seconds=seconds,
            first=first,
            peers=lookup.peers,
            failures=lookup.failures,
        )

    def _announcement_changed(self, announcement: Announcement) -> None:
        """An attempt to announce has ended, well or not."""
        self.metrics.announcement_changed(announcement)

    def _protocol(self, name: str) -> str:
        configured: Any = self.bitboot.config.network
        several = configured if isinstance(configured, (list, tuple)) else [configured]
        for one in several:
            if isinstance(one, NetworkDefinition) and one.name == name:
                return one.protocol
        known = self.registry.networks().get(name)
        return "" if known is None else known.protocol
