"""The half of BitBoot that has to do with networks: its life, and which of them it uses."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self

from .. import _settings as settings
from .._settings import Host, Network
from ..aio.clock import Clock
from ..aio.endings import Endings
from ..config import BitBootConfig
from ..errors import BitBootError, InvalidConfig, NotRunning
from .use import Context

if TYPE_CHECKING:
    from random import Random

    from .._networks.network import ActiveNetwork
    from .._networks.per_network import PerNetwork
    from .._networks.state import NetworkState
    from .._plugins.registry import Registry
    from ..backend import Backend

CLOSE_TIMEOUT = 1.8
"""Seconds from the beginning of `aclose` until backends that do not close are left alone. The rest
of its two seconds is for the tasks that are cancelled then."""


class Networking:
    """Networks that are started together, come and go, and are closed together, with all that use them."""

    def __init__(self, config: BitBootConfig, registry: Registry, clock: Clock, random: Random) -> None:
        from .._networks.network_set import NetworkSet  # noqa: PLC0415 - an import of BitBoot does not wait for it
        from .ports.routers import Routers  # noqa: PLC0415

        self.config = config
        self._clock = clock
        self._networks = NetworkSet(config, registry, clock, random)
        self._context = Context(self._usable, config, clock, random, random.randbytes(16))
        self._routers = Routers(registry, clock)
        if config.map_ports:
            self._routers.check()
        self._started = False
        self._closing: asyncio.Task[None] | None = None
        self._ends = 0.0  # when closing has to be done
        self._changing = asyncio.Lock()
        self._changes = Endings()

    # Its life

    async def __aenter__(self) -> Self:
        if self._closing is not None:
            raise NotRunning("this BitBoot has been closed", hint="make a new one")
        _check_loop()
        if self._started:
            return self  # `async with await BitBoot.create(...)`
        self._started = True
        try:
            await self._networks.start()
            if self.config.map_ports:
                from .ports.node import NodePorts  # noqa: PLC0415 - few programs need it

                NodePorts(self._context, self._routers).open()
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
            self._ends = self._clock.now() + CLOSE_TIMEOUT
            self._closing = asyncio.get_running_loop().create_task(self._shut_down())
        await asyncio.shield(self._closing)

    def __repr__(self) -> str:
        state = "closed" if self._closing is not None else "open" if self._started else "not started"
        return f"<BitBoot on {', '.join(one.name for one in self._networks) or 'no network'}: {state}>"

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

        The arguments are as in BitBootConfig, for this network only. Where the caller is cancelled
        before the network has started, it is not added. Raises InvalidConfig where it is active
        already, and what `BitBoot(...)` and `create` do.
        """
        self._check_running()
        added = self._networks.prepare(network, backend, bootstrap, listen)
        self._check_new(added)
        await self._networks.start(added.values())
        await self._changes.finish(self._add(added))

    async def remove_network(self, name: str) -> None:
        """Use this network no more: withdraw from it and close it. Raises UnknownNetwork.

        It goes on to its end where the caller is cancelled.
        """
        self._check_running()
        self._networks.named(name)
        await self._changes.finish(self._remove(name))

    async def switch_network(
        self,
        network: Network | Sequence[Network],
        *,
        backend: str | None = None,
        bootstrap: Sequence[Host] | None = None,
        listen: Host | None = None,
    ) -> None:
        """Use this network, or these, instead of the present ones. What is announced and watched moves along.

        The arguments are as in BitBootConfig; `listen=None` keeps this BitBoot's own. Raises what
        `BitBoot(...)` and `create` do; the present networks stay then, and also where the caller is
        cancelled before the new ones have started. After that it goes on to its end. Where the new
        network gets the fixed port of a present one, that one is left first, and comes back where the
        new one does not start.
        """
        self._check_running()
        new = self._networks.prepare(
            network, backend, bootstrap, self.config.listen if listen is None else listen
        )
        if self._networks.shares_port(new.values()):
            await self._changes.finish(self._switch_on_one_port(new))
        else:
            await self._networks.start(new.values())
            await self._changes.finish(self._switch(new))

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

    def _check_new(self, names: Iterable[str]) -> None:
        for name in names:
            if name in self._networks:
                raise InvalidConfig(f"the network {name} is active already", hint="remove it first")

    def _usable(self) -> list[ActiveNetwork]:
        """The active networks. Raises NotRunning where there are none."""
        self._check_running()
        if not self._networks:
            raise NotRunning("no network is active", hint="add one with add_network()")
        return list(self._networks)

    def _seconds(self, timeout: float | None) -> float:
        return self.config.timeout if timeout is None else settings.seconds("timeout", timeout)

    # Changes: one at a time, and each to its end, so that no backend is left open

    async def _add(self, added: Mapping[str, ActiveNetwork]) -> None:
        async with self._changing:
            try:
                self._check_running()
                self._check_new(added)  # somebody else may have been faster
            except (NotRunning, InvalidConfig):
                await self._networks.close(CLOSE_TIMEOUT, added.values())
                raise
            await self._exchange([], added)

    async def _remove(self, name: str) -> None:
        async with self._changing:
            await self._exchange(self._networks.named(name), {})

    async def _switch(self, new: Mapping[str, ActiveNetwork]) -> None:
        async with self._changing:
            try:
                self._check_running()
            except NotRunning:
                await self._networks.close(CLOSE_TIMEOUT, new.values())
                raise
            await self._exchange(self._networks, new)

    async def _switch_on_one_port(self, new: Mapping[str, ActiveNetwork]) -> None:
        """One port cannot be listened on twice: leave first."""
        async with self._changing:
            self._check_running()
            former = list(self._networks)
            await self._exchange(former, {})
            try:
                await self._networks.start(new.values())
            except BitBootError:
                again = {network.name: network.once_more() for network in former}
                await self._networks.start(again.values())
                await self._exchange([], again)
                raise
            await self._exchange([], new)

    async def _exchange(self, former: Iterable[ActiveNetwork], new: Mapping[str, ActiveNetwork]) -> None:
        """Use the `new` networks, which have been started, from now on, and the `former` no more."""
        leaving = [self._networks.remove(network.name) for network in former]
        self._networks.add(new)
        users = list(self._context.users)
        try:
            # First leave, then join: a node of the same network would withdraw what the new one announces.
            await asyncio.gather(*(user.leave(network.name) for user in users for network in leaving))
            if leaving and self._context.endings:  # which still withdraw from these networks
                await asyncio.wait(set(self._context.endings))
        finally:
            for user in users:
                for network in new.values():
                    if user.is_open:
                        user.join(network)
            await self._networks.close(self._time_left(), leaving)

    def _time_left(self) -> float:
        """How many seconds a network may take to close."""
        return CLOSE_TIMEOUT if self._closing is None else max(0.0, self._ends - self._clock.now())

    async def _shut_down(self) -> None:
        self._networks.stop_starting()
        for user in list(self._context.users):
            user.end()
        try:
            if self._context.endings:
                await asyncio.wait(set(self._context.endings))
        finally:
            await asyncio.gather(self._networks.aclose(self._time_left()), self._routers.aclose())
            await self._changes.wait()


def _check_loop() -> None:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        raise NotRunning(
            "Bitboot runs on asyncio, and no asyncio event loop is running here",
            hint="use asyncio.run(); without asyncio, or on trio, use bitboot_core.blocking",
        ) from None
