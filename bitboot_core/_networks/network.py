"""A network in use: its backend, in touch with the network, at the service of everybody."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import TYPE_CHECKING

from ..aio.clock import Clock
from ..aio.tasks import Signal, Tasks
from ..backend import Backend, BackendConfig, BackendSpec, Capabilities, Scope
from ..errors import BackendError, BitBootError
from ..model import KnownHost
from ..networks import NetworkDefinition
from ..reports import Place, Reachability, Receipt
from .early import lookup_early
from .guard import GuardedBackend, check_endpoint
from .in_touch import InTouch
from .items import Items
from .requests import Requests
from .sizes import Sizes

if TYPE_CHECKING:
    from random import Random

    from .kept_contacts import ContactFile
    from .state import NetworkState

COUNT_EVERY = 1.0
"""Seconds for which a count of contacts holds: it takes as long as there are many, and thousands may ask."""

CLEAN_UP = 1.0
"""Seconds that a backend gets to clean up after it failed to start."""


class ActiveNetwork:
    """One network, and the backend that serves it here."""

    def __init__(
        self,
        definition: NetworkDefinition,
        backend_name: str,
        spec: BackendSpec,
        config: BackendConfig,
        *,
        bootstrap: Sequence[KnownHost],
        clock: Clock,
        random: Random,
        file: ContactFile | None = None,
    ) -> None:
        """`file`: where its contacts are kept for the next start, None to keep none."""
        self._made_of = (definition, backend_name, spec, config, file)
        self.definition = definition
        self.starts_from: tuple[KnownHost, ...] = tuple(bootstrap)
        """The contacts that it was given."""
        self.name: str = definition.name
        self.backend_name = backend_name
        self._clock, self._random = clock, random
        self._backend = GuardedBackend(backend_name, spec, config, clock)
        self._touch = InTouch(
            self.name, self._backend, bootstrap=bootstrap, clock=clock, random=random, file=file
        )
        self.requests: Requests = Requests(self._backend, lambda: self.backend, clock)
        """What its node asks other nodes, and answers them."""
        self.sizes: Sizes = Sizes(self.name, self._backend, self._touch, clock)
        self.items: Items = Items(self.name, self._backend, self._touch, clock)
        self.most_stored: int = 0
        """On how many nodes an announcement was stored at best."""
        self._count, self._count_again = 0, -math.inf
        self._mapped: Mapping[int, KnownHost] = {}
        self._mapping_error: BitBootError | None = None

    def once_more(self) -> ActiveNetwork:
        """The same network, not started, with the contacts that it starts from now."""
        definition, backend_name, spec, config, file = self._made_of
        return ActiveNetwork(
            definition,
            backend_name,
            spec,
            config,
            bootstrap=self._touch.bootstrap,
            clock=self._clock,
            random=self._random,
            file=file,
        )

    @property
    def fixed_port(self) -> int:
        """The port that it was told to listen on, 0 for any free one."""
        listen = self._made_of[3].listen
        return 0 if listen is None else listen.port

    # Its life

    async def start(self, timeout: float) -> None:
        """Start the backend, and begin to bootstrap, which goes on by itself.

        Raises a BitBootError where it cannot start. That error is then what every call raises.
        """
        try:
            await self._backend.start(timeout)
        except BaseException as error:
            if isinstance(error, BitBootError):
                self._touch.unusable = error
            await self.aclose(CLEAN_UP)
            raise
        self.requests.begin()
        await self._touch.begin()

    async def aclose(self, timeout: float) -> None:
        """Stop everything within `timeout` seconds."""
        self._touch.end()
        keeping = self._touch.keep_contacts(self._backend.contacts(), self._backend.round_trips(), timeout)
        await asyncio.gather(self._backend.aclose(timeout), keeping)

    @property
    def is_running(self) -> bool:
        """Whether it has been started, and not closed yet."""
        return self._touch.unusable is None

    @property
    def tasks(self) -> Tasks:
        """The tasks that end with this network."""
        return self._backend.tasks

    @property
    def scope(self) -> Scope:
        """How far away its peers may be. Raises NotRunning before it is started."""
        return self._backend.capabilities.scope

    @property
    def meets_by_contacts(self) -> bool:
        """Whether it is made of nodes that must know one another, by host and port alone."""
        capabilities = self._backend.capabilities
        return capabilities.scope is Scope.PUBLIC and capabilities.own_port

    # Being in touch: see InTouch for what these mean

    async def ready(self, timeout: float) -> None:
        """Wait until a node of the network has answered. Raises as `InTouch.ready`."""
        await self._touch.ready(timeout)

    async def in_touch(self) -> None:
        """`ready`, but wait for ever."""
        await self._touch.in_touch()

    @property
    def is_ready(self) -> bool:
        """Whether it is running, and in touch or with nobody to get in touch with."""
        return self._touch.is_ready

    def late(self, timeout: float) -> BitBootError:
        """The error for a call that was not done after `timeout` seconds: what held it up."""
        return self._touch.late(timeout)

    def heard(self, error: BitBootError | None) -> None:
        """The network has answered, or failed to."""
        self._touch.heard(error)

    def add_bootstrap(self, contact: KnownHost) -> None:
        """Start from this contact too, now and in future."""
        self._touch.add_bootstrap(contact)

    async def meet(self, contacts: Sequence[KnownHost]) -> None:
        """Get in touch through these too, whom another network has found nearby."""
        await self._touch.meet(contacts)

    def remove_bootstrap(self, contact: KnownHost) -> bool:
        """Do not start from this contact any more. False where it was none."""
        return self._touch.remove_bootstrap(contact)

    @property
    def moves(self) -> int:
        """How often this node's address has changed."""
        return self._touch.moves

    @property
    def outages_over(self) -> int:
        """How often the network has come back after it could not be reached."""
        return self._touch.outages_over

    @property
    def size(self) -> int:
        """How many of the network's nodes we knew when we last looked."""
        return self._touch.size

    @property
    def news(self) -> Signal:
        """Wakes who waits for one of these three to change."""
        return self._touch.news

    # Where it is

    @property
    def address(self) -> KnownHost | None:
        """Where its backend listens, as far as known."""
        return self._backend.address

    @property
    def seen_at(self) -> frozenset[str]:
        """The addresses that others see it at, as far as known."""
        return self._backend.seen_at

    @property
    def places(self) -> Mapping[int, Place]:
        """By IP version, whether others can reach it, as its backend infers it."""
        return self._backend.places

    @property
    def capabilities(self) -> Capabilities | None:
        """What its backend can do. None where it does not run."""
        return None if self._touch.unusable is not None else self._backend.capabilities

    def mapped_at(self, outside: Mapping[int, KnownHost], error: BitBootError | None) -> None:
        """The router has opened its port there, by IP version, or none; and why not."""
        self._mapping_error = error
        if self._mapped != outside:
            self._mapped = dict(outside)
            self._backend.mapped_at(self._mapped)

    # What it is there for

    async def announce(self, key: bytes, endpoint: KnownHost, *, lifetime: float, timeout: float) -> Receipt:
        """Announce once, after waiting for contact. Raises a BitBootError within `timeout` seconds."""
        until = self._clock.now() + timeout
        if self._touch.unusable is None:
            check_endpoint(endpoint, self.name, self._backend.capabilities)
        try:
            await self.ready(timeout)
            receipt = await self._backend.announce(key, endpoint, lifetime=lifetime, until=until)
        except BackendError:
            self._touch.doubt()
            raise
        self.heard(None)
        self.most_stored = max(self.most_stored, receipt.stored_on)
        return receipt

    async def withdraw(self, key: bytes, endpoint: KnownHost, *, timeout: float) -> None:
        """Take an announcement back, where the network can do that."""
        await self._backend.withdraw(key, endpoint, until=self._clock.now() + timeout)

    def count_contacts(self) -> int:
        """How many of the network's nodes are known, or were a second ago."""
        now = self._clock.now()
        if now >= self._count_again:
            self._count, self._count_again = len(self._backend.contacts()), now + COUNT_EVERY
        return self._count

    def lookup(self, key: bytes) -> AsyncIterator[KnownHost]:
        """The backend's own stream of peers, as untrusted as the backend; it begins as soon as it can."""
        return self._backend.lookup(key) if self.is_ready else lookup_early(self._touch, self._backend, key)

    @property
    def crowd(self) -> int | None:
        """`Capabilities.crowd`: how many peers under one key may not be all. None where it does not run."""
        return None if self._touch.unusable is not None else self._backend.capabilities.crowd

    @property
    def backend(self) -> Backend:
        """The backend itself, for what only it offers. Raises why it is not running, where it is not."""
        if self._touch.unusable is not None:
            raise self._touch.unusable.with_traceback(None)
        return self._backend.backend

    def wrapped(self, error: BaseException, doing: str) -> BitBootError:
        """`error` as a BitBootError: itself, or a BackendError that names the backend."""
        return self._backend.wrapped(error, doing)

    def stats(self) -> Mapping[str, int | float]:
        """The backend's counters."""
        return self._backend.stats()

    def state(self) -> NetworkState:
        """How it is doing."""
        from .state import NetworkState  # noqa: PLC0415 - a program that starts need not wait for it

        return NetworkState(
            network=self.name,
            backend=self.backend_name,
            ready=self.is_ready,
            listen=self._backend.address,
            contacts=len(self._backend.contacts()),
            bootstrap=tuple(self._touch.bootstrap),
            error=self._touch.unusable or self._touch.unreached or self._backend.fault,
            tried=self._touch.tried,
            attempts=self._touch.attempts,
            places={**self._backend.places, **self._mapped_places()},
            mapping_error=self._mapping_error,
        )

    def _mapped_places(self) -> dict[int, Place]:
        """Where the router has opened its port, but for where strangers have called: that says more."""
        places = self._backend.places
        return {
            family: Place(Reachability.MAPPED, outside)
            for family, outside in self._mapped.items()
            if family not in places or places[family].reachability is not Reachability.OPEN
        }
