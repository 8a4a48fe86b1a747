"""From the names of bootstrap contacts to nodes that have answered."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any

from bitboot_core import BootstrapFailed, KnownHost
from bitboot_core.aio.resolve import bootstrap_failure, resolve

from .protocol import PeerProtocol

GRACE = 0.25
"""Once one contact has answered, the others get so many seconds before we go on."""


async def reach(contacts: Sequence[KnownHost], protocols: Mapping[int, PeerProtocol]) -> int:
    """Greet `contacts` side by side; how many of them answered. `protocols` by IP family.

    Raises BootstrapFailed where none did, HostNotFound where no name resolves.
    """
    if not contacts:
        return 0
    tasks = [asyncio.create_task(_greet(contact, protocols)) for contact in contacts]
    answered = 0
    failures: list[BootstrapFailed] = []
    try:
        pending = set(tasks)
        while pending:
            done, pending = await asyncio.wait(
                pending, timeout=GRACE if answered else None, return_when=asyncio.FIRST_COMPLETED
            )
            for task in done:
                failure = task.result()
                if failure is None:
                    answered += 1
                else:
                    failures.append(failure)
            if answered and not done:
                break
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    if not answered:
        raise bootstrap_failure(contacts, failures)
    return answered


async def _greet(contact: KnownHost, protocols: Mapping[int, PeerProtocol]) -> BootstrapFailed | None:
    """None where a node answered at one of the contact's addresses."""
    try:
        addresses = await resolve(contact, protocols)
    except BootstrapFailed as error:
        return error
    answers = await asyncio.gather(*(_greet_at(found, protocols[found.family or 4]) for found in addresses))
    return None if any(answers) else BootstrapFailed("no answer")


def _greet_at(found: KnownHost, protocol: PeerProtocol) -> Coroutine[Any, Any, bool]:
    return protocol.greet(protocol.address_of(found))
