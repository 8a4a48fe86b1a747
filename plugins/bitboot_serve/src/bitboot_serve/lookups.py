"""Lookups for clients: as many at once as the limits allow, each of a warm node."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from bitboot_core import BitBootError, Lookup, NotRunning, Peer

from .problems import OtherNetworks, TooMany, error_record
from .records import Json, peer_record, ready_record
from .shared import Shared
from .wishes import LookupWish

Record = tuple[str, Json]
"""What kind of record it is, and the record."""


Ended = Callable[[LookupWish, Lookup, float, float | None], None]
"""Told of a lookup that has ended: how many seconds it took, and how many until its first peer."""


class Lookups:
    """The lookups that are under way."""

    def __init__(self, shared: Shared, ended: Ended) -> None:
        """`ended`: is told of each lookup."""
        self._shared, self._ended = shared, ended
        self.running: int = 0
        self.done: int = 0

    async def run(self, wish: LookupWish) -> AsyncGenerator[Record, None]:
        """Look a swarm up: `peer` for each peer as it arrives, then `end`.

        Where the wish says which networks are meant, `ready` comes first, for each of them. The first record
        is the first that happens, so that what fails before it is raised: TooMany, OtherNetworks, NotRunning,
        and what `BitBoot.find` and its iteration raise. After that a failure is the record `error`, the last.
        """
        limit = self._shared.limits.lookups
        if self.running >= limit:
            raise TooMany(f"{limit} lookups are under way", hint="try again in a moment")
        self.running += 1
        try:
            async with aclosing(self._records(wish)) as records:
                async for record in records:
                    yield record
        finally:
            self.running -= 1
            self.done += 1

    async def _records(self, wish: LookupWish) -> AsyncGenerator[Record, None]:
        secret = await self._shared.secret(wish.secret)
        ready = self._ready(wish)
        for record in ready:
            yield "ready", record
        began, first = time.monotonic(), None
        found: list[Peer] = []
        lookup = self._shared.bitboot.find(wish.swarm, limit=wish.limit, timeout=wish.timeout, secret=secret)
        async with lookup:
            try:
                async for peer in lookup:
                    if first is None:
                        first = time.monotonic() - began
                    found.append(peer)
                    yield "peer", {"event": "peer", **peer_record(wish.swarm, peer)}
            except BitBootError as error:
                if not found and not ready:
                    raise
                yield "error", {"event": "error", **error_record(error)}
                return
            finally:
                self._ended(wish, lookup, time.monotonic() - began, first)
        yield (  # after all is closed, so that the end goes out with the last record
            "end",
            {
                "event": "end",
                "swarm": str(wish.swarm),
                "peers": len(found),
                "seconds": round(time.monotonic() - began, 4),
                "unproved": lookup.unproved,
                "failures": {name: error_record(error) for name, error in lookup.failures.items()},
            },
        )

    def _ready(self, wish: LookupWish) -> list[Json]:
        """`ready` for each network, where the wish says which are meant. Raises OtherNetworks, NotRunning."""
        if wish.networks is None:
            return []
        states = self._shared.bitboot.networks()
        if wish.networks != {name: frozenset(map(str, state.bootstrap)) for name, state in states.items()}:
            raise OtherNetworks(
                "this daemon is on other networks, or starts from other contacts",
                hint="GET /v1/networks tells of both",
            )
        for name, state in states.items():
            if not state.ready:
                raise NotRunning(f"this daemon is not in touch with {name}", hint="try again in a moment")
        return [ready_record(state) for state in states.values()]
