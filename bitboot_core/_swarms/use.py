"""What announcements, lookups and watches have in common: they use networks, and they end."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, ClassVar, Self

from ..aio.clock import Clock
from ..aio.tasks import Tasks
from ..config import BitBootConfig
from ..errors import NotRunning
from .heirs import Heirs

if TYPE_CHECKING:
    from random import Random

    from .._networks.network import ActiveNetwork


@dataclass(eq=False, repr=False)
class Context:
    """What one BitBoot lends to all that use its networks.

    `networks`: gives the active ones; raises NotRunning where there are none. `shard_salt`: as for
    `shards.shard_of`. `users`: those that are open. `heirs`: the announcements among them. `endings`: the
    ends, under way, of those that were.
    """

    networks: Callable[[], Iterable[ActiveNetwork]]
    config: BitBootConfig
    clock: Clock
    random: Random
    shard_salt: bytes
    users: set[NetworkUser] = field(default_factory=set)
    heirs: Heirs = field(default_factory=Heirs)
    endings: set[asyncio.Task[None]] = field(default_factory=set)


class NetworkUser(ABC):
    """Something that uses networks from when it is opened until it is closed.

    It is opened once. Networks come and go meanwhile: `join` and `leave`. Its end is a task of its
    own, among the context's endings, so that it takes place whoever is cancelled.
    """

    what: ClassVar[str]
    """What it is called in messages."""

    made_by: ClassVar[str]
    """The method of BitBoot that makes one, for messages."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._clock = context.clock
        self._tasks = Tasks(context.clock)
        self._state = "new"
        self._ending: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    def open(self) -> None:
        """Begin. `async with` does this. Raises NotRunning where it has been closed, or BitBoot has."""
        if self._state != "new":
            raise NotRunning(
                f"the {self.what} can be opened once", hint=f"make another one with {self.made_by}()"
            )
        try:
            networks = list(self._context.networks())
        except NotRunning:
            self._state = "closed"
            raise
        self._state = "open"
        self._context.users.add(self)
        for network in networks:
            self._use(network)

    async def aclose(self) -> None:
        """Stop, and clean up. May be called twice. It goes on to its end where the caller is cancelled."""
        ending = self.end()
        if ending is not None:
            await asyncio.shield(ending)

    def end(self) -> asyncio.Task[None] | None:
        """Begin to close; `aclose` waits for the task. None where it was never opened."""
        if self._state == "open":
            self._state = "closed"
            self._context.users.discard(self)
            self._stop()
            self._ending = asyncio.get_running_loop().create_task(self._clean_up())
            self._context.endings.add(self._ending)
            self._ending.add_done_callback(self._context.endings.discard)
        self._state = "closed"
        return self._ending

    @property
    def is_open(self) -> bool:
        """Whether it has begun, and nobody has closed it."""
        return self._state == "open"

    # Called when networks come and go

    def join(self, network: ActiveNetwork) -> None:
        """Use this network too."""
        self._use(network)

    @abstractmethod
    async def leave(self, network: str) -> None:
        """Use the network of that name no more."""

    # What each kind of user does in its own way

    @abstractmethod
    def _use(self, network: ActiveNetwork) -> None:
        """Begin on a network."""

    @abstractmethod
    def _stop(self) -> None:
        """It is to be closed: tell whoever waits for it."""

    async def _clean_up(self) -> None:
        """End what is under way. Within about a second."""
        await self._tasks.cancel()

    # Inside

    def _check_open(self) -> None:
        if self._state != "open":
            raise NotRunning(f"the {self.what} is not open", hint="use it with `async with`")
