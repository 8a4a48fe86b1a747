"""Checks on time: what was granted is kept, what has lapsed is gone, what is withdrawn too."""

from __future__ import annotations

import math

import pytest

from bitboot_core.backend import Backend
from bitboot_core.errors import UnsupportedOperation
from bitboot_core.reports import Receipt

from ._base import LIFETIME, Checks, Nodes, check, endpoint_of, key_of, raised_by
from ._failing import fail


class LifetimeChecks(Checks):
    """How long an announcement lives."""

    @check
    async def test_a_receipt_is_true(self, nodes: Nodes) -> None:
        """Stored on at least one node, for no longer than asked, nor than the longest lifetime."""
        one = await nodes.start()
        longest = one.capabilities.max_lifetime
        for asked in (LIFETIME / 2, longest, longest * 10):
            receipt = await nodes.announce(
                one, key_of(one, f"asked for {asked}"), endpoint_of(one, 7001), asked
            )
            if not isinstance(receipt, Receipt):
                fail(f"announce() returned {receipt!r}, which is not a Receipt")
            if receipt.stored_on < 1:
                fail(f"{receipt} says that no node stored it: that is an AnnounceFailed")
            if not (math.isfinite(receipt.lifetime) and 0 < receipt.lifetime <= min(asked, longest)):
                fail(f"asked for {asked:g} s, it granted {receipt.lifetime} s, of at most {longest:g} s")

    @check
    async def test_an_announcement_lapses(self, nodes: Nodes) -> None:
        """It is found for as long as was granted, and not much longer."""
        one, other = await nodes.pair()
        key = key_of(one, "lapsing")
        lifetime = await _announce_for_long(nodes, one, key)
        await nodes.advance(0.9 * lifetime)
        if 7001 not in await nodes.ports(other, key):
            fail(f"an announcement for {lifetime:g} s was gone before its time was up")
        await nodes.advance(0.2 * lifetime + 1)
        if 7001 in await nodes.ports(other, key):
            fail(f"an announcement for {lifetime:g} s was still found when its time was up")

    @check
    async def test_announcing_again_renews(self, nodes: Nodes) -> None:
        """Its time counts from the last announcement."""
        one, other = await nodes.pair()
        key = key_of(one, "renewed")
        lifetime = await _announce_for_long(nodes, one, key)
        await nodes.advance(0.8 * lifetime)
        await _announce_for_long(nodes, one, key)
        await nodes.advance(0.8 * lifetime)
        if 7001 not in await nodes.ports(other, key):
            fail(f"an announcement for {lifetime:g} s was gone 0.8 of them after it was renewed")

    @check
    async def test_what_is_withdrawn_is_gone(self, nodes: Nodes) -> None:
        """At once, and what others announced stays. Where the network cannot: it says so."""
        one, other = await nodes.pair()
        if not one.capabilities.can_withdraw:
            pytest.skip("it cannot withdraw, and says so")
        key = key_of(one, "withdrawn")
        await nodes.announce(one, key, endpoint_of(one, 7001))
        await nodes.announce(other, key, endpoint_of(other, 7002))
        await nodes.soon(one.withdraw(key, endpoint_of(one, 7001)), "withdraw()")
        await nodes.expect(other, key, {7002}, "after 7001 was withdrawn")

    @check
    async def test_withdrawing_is_refused_where_it_cannot_be_done(self, nodes: Nodes) -> None:
        """Rather than done in appearance only."""
        one = await nodes.start()
        if one.capabilities.can_withdraw:
            pytest.skip("it can withdraw, and says so")
        key = key_of(one, "refused")
        await nodes.announce(one, key, endpoint_of(one, 7001))
        error = await nodes.soon(raised_by(lambda: one.withdraw(key, endpoint_of(one, 7001))), "withdraw()")
        if not isinstance(error, UnsupportedOperation):
            fail(f"can_withdraw is False, and yet withdraw() raised {error!r}, not UnsupportedOperation")


async def _announce_for_long(nodes: Nodes, node: Backend, key: bytes) -> float:
    longest = node.capabilities.max_lifetime
    return (await nodes.announce(node, key, endpoint_of(node, 7001), longest)).lifetime
