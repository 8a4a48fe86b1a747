"""Bootstrap contacts on their way from names to addresses."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

from bitboot_core import BootstrapFailed, KnownHost
from bitboot_core.aio.resolve import resolve

from .wire import compact
from .wire.compact import Address

RESOLVE_GRACE = 0.25
"""Once one name has resolved, the others get so many seconds before the bootstrap begins."""


class Resolving:
    """Bootstrap contacts on their way to addresses, without the slowest name holding up the rest."""

    def __init__(
        self,
        contacts: Sequence[KnownHost],
        families: Mapping[int, object],
        on_found: Callable[[KnownHost], None] = lambda _: None,
    ) -> None:
        """`on_found` is told of every address, with its zone, which the compact ones do not have."""
        self._contacts = contacts
        self._on_found = on_found
        self._families = families
        self.pending: set[asyncio.Task[list[KnownHost]]] = set()

    async def __aenter__(self) -> Resolving:
        self.pending = {asyncio.create_task(resolve(contact, self._families)) for contact in self._contacts}
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        for task in self.pending:
            task.cancel()
        await asyncio.gather(*self.pending, return_exceptions=True)

    async def next(self) -> tuple[list[Address], list[BootstrapFailed]]:
        """Wait for a name, and a moment longer for the others; what resolved, and what did not."""
        done, self.pending = await asyncio.wait(self.pending, return_when=asyncio.FIRST_COMPLETED)
        if self.pending:
            more, self.pending = await asyncio.wait(self.pending, timeout=RESOLVE_GRACE)
            done |= more
        addresses: list[Address] = []
        failures: list[BootstrapFailed] = []
        for task in done:
            try:
                for found in task.result():
                    self._on_found(found)
                    addresses.append(compact.pack(found.host, found.port))
            except BootstrapFailed as error:
                failures.append(error)
        return [address for address in addresses if compact.is_usable(address)], failures
