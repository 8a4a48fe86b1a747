"""The backend's bootstrap: contacts whose addresses are known are asked at once, names once they resolve."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

from bitboot_core import BootstrapFailed, KnownHost
from bitboot_core.aio.resolve import bootstrap_failure

from .resolving import RESOLVE_GRACE, Resolving
from .udp import UdpDriver
from .wire.compact import Address

Ask: TypeAlias = Callable[[list[Address]], Awaitable[int]]
"""Finds a place in the network through these; how many of them answered."""


async def join(driver: UdpDriver, contacts: Sequence[KnownHost], ask: Ask) -> int:
    """`MainlineBackend.bootstrap`."""
    if not contacts:
        return 0
    known = [contact for contact in contacts if contact.family is not None]
    named = [contact for contact in contacts if contact.family is None]
    pending = {asyncio.create_task(_join(driver, part, ask)) for part in (known, named) if part}
    parts = list(pending)
    answered, failures = 0, list[BootstrapFailed]()
    try:
        while pending:
            # Names take as long as the resolver does: who has an answer waits for them only a moment longer.
            done, pending = await asyncio.wait(
                pending,
                timeout=RESOLVE_GRACE if answered else None,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if not done:
                break
            for part in done:
                heard, failed = part.result()
                answered += heard
                failures += failed
    finally:
        for part in parts:
            part.cancel()
        await asyncio.gather(*parts, return_exceptions=True)
    if not answered:
        raise bootstrap_failure(contacts, failures)
    return answered


async def _join(
    driver: UdpDriver, contacts: Sequence[KnownHost], ask: Ask
) -> tuple[int, list[BootstrapFailed]]:
    """How many of some contacts answered, and what kept the others from it."""
    failures: list[BootstrapFailed] = []
    async with Resolving(contacts, driver.node.tables, driver.remember) as resolving:
        while resolving.pending:
            addresses, failed = await resolving.next()
            failures += failed
            if addresses and (answered := await ask(addresses)):
                return answered, failures
            if addresses:
                failures.append(BootstrapFailed("no answer"))
    return 0, failures
