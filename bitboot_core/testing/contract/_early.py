"""The check that a node looks up before it is in touch where it says that it can, and else refuses to."""

from __future__ import annotations

from contextlib import aclosing
from typing import Any, cast

from bitboot_core.backend import Backend
from bitboot_core.errors import BackendTimeout, UnsupportedOperation
from bitboot_core.model import KnownHost

from ._base import Checks, Nodes, check, endpoint_of, key_of
from ._failing import fail


class EarlyChecks(Checks):
    """`Capabilities.early_lookups`, and what it promises."""

    @check
    async def test_lookups_begin_early_or_that_is_refused(self, nodes: Nodes) -> None:
        """A node that has only been started finds through the world's contacts what another announced."""
        one = await nodes.start()
        key = key_of(one, "early")
        await nodes.announce(one, key, endpoint_of(one, 7001))
        late = await nodes.start(bootstrap=False)
        contacts = list(nodes.world.contacts)
        found, error = await nodes.soon(_look(late, key, contacts), "lookup_through()")
        if not late.capabilities.early_lookups:
            if not isinstance(error, UnsupportedOperation):
                fail(f"early_lookups is False, and yet lookup_through() raised {error!r}")
        elif error is not None and not isinstance(error, BackendTimeout):
            fail(f"lookup_through() raised {error!r}: BackendTimeout says that too few nodes answered")
        elif contacts and 7001 not in found:
            fail(f"before it was in touch a node found {sorted(found)} through the contacts, not 7001")


async def _look(
    node: Backend, key: bytes, contacts: list[KnownHost]
) -> tuple[set[int], BaseException | None]:
    """The ports found, and how it failed."""
    found: set[int] = set()
    try:
        async with aclosing(cast("Any", node.lookup_through(key, contacts))) as peers:
            async for peer in peers:
                found.add(peer.port)
    except Exception as error:  # noqa: BLE001 - judged by the check
        return found, error
    return found, None
