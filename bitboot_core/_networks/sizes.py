"""How large a swarm is: the question to one network's backend, and what its answer must be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..aio.clock import Clock
from ..errors import BackendError, UnsupportedOperation
from .guard import GuardedBackend
from .in_touch import InTouch

if TYPE_CHECKING:
    from ..swarm_size import SwarmSize

MOST = 2**31
"""Whoever counts more than this has miscounted."""

_DOING = "tell how large a swarm is"


class Sizes:
    """Asks one network."""

    def __init__(self, network: str, backend: GuardedBackend, touch: InTouch, clock: Clock) -> None:
        self._network, self._backend, self._touch, self._clock = network, backend, touch, clock

    async def ask(self, key: bytes, *, timeout: float) -> SwarmSize:
        """How large the swarm under `key` is, after waiting for contact. Raises a BitBootError in time."""
        from ..swarm_size import SwarmSize  # noqa: PLC0415 - an import of the core does not wait for it

        until = self._clock.now() + timeout
        if self._touch.unusable is None and not self._backend.capabilities.sizes:
            raise UnsupportedOperation(
                f"{self._network} cannot {_DOING}: {self._backend.name} has no way to ask",
                hint="count the peers that a lookup finds",
            )
        try:
            await self._touch.ready(timeout)
            backend = self._backend.backend
            size = await self._backend.call(_DOING, lambda: backend.size(key), until)
            if not _makes_sense(size):
                raise self._backend.nonsense(_DOING, size)
        except BackendError as error:
            if self._touch.unusable is not None:  # it was closed meanwhile
                raise self._touch.unusable.with_traceback(None) from error
            self._touch.heard(error)
            raise
        self._touch.heard(None)
        return SwarmSize(seeds=size.seeds, peers=size.peers, asked=size.asked, answered=size.answered)


def _makes_sense(size: object) -> bool:
    from ..swarm_size import SwarmSize  # noqa: PLC0415

    return isinstance(size, SwarmSize) and all(
        isinstance(number, int) and not isinstance(number, bool) and 0 <= number <= MOST
        for number in (size.seeds, size.peers, size.asked, size.answered)
    )
