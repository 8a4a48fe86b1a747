"""The check that a network that does not answer is not taken for an empty swarm."""

from __future__ import annotations

import pytest

from bitboot_core.errors import BackendError, BackendTimeout

from ._base import LIFETIME, Checks, Nodes, check, collect, endpoint_of, key_of, raised_by
from ._failing import fail


class SilenceChecks(Checks):
    """Nobody answered is never "nobody is there"."""

    @check
    async def test_where_nobody_answers_a_call_fails(self, nodes: Nodes) -> None:
        """When every other node has fallen silent: a lookup with BackendTimeout, an announcement too.

        And so does counting a swarm, where that can be done.
        """
        if nodes.world.fall_silent is None:
            pytest.skip("this world has no nodes that could fall silent")
        one, other = await nodes.pair()
        key = key_of(one, "before the silence")
        await nodes.announce(one, key, endpoint_of(one, 7001))
        await nodes.expect(other, key, {7001}, "after another node announced 7001")
        await nodes.close(one)
        await nodes.world.fall_silent()
        unknown, endpoint = key_of(other, "in the silence"), endpoint_of(other, 7002)
        error = await nodes.soon(raised_by(lambda: collect(other, unknown)), "a lookup that nobody answers")
        if not isinstance(error, BackendTimeout):
            fail(f"no other node answered, and a lookup {_ended(error)} instead of raising BackendTimeout")
        if other.capabilities.sizes:
            error = await nodes.soon(raised_by(lambda: other.size(unknown)), "a size that nobody tells")
            if not isinstance(error, BackendTimeout):
                fail(f"no other node answered, and size() {_ended(error)} instead of raising BackendTimeout")
        error = await nodes.soon(
            raised_by(lambda: other.announce(unknown, endpoint, lifetime=LIFETIME)),
            "an announcement that nobody answers",
        )
        if not isinstance(error, BackendError):
            fail(f"no other node answered, and announce() {_ended(error)} instead of raising AnnounceFailed")


def _ended(error: BaseException | None) -> str:
    return "ended well" if error is None else f"raised {error!r}"
