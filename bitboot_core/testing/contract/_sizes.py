"""The check that a swarm's size is told where that can be done, and refused where it cannot."""

from __future__ import annotations

from bitboot_core.backend import Backend
from bitboot_core.errors import UnsupportedOperation
from bitboot_core.swarm_size import SwarmSize

from ._base import Checks, Nodes, check, endpoint_of, key_of, raised_by
from ._failing import fail


class SizeChecks(Checks):
    """`Capabilities.sizes`, and what it promises."""

    @check
    async def test_a_swarm_is_counted_or_that_is_refused(self, nodes: Nodes) -> None:
        """Nobody is counted before anybody is there, then one or two, for every node alike."""
        one, other = await nodes.pair()
        key = key_of(one, "counted")
        if not one.capabilities.sizes:
            error = await nodes.soon(raised_by(lambda: one.size(key)), "size()")
            if not isinstance(error, UnsupportedOperation):
                fail(f"sizes is False, and yet size() raised {error!r}, not UnsupportedOperation")
            return
        await _expect(nodes, other, key, range(1), "before anybody was announced")
        await nodes.announce(one, key, endpoint_of(one, 7001))
        await _expect(nodes, other, key, range(1, 2), "after one peer was announced")
        await nodes.announce(other, key, endpoint_of(other, 7002))
        for node in (one, other):
            # Where IP addresses are counted, two nodes of one machine are one.
            await _expect(nodes, node, key, range(1, 3), "after a second peer was announced")


async def _expect(nodes: Nodes, node: Backend, key: bytes, totals: range, when: str) -> None:
    size = await nodes.soon(node.size(key), "size()")
    numbers = (size.seeds, size.peers, size.asked, size.answered) if isinstance(size, SwarmSize) else ()
    if not numbers or not all(isinstance(number, int) and number >= 0 for number in numbers):
        fail(f"size() returned {size!r}, which is not a SwarmSize of whole numbers")
    if size.total not in totals:
        fail(f"{when}, size() counted {size.total} peers")
