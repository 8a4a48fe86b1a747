"""The daemon: one BitBoot, and what it does for clients, whatever they speak."""

from __future__ import annotations

import asyncio
import os
from types import TracebackType
from typing import Any, Self

import bitboot_core
from bitboot_core import (
    BitBoot,
    BitBootConfig,
    BitBootError,
    Lookup,
    NetworkDefinition,
    Registry,
    default_registry,
)
from bitboot_core.aio.clock import Clock, SystemClock

from .limits import Limits
from .lookups import Lookups
from .metrics import Counts, Metrics
from .problems import NotFound, error_record
from .records import Json, contact_record, network_record, problems_of
from .secrets import Secrets
from .shared import Shared


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
        self.limits = limits if limits is not None else Limits()
        self.clock: Clock = clock if clock is not None else SystemClock()
        self.registry = registry if registry is not None else default_registry()
        self.bitboot = BitBoot(config, registry=self.registry, clock=self.clock)
        self.closing = asyncio.Event()
        """Set when the daemon ends: streams end then."""
        self.clients = 0
        """Open connections, counted by the server."""
        self.problems: list[Json] = []
        """What is wrong with the daemon itself, such as a configuration that cannot be read again."""
        kept = secrets if secrets is not None else Secrets(None)
        self._shared = Shared(self.bitboot, self.limits, self.clock, kept, self.closing)
        self.lookups = Lookups(self._shared, self._lookup_ended)
        self.metrics = Metrics(lambda: self.bitboot, self.counts, version=bitboot_core.__version__)
        self._began = self.clock.now()

    async def __aenter__(self) -> Self:
        await self.bitboot.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """End all streams, withdraw all announcements, and leave. May be called twice."""
        self.closing.set()
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
            "announcements": 0,
            "watches": 0,
        }

    def counts(self) -> Counts:
        """What it has to do now."""
        return Counts(clients=self.clients, lookups=self.lookups.running)

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

    async def reconfigure(self, config: BitBootConfig) -> None:
        """Use the networks of this configuration from now on; what is announced and watched moves along.

        Where nothing of the networks has changed they stay as they are. Other settings hold from the
        next start. Raises what `BitBoot.switch_network` does: the former ones stay then.
        """
        former = self.bitboot.config
        if _networks_of(config) != _networks_of(former):
            await self.bitboot.switch_network(
                config.network, backend=config.backend, bootstrap=config.bootstrap, listen=config.listen
            )
            self.bitboot.config = config
        self.problems.clear()

    def tell_reload_failed(self, error: BitBootError) -> None:
        """The configuration could not be read again, or its networks not be used: the status tells of it."""
        record = error_record(error)
        message = f"the configuration stays as it was: {record['message']}"
        self.problems[:] = [{"message": message, "hint": record["hint"]}]

    def _lookup_ended(self, lookup: Lookup, seconds: float, first: float | None) -> None:
        """A lookup has ended after `seconds`; its first peer came after `first`."""
        self.metrics.lookup_ended(
            networks=self.bitboot.networks(),
            seconds=seconds,
            first=first,
            peers=lookup.peers,
            failures=lookup.failures,
        )

    def _protocol(self, name: str) -> str:
        configured: Any = self.bitboot.config.network
        several = configured if isinstance(configured, (list, tuple)) else [configured]
        for one in several:
            if isinstance(one, NetworkDefinition) and one.name == name:
                return one.protocol
        known = self.registry.networks().get(name)
        return "" if known is None else known.protocol


def _networks_of(config: BitBootConfig) -> object:
    """What of a configuration is about networks."""
    return config.network, config.backend, config.bootstrap, config.listen
