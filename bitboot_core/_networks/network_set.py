"""The networks that one BitBoot uses: each with its backend, started, awaited and closed together."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Coroutine, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from .._settings import Host, Network, contacts, endpoint, networks, state_folder
from ..aio.clock import Clock
from ..aio.endings import Endings
from ..aio.tasks import cancel
from ..backend import BackendConfig
from ..config import BitBootConfig
from ..errors import BitBootError, InvalidConfig, NotRunning, UnknownNetwork
from ..networks import NetworkDefinition
from .neighbours import Neighbours
from .network import CLEAN_UP, ActiveNetwork
from .per_network import PerNetwork, one_error

if TYPE_CHECKING:
    from random import Random

    from .._plugins.registry import Registry
    from .state import NetworkState

T = TypeVar("T")


class NetworkSet:
    """Active networks by name."""

    def __init__(self, config: BitBootConfig, registry: Registry, clock: Clock, random: Random) -> None:
        """Choose backends for the config's networks. Raises as `prepare`."""
        self._config, self._registry, self._clock, self._random = config, registry, clock, random
        self._starting: dict[asyncio.Task[None], ActiveNetwork] = {}
        self._endings = Endings()
        self._neighbours = Neighbours(clock, random, read_only=config.read_only)
        self._active = self.prepare(config.network, config.backend, config.bootstrap, config.listen)

    def __del__(self) -> None:
        """Warn where networks run on although nobody can close them any more, as a socket does."""
        running = [network.name for network in getattr(self, "_active", {}).values() if network.is_running]
        if running:
            warnings.warn(
                f"unclosed BitBoot on {', '.join(running)}: use `async with`, or await its aclose()",
                ResourceWarning,
                source=self,
                stacklevel=2,
            )

    def __iter__(self) -> Iterator[ActiveNetwork]:
        return iter(list(self._active.values()))

    def __len__(self) -> int:
        return len(self._active)

    def __contains__(self, name: object) -> bool:
        return name in self._active

    def prepare(
        self,
        network: Network | Sequence[Network],
        backend: str | None,
        bootstrap: Sequence[Host] | None,
        listen: Host | None,
    ) -> dict[str, ActiveNetwork]:
        """Networks with their backends chosen, not started yet, and not in the set yet.

        Raises InvalidConfig, InvalidEndpoint, UnknownNetwork, UnknownBackend, NetworkUnavailable or
        BackendUnavailable.
        """
        from .kept_contacts import contact_file  # noqa: PLC0415 - an import of the core does not wait for it

        definitions = [self._definition(one) for one in networks(network)]
        pins = self._pins(definitions, backend)
        prepared: dict[str, ActiveNetwork] = {}
        for definition in definitions:
            if definition.name in prepared:
                raise InvalidConfig(
                    f"the network {definition.name} is given twice", hint="give each one once"
                )
            name, spec = self._registry.choose(definition, pins.get(definition.name))
            where = None if listen is None else endpoint(listen)
            if where is not None and prepared:
                where = replace(where, port=0)  # the first has the port: two can hardly share one
            starts_from = definition.bootstrap if bootstrap is None else contacts(bootstrap)
            prepared[definition.name] = ActiveNetwork(
                definition,
                name,
                spec,
                BackendConfig(
                    network=definition.name,
                    protocol=definition.protocol,
                    listen=where,
                    state_dir=state_folder(self._config.state_dir),
                    read_only=self._config.read_only,
                ),
                bootstrap=starts_from,
                clock=self._clock,
                random=self._random,
                file=contact_file(self._config.state_dir, definition.name, definition.protocol, starts_from),
            )
        return prepared

    def shares_port(self, prepared: Iterable[ActiveNetwork]) -> bool:
        """Whether one of the prepared networks is to listen on a fixed port that one of the set has."""
        taken = {network.fixed_port for network in self} - {0}
        return any(network.fixed_port in taken for network in prepared)

    async def start(self, prepared: Iterable[ActiveNetwork] | None = None) -> None:
        """Start the prepared networks, by default those of the set, side by side.

        Raises only where none of them starts. One that does not tells why in every call. Where the
        caller is cancelled they are all closed.
        """
        networks = list(self if prepared is None else prepared)
        starting = {asyncio.ensure_future(one.start(self._config.timeout)): one for one in networks}
        self._starting |= starting
        try:
            await asyncio.wait(starting)
            errors = _errors(starting)
        except BaseException:
            await self._endings.finish(_abandon(starting))
            raise
        finally:
            for task in starting:
                self._starting.pop(task)
        if errors and len(errors) == len(networks):
            raise one_error(errors, "starting")
        if prepared is None:
            self._neighbours.introduce(self)

    async def ready(self, timeout: float) -> None:
        """Wait until one of them is in touch. Raises after `timeout` seconds, or once all have failed."""
        if any(network.is_ready for network in self):
            return
        waiting = {asyncio.ensure_future(network.ready(timeout)): network for network in self}
        pending = set(waiting)
        try:
            while pending:
                done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                if any(_error(one) is None for one in done):
                    return
            errors = _errors(waiting)
        finally:
            await cancel(pending, self._clock)
            _look_at(waiting)
        raise one_error(errors, "getting in touch")

    async def close(self, within: float, some: Iterable[ActiveNetwork] | None = None) -> None:
        """Close the networks given, by default all of the set, within `within` seconds.

        It goes on to its end where the caller is cancelled.
        """
        closing = [network.aclose(within) for network in (self if some is None else some)]
        if closing:
            await self._endings.finish(_all(closing))

    def stop_starting(self) -> None:
        """Give up the networks that are just being started: they begin to close."""
        for task in self._starting:
            task.cancel()

    async def aclose(self, within: float) -> None:
        """Close all networks, those too that are just being started, within about `within` seconds."""
        closing = [network.aclose(within) for network in self]
        await self._endings.finish(_all([_abandon(dict(self._starting)), *closing]))
        await self._endings.wait()

    def add(self, prepared: Mapping[str, ActiveNetwork]) -> None:
        """Put networks into the set."""
        self._active.update(prepared)
        self._neighbours.introduce(self)

    def remove(self, name: str) -> ActiveNetwork:
        """Take a network out of the set. Raises UnknownNetwork."""
        found = self.named(name)[0]
        del self._active[name]
        return found

    def named(self, name: str | None) -> list[ActiveNetwork]:
        """The network of that name, or all for None. Raises UnknownNetwork."""
        if name is None:
            return list(self)
        if name not in self._active:
            raise UnknownNetwork(
                f"the network {name} is not active", hint=f"these are: {', '.join(self._active) or 'none'}"
            )
        return [self._active[name]]

    def states(self) -> PerNetwork[NetworkState]:
        """How each is doing."""
        return self._per_network({network.name: network.state() for network in self})

    def stats(self) -> PerNetwork[Mapping[str, int | float]]:
        """The counters of each one's backend."""
        return self._per_network({network.name: network.stats() for network in self})

    def _per_network(self, values: Mapping[str, T]) -> PerNetwork[T]:
        return PerNetwork(values, {network.name: network.backend_name for network in self})

    def _definition(self, network: Network) -> NetworkDefinition:
        if isinstance(network, str):
            return self._registry.network(str(network))
        try:
            from .._plugins.checks import check_network  # noqa: PLC0415 - imports what plugins bring

            return check_network(network)
        except (TypeError, ValueError) as error:
            raise InvalidConfig(str(error)) from error

    def _pins(self, definitions: Sequence[NetworkDefinition], backend: str | None) -> dict[str, str]:
        """For which networks the backend is pinned: of several, those whose protocol it speaks."""
        if backend is None:
            return {}
        spoken = self._registry.backend(backend).protocols
        served = [one for one in definitions if one.protocol in spoken]
        return {one.name: backend for one in served or definitions}


