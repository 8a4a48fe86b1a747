"""A lookup that begins before its network has been reached: at the contacts that are being tried, at once."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, cast

from ..errors import BackendError
from ..model import KnownHost
from .guard import GuardedBackend
from .in_touch import InTouch


async def lookup_early(
    touch: InTouch, backend: GuardedBackend, key: bytes
) -> AsyncGenerator[KnownHost, None]:
    """The peers under a key, from the contacts at hand where the backend can begin at them.

    Where too few of these answer, and with a backend that cannot, the network is waited for, and looked up in
    as ever: that contacts are gone does not make a swarm empty. Raises as `InTouch.in_touch`.
    """
    contacts = touch.openings()
    if touch.unusable is None and contacts and backend.capabilities.early_lookups:
        try:
            async with aclosing(cast("Any", backend.lookup(key, contacts))) as found:
                async for host in found:
                    yield host
        except BackendError:
            pass  # what keeps us from the network, `in_touch` knows better
        else:
            touch.answered()  # not at the first peer: that may be the word of one node
            return
    await touch.in_touch()
    async with aclosing(cast("Any", backend.lookup(key))) as found:
        async for host in found:
            yield host
