"""The backend's lookups: from the node's table, or through contacts while nobody is in it yet."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any

from bitboot_core import BackendTimeout, KnownHost

from .peer_stream import Arrivals, nobody_answered
from .resolving import Resolving
from .udp import UdpDriver
from .wire import compact
from .wire.compact import Address


async def lookup(
    driver: UdpDriver, lookups: set[Arrivals[Any]], key: bytes, through: Sequence[Address] = ()
) -> AsyncGenerator[KnownHost, None]:
    """`MainlineBackend.lookup`. `lookups`: those under way, which are told when the node closes."""
    arrivals: Arrivals[Address] = Arrivals(driver.give_way)
    now = asyncio.get_running_loop().time()
    operation = driver.node.find_peers(key, arrivals.put, arrivals.end, now=now, through=through)
    lookups.add(arrivals)
    driver.look()
    try:
        while (batch := await arrivals.next()) is not None:
            for address in batch:
                yield compact.known_host(address)
        if operation.unanswered:
            raise nobody_answered(operation.asked)
        if through and not operation.is_thorough:
            raise BackendTimeout(
                "fewer nodes answered than a lookup asks for", hint="try again once the network is reached"
            )
    finally:
        operation.cancel()
        lookups.discard(arrivals)


async def lookup_through(
    driver: UdpDriver, lookups: set[Arrivals[Any]], key: bytes, contacts: Sequence[KnownHost]
) -> AsyncGenerator[KnownHost, None]:
    """`MainlineBackend.lookup_through`. Names are resolved only where no contact is an address."""
    through = await _addresses(driver, [one for one in contacts if one.family is not None])
    if not through:
        through = await _addresses(driver, [one for one in contacts if one.family is None])
    if not through:
        raise nobody_answered(0)
    async with aclosing(lookup(driver, lookups, key, through)) as found:
        async for host in found:
            yield host


async def _addresses(driver: UdpDriver, contacts: Sequence[KnownHost]) -> list[Address]:
    """Where some contacts are, those whose names resolve first; none where none does."""
    async with Resolving(contacts, driver.node.tables, driver.remember) as resolving:
        while resolving.pending:
            addresses, _ = await resolving.next()
            if addresses:
                return addresses
    return []
