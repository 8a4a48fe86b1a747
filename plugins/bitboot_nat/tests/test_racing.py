"""Several gateways, of which one is the router."""

from __future__ import annotations

import asyncio

import pytest
from bitboot_nat.gateway import Gateway
from bitboot_nat.racing import first

from bitboot_core import NoRouterAnswered, PortMappingFailed

ONE, OTHER, THIRD = (Gateway(f"192.168.{number}.1") for number in range(3))
SILENT, REFUSED = NoRouterAnswered("nobody"), PortMappingFailed("it says no")


async def test_the_first_that_answers_and_nobody_is_left_asking() -> None:
    cancelled = []

    async def ask(gateway: Gateway) -> str:
        if gateway is ONE:
            raise REFUSED
        if gateway is OTHER:
            await asyncio.sleep(0)
            return gateway.host
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(gateway)
            raise
        return ""

    assert await first([ONE, OTHER, THIRD], ask) == OTHER.host
    assert cancelled == [THIRD]


@pytest.mark.parametrize("order", [[ONE, OTHER], [OTHER, ONE]])
async def test_a_refusal_says_more_than_silence(order: list[Gateway]) -> None:
    async def ask(gateway: Gateway) -> str:
        if gateway is order[1]:
            await asyncio.sleep(0)
        raise REFUSED if gateway is ONE else SILENT

    with pytest.raises(PortMappingFailed, match="it says no"):
        await first(order, ask)


async def test_a_mistake_is_no_silence() -> None:
    async def ask(gateway: Gateway) -> str:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await first([ONE, OTHER], ask)