async def _all(works: Sequence[Coroutine[Any, Any, None]]) -> None:
    await asyncio.gather(*works)


async def _abandon(starting: Mapping[asyncio.Task[None], ActiveNetwork]) -> None:
    """Close networks that have started, or are just doing so."""
    for task in starting:
        task.cancel()  # again does no harm: a backend's close goes on, and is waited for below
    if starting:
        await asyncio.wait(starting)
    _look_at(starting)
    await asyncio.gather(*(network.aclose(CLEAN_UP) for network in starting.values()))


def _look_at(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Look at the errors that nobody needs: asyncio would log that they were never retrieved."""
    for task in tasks:
        if task.done() and not task.cancelled():
            task.exception()


def _error(task: asyncio.Task[None]) -> BitBootError | None:
    """Why a task that is done has failed. Raises what is no BitBootError, NotRunning for a cancelled one."""
    if task.cancelled():
        raise NotRunning("this BitBoot has been closed", hint="make a new one")
    error = task.exception()
    if error is not None and not isinstance(error, BitBootError):
        raise error
    return error


def _errors(tasks: Mapping[asyncio.Task[None], ActiveNetwork]) -> dict[str, BitBootError]:
    """Why tasks have failed, by the network of each: only of those that did."""
    errors = {network.name: _error(task) for task, network in tasks.items()}
    return {name: error for name, error in errors.items() if error is not None}
