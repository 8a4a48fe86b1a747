"""Checks that peers are found: the right ones, under the right keys, as they arrive."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

from ._base import Checks, Nodes, check, collect, endpoint_of, key_of, stream
from ._failing import fail
from ._steps import Steps

LOOKUPS = 50


class FindingChecks(Checks):
    """Announced here is found there, and nothing else."""

    @check
    async def test_announced_here_is_found_there(self, nodes: Nodes) -> None:
        """What either of two nodes announces, both find."""
        one, other = await nodes.pair()
        key = key_of(one, "found")
        await nodes.announce(one, key, endpoint_of(one, 7001))
        await nodes.expect(other, key, {7001}, "after another node announced 7001")
        await nodes.announce(other, key, endpoint_of(other, 7002))
        for node in (one, other):
            await nodes.expect(node, key, {7001, 7002}, "after two nodes announced 7001 and 7002")

    @check
    async def test_an_unknown_key_ends_empty(self, nodes: Nodes) -> None:
        """A lookup for what nobody announced yields nothing, and ends by itself."""
        one, other = await nodes.pair()
        await nodes.announce(one, key_of(one, "known"), endpoint_of(one, 7001))
        await nodes.expect(other, key_of(other, "unknown"), (), "for a key that nobody announced")

    @check
    async def test_keys_do_not_mix(self, nodes: Nodes) -> None:
        """Keys that differ only in their first or last bit are different keys."""
        one, other = await nodes.pair()
        key = key_of(one, "alike")
        first = bytes([key[0] ^ 0x80]) + key[1:]
        last = key[:-1] + bytes([key[-1] ^ 0x01])
        ports = {key: 7001, first: 7002, last: 7003}
        for alike, port in ports.items():
            await nodes.announce(one, alike, endpoint_of(one, port))
        for alike, port in ports.items():
            await nodes.expect(other, alike, {port}, "with peers under keys that differ in one bit")

    @check
    async def test_announcing_again_is_idempotent(self, nodes: Nodes) -> None:
        """An announcement that is made three times is one announcement."""
        one, other = await nodes.pair()
        key = key_of(one, "again")
        for _ in range(3):
            await nodes.announce(one, key, endpoint_of(one, 7001))
        await nodes.expect(other, key, {7001}, "after 7001 was announced three times")

    @check
    async def test_the_first_peer_arrives_before_the_lookup_ends(self, nodes: Nodes) -> None:
        """A lookup that has to wait hands out peers as they arrive, not all of them at its end.

        No time is measured: a lookup that waited before its first peer has to wait again after it.
        One that learns all peers from one single answer does not; then override this check and say so.
        """
        one, other = await nodes.pair()
        key = key_of(one, "arriving")
        await nodes.announce(one, key, endpoint_of(one, 7001))
        await nodes.announce(other, key, endpoint_of(other, 7002))
        if nodes.world.stall is not None:
            await nodes.world.stall()
        steps = Steps()
        waits: list[int] = []

        async def read() -> None:
            async with aclosing(stream(other, key)) as peers:
                async for _ in peers:
                    waits.append(steps.taken)

        await nodes.soon(steps.count(read()), "a lookup")
        if not waits:
            fail("the lookup found nobody")
        if waits[0] and steps.taken == waits[0]:
            fail(
                f"the lookup waited {waits[0]} times before it yielded the first of {len(waits)} peers, and"
                " never after it: it collects them all before it yields any"
            )

    @check
    async def test_fifty_lookups_at_once(self, nodes: Nodes) -> None:
        """Lookups do not get into each other's way."""
        one, other = await nodes.pair()
        keys = [key_of(one, f"swarm {number}") for number in range(5)]
        for number, key in enumerate(keys):
            await nodes.announce(one, key, endpoint_of(one, 7001 + number))
        wanted = [7001 + number % len(keys) for number in range(LOOKUPS)]
        lookups = [collect(other, keys[number % len(keys)]) for number in range(LOOKUPS)]
        results = await nodes.soon(
            asyncio.gather(*lookups, return_exceptions=True), f"{LOOKUPS} lookups at once"
        )
        for port, result in zip(wanted, results, strict=True):
            if isinstance(result, BaseException):
                fail(f"one of {LOOKUPS} lookups at once raised {result!r}")
            if {peer.port for peer in result} != {port}:
                fail(f"one of {LOOKUPS} lookups at once found {result} instead of the port {port}")
