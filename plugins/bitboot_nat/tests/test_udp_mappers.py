"""PCP and NAT-PMP with a router on loopback, which restarts, refuses, lies and hangs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Literal

import pytest
from bitboot_nat.gateway import Gateway
from bitboot_nat.mappers.natpmp import NatPmpMapper
from bitboot_nat.mappers.pcp import PcpMapper

from bitboot_core import KnownHost, NoRouterAnswered, PortMapper, PortMappingFailed, PortRequest
from bitboot_core.testing import ManualClock

from .double_router import GATEWAY, OUTSIDE, PATIENT, SHORT, DoubleRouter, double_router

Make = Callable[..., PortMapper]


def request(
    transport: Literal["tcp", "udp"] = "tcp", port: int = 7001, outside_port: int = 7001
) -> PortRequest:
    return PortRequest(family=4, transport=transport, port=port, outside_port=outside_port, lifetime=7200)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(5000)


@pytest.fixture
async def router(clock: ManualClock) -> AsyncIterator[DoubleRouter]:
    async with double_router(clock) as router:
        yield router


@pytest.fixture(params=[PcpMapper, NatPmpMapper], ids=["pcp", "nat-pmp"])
def make(request: Any, router: DoubleRouter, clock: ManualClock) -> Make:
    def make(gateways: Sequence[Gateway] = (GATEWAY,), pauses: Sequence[float] = PATIENT) -> PortMapper:
        mapper: PortMapper = request.param(
            lambda family: gateways, port=router.port, clock=clock, pauses=pauses
        )
        return mapper

    return make


@pytest.fixture
async def mapper(make: Make) -> PortMapper:
    """One that has found the router."""
    mapper = make()
    await mapper.probe(4)
    return mapper


async def test_a_port_is_opened_renewed_and_closed(mapper: PortMapper, router: DoubleRouter) -> None:
    grant = await mapper.map(request())
    assert (grant.outside, grant.lifetime) == (KnownHost(OUTSIDE, 7001), 7200)
    assert router.open.keys() == {(6, 7001)}
    assert (await mapper.map(request())).outside == grant.outside
    assert await mapper.check(request(), grant)
    await mapper.unmap(request(), 7001)
    assert not router.open
    await mapper.aclose()


async def test_another_port_may_be_given(mapper: PortMapper, router: DoubleRouter) -> None:
    router.taken = {7001}
    grant = await mapper.map(request("udp"))
    assert grant.outside.port == 7002
    await mapper.unmap(request("udp"), 7002)
    assert not router.open


async def test_the_probe_opens_nothing(make: Make, router: DoubleRouter) -> None:
    await make().probe(4)
    assert not router.open


async def test_nat_pmp_tells_the_outside_address_when_probed(
    router: DoubleRouter, clock: ManualClock
) -> None:
    mapper = NatPmpMapper(lambda family: [GATEWAY], port=router.port, clock=clock, pauses=PATIENT)
    assert await mapper.probe(4) == KnownHost(OUTSIDE, 0)


async def test_a_restart_is_noticed(mapper: PortMapper, router: DoubleRouter, clock: ManualClock) -> None:
    grant = await mapper.map(request())
    await clock.advance(100)
    assert await mapper.check(request(), grant)
    router.restart()
    assert not await mapper.check(request(), grant)
    grant = await mapper.map(request())
    assert await mapper.check(request(), grant)


async def test_a_restart_that_takes_as_long_as_it_had_run_is_noticed(
    mapper: PortMapper, router: DoubleRouter, clock: ManualClock
) -> None:
    """It counts more than at the last answer, but less than has passed since."""
    grant = await mapper.map(request())
    router.restart()
    await clock.advance(2000)
    assert not await mapper.check(request(), grant)


async def test_what_is_asked_for_one_port_is_not_lost_with_another(
    mapper: PortMapper, router: DoubleRouter, clock: ManualClock
) -> None:
    one, other = request(port=7001), request("udp", port=7002, outside_port=7002)
    await mapper.map(one)
    router.restart()
    first = await mapper.map(one)
    second = await mapper.map(other)
    await mapper.probe(4)  # as for a third
    assert await mapper.check(one, first)
    assert await mapper.check(other, second)
    await mapper.unmap(one, 7001)
    assert await mapper.check(other, second)


async def test_lost_datagrams_are_sent_again(mapper: PortMapper, router: DoubleRouter) -> None:
    router.deaf = 2
    assert (await mapper.map(request())).outside.port == 7001


async def test_silence_is_said_to_be_silence(make: Make, router: DoubleRouter) -> None:
    router.speaks = set()
    with pytest.raises(NoRouterAnswered, match="did not answer"):
        await make(pauses=SHORT).probe(4)


async def test_where_nobody_listens(make: Make, router: DoubleRouter) -> None:
    mapper = make([Gateway("127.0.0.254")], pauses=SHORT)
    with pytest.raises(NoRouterAnswered, match=r"does not listen|did not answer"):
        await mapper.probe(4)


async def test_without_a_gateway_there_is_nobody_to_ask(make: Make) -> None:
    with pytest.raises(NoRouterAnswered, match="no default gateway"):
        await make([]).probe(4)


async def test_of_several_gateways_the_one_that_answers(make: Make, router: DoubleRouter) -> None:
    """As where a router listens on one interface of two."""
    mapper = make([Gateway("127.0.0.254"), GATEWAY])
    await mapper.probe(4)
    assert (await mapper.map(request())).outside == KnownHost(OUTSIDE, 7001)


@pytest.mark.parametrize("result", [2, 4, 5, 8, 77])
async def test_a_refusal_is_told(mapper: PortMapper, router: DoubleRouter, result: int) -> None:
    router.result = result
    with pytest.raises(PortMappingFailed, match=r"127\.0\.0\.1 says: ") as caught:
        await mapper.map(request())
    assert not isinstance(caught.value, NoRouterAnswered)
    assert "settings" in caught.value.hint


@pytest.mark.parametrize(("kind", "result"), [(NatPmpMapper, 3), (PcpMapper, 7)])
async def test_a_router_that_is_not_outside_itself(
    router: DoubleRouter, clock: ManualClock, kind: type[NatPmpMapper | PcpMapper], result: int
) -> None:
    mapper = kind(lambda family: [GATEWAY], port=router.port, clock=clock, pauses=PATIENT)
    await mapper.probe(4)
    router.result = result
    with pytest.raises(PortMappingFailed, match="no outside address itself") as caught:
        await mapper.map(request())
    assert "double NAT" in caught.value.hint


@pytest.mark.parametrize("lie", ["port", "sender", "junk", "short"])
async def test_lies_are_not_believed(mapper: Any, router: DoubleRouter, lie: str) -> None:
    router.lie, mapper._pauses = lie, SHORT
    with pytest.raises(NoRouterAnswered):
        await mapper.map(request())
    router.lie, mapper._pauses = "", PATIENT
    assert (await mapper.map(request())).outside == KnownHost(OUTSIDE, 7001)


async def test_pcp_believes_nobody_who_does_not_know_the_nonce(
    router: DoubleRouter, clock: ManualClock
) -> None:
    mapper = PcpMapper(lambda family: [GATEWAY], port=router.port, clock=clock, pauses=PATIENT)
    await mapper.probe(4)
    router.lie, mapper._pauses = "nonce", SHORT
    with pytest.raises(NoRouterAnswered):
        await mapper.map(request())


async def test_pcp_is_not_spoken_by_a_router_of_nat_pmp(router: DoubleRouter, clock: ManualClock) -> None:
    router.speaks = {"natpmp"}
    mapper = PcpMapper(lambda family: [GATEWAY], port=router.port, clock=clock, pauses=PATIENT)
    with pytest.raises(NoRouterAnswered, match="does not speak PCP"):
        await mapper.probe(4)


async def test_pcp_says_so_where_somebody_else_has_the_port(router: DoubleRouter, clock: ManualClock) -> None:
    for number in (1, 2):
        mapper = PcpMapper(lambda family: [GATEWAY], port=router.port, clock=clock, pauses=PATIENT)
        await mapper.probe(4)
        if number == 1:
            await mapper.map(request())
    with pytest.raises(PortMappingFailed, match="refuses") as caught:
        await mapper.map(request())
    assert "earlier run" in caught.value.hint


async def test_a_router_without_an_outside_address(router: DoubleRouter, make: Make) -> None:
    router.outside = "0.0.0.0"
    mapper = make()
    await mapper.probe(4)
    grant = await mapper.map(request())
    assert grant.outside == KnownHost("", 7001)
    assert await mapper.check(request(), grant)


async def test_a_lifetime_without_end_is_cut(mapper: PortMapper, router: DoubleRouter) -> None:
    router.lifetime = 2**32 - 1
    asked = PortRequest(family=4, transport="tcp", port=7001, outside_port=7001, lifetime=2**32 - 1)
    assert (await mapper.map(asked)).lifetime == 86_400


async def test_what_was_never_asked_for_needs_no_router(router: DoubleRouter, clock: ManualClock) -> None:
    mapper = PcpMapper(lambda family: [GATEWAY], port=router.port, clock=clock, pauses=PATIENT)
    await mapper.unmap(request(), 7001)
    assert not router.asked
    with pytest.raises(NoRouterAnswered):
        await mapper.map(request())
