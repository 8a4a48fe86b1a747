"""Ports that the router is asked to open: opened, renewed, checked, opened anew, closed; and announced."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from bitboot_core import (
    Announces,
    BitBoot,
    Capabilities,
    DoubleNat,
    InvalidConfig,
    InvalidEndpoint,
    KnownHost,
    NoRouterAnswered,
    NotRunning,
    Place,
    PortGrant,
    PortMapper,
    PortMapping,
    PortMappingFailed,
    Reachability,
    Registry,
    Scope,
    swarm_key,
)
from bitboot_core._swarms.ports.keeper import CHECK_EVERY, LIFETIME
from bitboot_core._swarms.ports.node import DOUBT
from bitboot_core._swarms.ports.routers import ANSWER, HEAD_START, PROBE
from bitboot_core.testing import (
    FakeBackend,
    FakePortMapper,
    ManualClock,
    answers,
    fails,
    hangs,
    hangs_until,
    mapper_spec_of,
)

OUTSIDE = "81.2.69.160"
PUBLIC = Capabilities(can_withdraw=True, announces=Announces.OWN_ADDRESS, scope=Scope.PUBLIC, own_port=True)
SILENT = fails(NoRouterAnswered("nobody answered"))


@pytest.fixture
def mapper(registry: Registry) -> FakePortMapper:
    """One that is installed."""
    mapper = FakePortMapper(OUTSIDE)
    registry.register_port_mapper(mapper_spec_of(mapper))
    return mapper


@pytest.fixture
async def bitboot(serve: Any) -> BitBoot:
    made: BitBoot = await serve(FakeBackend())
    return made


def install(registry: Registry, **mappers: PortMapper) -> None:
    """The first is the best."""
    for rank, (name, mapper) in enumerate(mappers.items()):
        registry.register_port_mapper(mapper_spec_of(mapper, name, rank=rank))


async def opened(mapping: Any, clock: ManualClock, seconds: float = 2 * ANSWER) -> None:
    """Let the first attempt end."""
    mapping.open()
    await clock.advance(seconds)


# Opening and closing


async def test_a_port_is_open_as_long_as_the_block_lasts(bitboot: BitBoot, mapper: FakePortMapper) -> None:
    async with bitboot.map_port(7001, transport="tcp") as mapping:
        assert mapping.external == KnownHost(OUTSIDE, 7001)
        assert (mapping.method, mapping.error, mapping.expires_in) == ("fake", None, LIFETIME)
        assert mapper.open.keys() == {("tcp", 7001)}
    assert not mapper.open
    assert mapping.external is None


async def test_it_is_closed_with_the_bitboot_too(serve: Any, mapper: FakePortMapper) -> None:
    bitboot = await serve(FakeBackend())
    mapping = bitboot.map_port(7001, transport="udp")
    await mapping.__aenter__()
    assert mapper.open
    await bitboot.aclose()
    assert not mapper.open
    assert mapper.calls[-1] == ("aclose",)
    with pytest.raises(NotRunning):
        await mapping.changed()


async def test_one_that_was_cancelled_while_it_opened_is_closed(
    bitboot: BitBoot, mapper: FakePortMapper, clock: ManualClock
) -> None:
    """The router may have opened it all the same."""
    mapper.acts["map"] = hangs()
    task = asyncio.ensure_future(bitboot.map_port(7001).__aenter__())
    await clock.settle()
    assert mapper.count("map") == 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert mapper.count("unmap") == 1


async def test_a_router_that_hangs_holds_up_no_close(
    bitboot: BitBoot, mapper: FakePortMapper, clock: ManualClock
) -> None:
    mapper.acts["unmap"] = hangs()
    mapping = await bitboot.map_port(7001).__aenter__()
    closing = asyncio.ensure_future(bitboot.aclose())
    await clock.advance(2)
    assert closing.done()
    assert mapping.external is None


async def test_a_mapper_that_does_not_close_is_left(
    bitboot: BitBoot, mapper: FakePortMapper, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mapper, "aclose", hangs())
    await bitboot.map_port(7001).__aenter__()
    closing = asyncio.ensure_future(bitboot.aclose())
    await clock.advance(2)
    assert closing.done()


async def test_both_transports_get_one_outside_port(bitboot: BitBoot, mapper: FakePortMapper) -> None:
    async with bitboot.map_port(7001, transport="both", outside_port=7100) as mapping:
        assert mapping.external == KnownHost(OUTSIDE, 7100)
        assert mapper.open.keys() == {("tcp", 7100), ("udp", 7100)}
    assert not mapper.open


async def test_where_udp_has_the_port_already_both_get_another(bitboot: BitBoot, registry: Registry) -> None:
    class Crowded(FakePortMapper):
        async def map(self, request: Any) -> PortGrant:
            grant = await super().map(request)
            if (request.transport, request.outside_port) == ("udp", 7001):
                self.open["udp", 7002] = self.open.pop(("udp", 7001))
                return PortGrant(KnownHost(OUTSIDE, 7002), grant.lifetime)
            return grant

    mapper = Crowded()
    install(registry, crowded=mapper)
    async with bitboot.map_port(7001, transport="both") as mapping:
        assert mapping.external is not None
        port = mapping.external.port
        assert port not in (7001, 7002)
        assert mapper.open.keys() == {("tcp", port), ("udp", port)}


async def test_where_they_never_get_one_it_says_so(bitboot: BitBoot, registry: Registry) -> None:
    class Odd(FakePortMapper):
        async def map(self, request: Any) -> PortGrant:
            await super().map(request)
            return PortGrant(KnownHost(OUTSIDE, 5000 if request.transport == "tcp" else 5001), 60)

    install(registry, odd=Odd())
    async with bitboot.map_port(7001, transport="both") as mapping:
        assert mapping.external is None
        assert "different outside ports" in str(mapping.error)


async def test_what_two_have_open_is_closed_with_the_second(
    bitboot: BitBoot, mapper: FakePortMapper, clock: ManualClock
) -> None:
    first = await bitboot.map_port(7001).__aenter__()
    async with bitboot.announce("swarm", port=7001, map_port=True) as announcement:
        await announcement.announced()
        await first.aclose()
        assert mapper.open.keys() == {("tcp", 7001), ("udp", 7001)}
    assert not mapper.open


async def test_two_that_close_at_once_leave_nothing_open(serve: Any, mapper: FakePortMapper) -> None:
    bitboot = await serve(FakeBackend())
    for _ in range(2):
        await bitboot.map_port(7001, transport="both").__aenter__()
    await bitboot.aclose()
    assert not mapper.open


async def test_ipv6_waits_for_a_public_address(
    bitboot: BitBoot, registry: Registry, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    addresses = {4: "192.168.1.7", 6: "fd00::7"}
    monkeypatch.setattr("bitboot_core._swarms.ports.keeper.own_address", addresses.get)
    six = FakePortMapper("2a09:f0f1::10")
    registry.register_port_mapper(mapper_spec_of(six, families=[6]))
    async with bitboot.map_port(7001) as mapping:
        assert mapping.external is None
        assert not six.calls
        addresses[6] = "2a09:f0f1::10"
        await clock.advance(21)
        assert mapping.externals == {6: KnownHost("2a09:f0f1::10", 7001)}
        assert mapping.external == mapping.externals[6]


async def test_both_ip_versions_side_by_side(
    bitboot: BitBoot, registry: Registry, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    mapper = FakePortMapper(OUTSIDE)
    registry.register_port_mapper(mapper_spec_of(mapper))
    addresses = {4: "192.168.1.7", 6: "2a09:f0f1::10"}
    monkeypatch.setattr("bitboot_core._swarms.ports.keeper.own_address", addresses.get)
    six = FakePortMapper("2a09:f0f1::10")
    registry.register_port_mapper(mapper_spec_of(six, "six", families=[6]))
    async with bitboot.map_port(7001) as mapping:
        await clock.settle()
        assert mapping.externals == {
            4: KnownHost(OUTSIDE, 7001),
            6: KnownHost("2a09:f0f1::10", 7001),
        }
        assert mapping.external == KnownHost(OUTSIDE, 7001)
        mapper.outside = "192.168.0.1"
        mapping.open_again()
        await clock.settle()
        assert mapping.error is None  # over IPv6 it leads to the internet
        assert mapping.externals.keys() == {4, 6}
        assert mapping.leading_out.keys() == {6}
        assert mapping.external == mapping.externals[6]
    assert not mapper.open
    assert not six.open


# Which method


async def test_all_are_asked_at_once_and_the_best_that_answers_is_used(
    bitboot: BitBoot, registry: Registry, clock: ManualClock
) -> None:
    best, silent, other = FakePortMapper(), FakePortMapper(probe=SILENT), FakePortMapper()
    install(registry, silent=silent, best=best, other=other)
    async with bitboot.map_port(7001) as mapping:
        assert mapping.method == "best"
    assert [one.count("probe") for one in (best, silent, other)] == [1, 1, 1]
    assert not other.count("map")


async def test_a_better_one_gets_a_moment_to_answer(
    bitboot: BitBoot, registry: Registry, clock: ManualClock
) -> None:
    better, late = asyncio.Event(), asyncio.Event()

    def answers_once(event: asyncio.Event) -> Any:
        async def act() -> KnownHost:
            await event.wait()
            return KnownHost(OUTSIDE, 0)

        return act

    install(
        registry,
        late=FakePortMapper(probe=answers_once(late)),
        better=FakePortMapper(probe=answers_once(better)),
        quick=FakePortMapper(),
    )
    mapping = bitboot.map_port(7001)
    mapping.open()
    await clock.advance(HEAD_START / 2)
    better.set()
    await clock.advance(HEAD_START)
    late.set()
    assert mapping.method == "better"


async def test_where_one_refuses_the_next_is_asked(bitboot: BitBoot, registry: Registry) -> None:
    refused = PortMappingFailed("the router says no", hint="allow it")
    install(registry, strict=FakePortMapper(map=fails(refused)), kind=FakePortMapper())
    async with bitboot.map_port(7001) as mapping:
        assert mapping.method == "kind"
        assert mapping.error is None


async def test_where_all_refuse_it_says_why_each_did(bitboot: BitBoot, registry: Registry) -> None:
    refused = PortMappingFailed("the router says no", hint="allow it there")
    install(registry, silent=FakePortMapper(probe=SILENT), strict=FakePortMapper(map=fails(refused)))
    async with bitboot.map_port(7001) as mapping:
        assert mapping.external is None
        assert type(mapping.error) is PortMappingFailed
        assert "silent: nobody answered; strict: the router says no" in str(mapping.error)
        assert mapping.error.hint == "allow it there"
        with pytest.raises(PortMappingFailed, match="says no"):
            await mapping.mapped()


async def test_where_nobody_answers_that_is_another_error(bitboot: BitBoot, registry: Registry) -> None:
    install(registry, one=FakePortMapper(probe=SILENT), two=FakePortMapper(probe=SILENT))
    async with bitboot.map_port(7001) as mapping:
        assert isinstance(mapping.error, NoRouterAnswered)
        assert "by hand" in mapping.error.hint


async def test_one_that_hangs_is_given_up(bitboot: BitBoot, registry: Registry, clock: ManualClock) -> None:
    install(registry, hanging=FakePortMapper(probe=hangs()), slow=FakePortMapper(map=hangs()))
    mapping = bitboot.map_port(7001)
    await opened(mapping, clock, PROBE + ANSWER + 1)
    assert "hanging did not find a router within 3 s" in str(mapping.error)
    assert "slow did not open the port within 4 s" in str(mapping.error)


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (FakePortMapper(probe=fails(KeyError("oops"))), "failed to find a router: KeyError: 'oops'"),
        (FakePortMapper(probe=answers(5)), "answered 5"),
        (FakePortMapper(map=answers(None)), "answered None"),
        (FakePortMapper(map=answers(PortGrant(KnownHost(OUTSIDE, 0), 60))), "answered PortGrant"),
        (FakePortMapper(map=answers(PortGrant(KnownHost(OUTSIDE, 5), 0))), "answered PortGrant"),
    ],
)
async def test_a_plugin_that_makes_mistakes_is_named(
    bitboot: BitBoot, registry: Registry, broken: FakePortMapper, words: str
) -> None:
    install(registry, broken=broken)
    async with bitboot.map_port(7001) as mapping:
        assert type(mapping.error) is PortMappingFailed
        assert words in str(mapping.error)
        assert "report it" in mapping.error.hint


# Its life


async def test_it_is_renewed_at_half_time_at_the_same_port(
    bitboot: BitBoot, mapper: FakePortMapper, clock: ManualClock
) -> None:
    mapping = bitboot.map_port(7001, outside_port=7100)
    await opened(mapping, clock, 0)
    await clock.advance(LIFETIME / 2 - 1)
    assert mapper.count("map") == 1
    await clock.advance(2)
    assert mapper.count("map") == 2
    assert mapper.calls[-1][1].outside_port == 7100
    assert mapping.expires_in == pytest.approx(LIFETIME, abs=2)
    await clock.advance(4 * LIFETIME)
    assert mapper.count("map") == pytest.approx(2 + 8, abs=1)
    assert not mapper.count("unmap")
    assert mapping.external == KnownHost(OUTSIDE, 7100)


async def test_what_never_expires_is_renewed_too(
    bitboot: BitBoot, mapper: FakePortMapper, clock: ManualClock
) -> None:
    """A router that restarts forgets it."""
    mapper.acts["map"] = answers(PortGrant(KnownHost(OUTSIDE, 7001), math.inf))
    mapper.acts["check"] = answers(True)
    mapping = bitboot.map_port(7001)
    await opened(mapping, clock, 0)
    assert mapping.expires_in == math.inf
    await clock.advance(3601)
    assert mapper.count("map") == 2


async def test_what_the_router_lists_no_more_is_deleted_and_added(
    bitboot: BitBoot, mapper: FakePortMapper, clock: ManualClock
) -> None:
    mapping = bitboot.map_port(7001)
    await opened(mapping, clock, 0)
    mapper.open.clear()  # it has restarted
    await clock.advance(CHECK_EVERY + 1)
    assert mapper.open.keys() == {("tcp", 7001)}
    assert [call[0] for call in mapper.calls][-4:] == ["check", "probe", "unmap", "map"]


async def test_what_the_router_has_forgotten_and_does_not_open_again_is_not_open(
    bitboot: BitBoot, mapper: FakePortMapper, clock: ManualClock
) -> None:
    mapping = bitboot.map_port(7001)
    await opened(mapping, clock, 0)
    mapper.open.clear()
    mapper.acts["map"] = fails(PortMappingFailed("it says no"))
    await clock.advance(CHECK_EVERY + 1)
    assert mapping.external is None
    assert "it says no" in str(mapping.error)


async def test_it_is_opened_again_at_the_port_that_others_know(
    bitboot: BitBoot, mapper: FakePortMapper, clock: ManualClock
) -> None:
    mapper.acts["map"] = answers(PortGrant(KnownHost(OUTSIDE, 40001), 7200))
    mapping = bitboot.map_port(7001)
    await opened(mapping, clock, 0)
    assert mapping.external == KnownHost(OUTSIDE, 40001)
    del mapper.acts["map"]
    await clock.advance(CHECK_EVERY + 1)
    assert mapper.open.keys() == {("tcp", 40001)}


async def test_another_outside_address_is_noticed_at_the_next_check(
    bitboot: BitBoot, mapper: FakePortMapper, clock: ManualClock
) -> None:
    mapping = bitboot.map_port(7001)
    await opened(mapping, clock, 0)
    mapper.outside = "81.2.69.161"
    await clock.advance(CHECK_EVERY + 1)
    assert mapping.external == KnownHost("81.2.69.161", 7001)


async def test_a_move_that_others_see_is_acted_upon_at_once(
    serve: Any, mapper: FakePortMapper, clock: ManualClock
) -> None:
    class Seen(FakeBackend):
        where = OUTSIDE

        @property
        def seen_at(self) -> Sequence[str]:
            return [self.where]

        def on_moved(self, handler: Any) -> None:
            self.moved = handler

    backend = Seen()
    bitboot = await serve(backend)
    mapping = bitboot.map_port(7001)
    await opened(mapping, clock, 0)
    mapper.outside = backend.where = "81.2.69.161"
    await clock.settle()
    assert isinstance(mapping.error, DoubleNat)  # the two do not agree
    backend.moved()
    await clock.settle()
    assert mapping.external == KnownHost("81.2.69.161", 7001)
    assert mapping.error is None


async def test_another_network_is_noticed_by_our_own_address(
    bitboot: BitBoot, mapper: FakePortMapper, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    addresses = {4: "192.168.1.7"}
    monkeypatch.setattr("bitboot_core._swarms.ports.keeper.own_address", addresses.get)
    mapping = bitboot.map_port(7001)
    await opened(mapping, clock, 0)
    addresses[4] = "10.0.0.9"
    await clock.advance(21)
    assert mapper.count("probe") == 2
    del addresses[4]  # without a network there is nobody to ask
    await clock.advance(21)
    assert mapper.count("probe") == 2


async def test_a_renewal_that_fails_is_tried_again_while_it_lasts(
    bitboot: BitBoot, mapper: FakePortMapper, clock: ManualClock
) -> None:
    mapping = bitboot.map_port(7001)
    await opened(mapping, clock, 0)
    mapper.acts["map"] = mapper.acts["probe"] = SILENT
    await clock.advance(LIFETIME / 2 + 60)
    assert mapping.external == KnownHost(OUTSIDE, 7001)  # as far as anybody knows
    assert mapper.count("map") > 1
    assert mapping.error is None  # it is open, and leads to the internet
    await clock.advance(LIFETIME / 2)
    assert mapping.external is None
    assert isinstance(mapping.error, NoRouterAnswered)
    del mapper.acts["map"], mapper.acts["probe"]
    await clock.advance(301)
    assert mapping.external == KnownHost(OUTSIDE, 7001)


async def test_where_the_method_stops_working_another_one_takes_over(
    bitboot: BitBoot, registry: Registry, clock: ManualClock
) -> None:
    first, second = FakePortMapper(), FakePortMapper()
    install(registry, first=first, second=second)
    mapping = bitboot.map_port(7001, outside_port=7100)
    await opened(mapping, clock, 0)
    first.acts = {"probe": SILENT, "map": SILENT, "check": SILENT}
    await clock.advance(LIFETIME)
    assert mapping.method == "second"
    assert mapping.external == KnownHost(OUTSIDE, 7100)


# Where it leads


@pytest.mark.parametrize("address", ["192.168.1.2", "10.0.0.1", "100.64.3.4", "172.16.0.1", "169.254.1.1"])
async def test_double_nat_is_said_so(bitboot: BitBoot, mapper: FakePortMapper, address: str) -> None:
    mapper.outside = address
    async with bitboot.map_port(7001) as mapping:
        assert mapping.external == KnownHost(address, 7001)
        assert isinstance(mapping.error, DoubleNat)
        assert "private address" in str(mapping.error)
        assert "bridge mode" in mapping.error.hint
        with pytest.raises(DoubleNat):
            await mapping.mapped()


@pytest.mark.parametrize("outside", ["", "0.0.0.0"])
async def test_a_router_that_does_not_know_its_address(
    bitboot: BitBoot, mapper: FakePortMapper, outside: str
) -> None:
    mapper.outside = outside
    async with bitboot.map_port(7001) as mapping:
        assert mapping.external == KnownHost("", 7001)
        assert mapping.error is None


# What makes no sense


async def test_it_needs_a_plugin(bitboot: BitBoot, serve: Any) -> None:
    with pytest.raises(PortMappingFailed, match="nothing is installed") as caught:
        bitboot.map_port(7001)
    assert 'pip install "bitboot-core[nat]"' in caught.value.hint
    with pytest.raises(PortMappingFailed):
        bitboot.announce("swarm", port=7001, map_port=True)
    serve.forget()
    with pytest.raises(PortMappingFailed):
        serve.make(FakeBackend(), map_ports=True)


async def test_what_makes_no_sense_is_refused(bitboot: BitBoot, mapper: FakePortMapper) -> None:
    with pytest.raises(InvalidEndpoint):
        bitboot.map_port(0)
    with pytest.raises(InvalidEndpoint):
        bitboot.map_port(7001, outside_port=0)  # which a router may read as "all ports"
    with pytest.raises(InvalidConfig):
        bitboot.map_port(7001, transport="sctp")  # type: ignore[arg-type]
    with pytest.raises(InvalidEndpoint, match="leave the host out"):
        bitboot.announce("swarm", "192.0.2.7:7001", map_port=True)
    assert not mapper.calls


# What is announced


def announced(backend: FakeBackend) -> list[KnownHost]:
    key = swarm_key("swarm")
    return [call[2] for call in backend.calls if call[:2] == ("announce", key)]


def withdrawn(backend: FakeBackend) -> list[KnownHost]:
    return [call[2] for call in backend.calls if call[0] == "withdraw"]


async def test_the_announcement_tells_the_outside_port(serve: Any, registry: Registry) -> None:
    mapper = FakePortMapper(map=answers(PortGrant(KnownHost(OUTSIDE, 40001), 7200)), check=answers(True))
    install(registry, fake=mapper)
    backend = FakeBackend(capabilities=PUBLIC)
    bitboot = await serve(backend)
    async with bitboot.announce("swarm", port=7001, map_port=True) as announcement:
        await announcement.announced()
        assert announced(backend) == [KnownHost("", 40001)]
        assert announcement.mapping is not None
        assert announcement.mapping.external == KnownHost(OUTSIDE, 40001)
        assert [call[1].transport for call in mapper.calls if call[0] == "map"] == ["tcp", "udp"]
    assert mapper.count("unmap") == 2
    assert withdrawn(backend) == [KnownHost("", 40001)]


async def test_on_the_local_network_its_own_port_is_announced_without_waiting_for_the_router(
    serve: Any, registry: Registry
) -> None:
    """Peers there are behind the same router."""
    asked = asyncio.Event()
    install(registry, fake=FakePortMapper(map=hangs_until(asked), check=answers(True)))
    far = FakeBackend(capabilities=PUBLIC)
    near = FakeBackend(capabilities=replace(PUBLIC, scope=Scope.LAN, own_port=False))
    bitboot = await serve(far, near)
    async with bitboot.announce("swarm", port=7001, map_port=True) as announcement:
        await announcement.announced()
        assert (announced(far), announced(near)) == ([], [KnownHost("", 7001)])
        asked.set()


async def test_the_local_network_is_not_told_the_outside_port(
    serve: Any, registry: Registry, clock: ManualClock
) -> None:
    mapper = FakePortMapper(map=answers(PortGrant(KnownHost(OUTSIDE, 40001), 7200)), check=answers(True))
    install(registry, fake=mapper)
    far = FakeBackend(capabilities=PUBLIC)
    near = FakeBackend(capabilities=replace(PUBLIC, scope=Scope.LAN, own_port=False))
    bitboot = await serve(far, near)
    async with bitboot.announce("swarm", port=7001, map_port=True):
        await clock.advance(60)
        assert (announced(far), announced(near)) == ([KnownHost("", 40001)], [KnownHost("", 7001)])


async def test_where_no_router_helps_its_own_port_is_announced(
    serve: Any, mapper: FakePortMapper, clock: ManualClock
) -> None:
    mapper.acts["probe"] = SILENT
    backend = FakeBackend(capabilities=PUBLIC)
    bitboot = await serve(backend)
    async with bitboot.join("swarm", port=7001, map_port=True) as swarm:
        await swarm.announced()
        assert announced(backend) == [KnownHost("", 7001)]
        del mapper.acts["probe"]
        mapper.acts |= {"map": answers(PortGrant(KnownHost(OUTSIDE, 40001), 7200)), "check": answers(True)}
        await clock.advance(301)  # the router has come up
        assert announced(backend)[-1] == KnownHost("", 40001)
        assert withdrawn(backend) == [KnownHost("", 7001)]


async def test_port_0_opens_the_nodes_own(serve: Any, mapper: FakePortMapper) -> None:
    backend = FakeBackend(capabilities=PUBLIC)
    bitboot = await serve(backend)
    async with bitboot.announce("swarm", port=0, map_port=True) as announcement:
        await announcement.announced()
    assert announced(backend) == [KnownHost("", backend.address.port)]
    assert [call[1].transport for call in mapper.calls if call[0] == "map"] == ["udp"]


# The nodes' own ports


class Node(FakeBackend):
    """One that others may reach. `place`: what it knows of that."""

    place = Place(Reachability.CONE, KnownHost(OUTSIDE, 4000))

    def __init__(self, **acts: Any) -> None:
        super().__init__(capabilities=PUBLIC, **acts)
        self.told: list[Mapping[int, KnownHost]] = []

    @property
    def address(self) -> KnownHost:
        return KnownHost("0.0.0.0", 4000)

    def mapped_at(self, outside: Mapping[int, KnownHost]) -> None:
        self.told.append(outside)

    @property
    def places(self) -> Any:
        return {4: self.place}


@pytest.fixture
async def node(serve: Any, mapper: FakePortMapper, clock: ManualClock) -> tuple[Node, BitBoot]:
    node = Node()
    bitboot = await serve(node, map_ports=True)
    await clock.settle()
    return node, bitboot


async def test_the_nodes_port_is_mapped_and_said_so(
    node: tuple[Node, BitBoot], mapper: FakePortMapper, clock: ManualClock
) -> None:
    backend, bitboot = node
    assert mapper.open.keys() == {("udp", 4000)}
    state = bitboot.networks()["fake"]
    assert (state.reachability, state.outside) == (Reachability.MAPPED, KnownHost(OUTSIDE, 4000))
    backend.place = Place(Reachability.OPEN, KnownHost(OUTSIDE, 4000))
    assert (
        bitboot.networks()["fake"].reachability is Reachability.OPEN
    )  # a stranger has called: that says more
    assert backend.told == [{4: KnownHost(OUTSIDE, 4000)}]
    await bitboot.aclose()
    assert not mapper.open


async def test_a_port_that_no_stranger_comes_through_is_deleted_and_added(
    node: tuple[Node, BitBoot], mapper: FakePortMapper, clock: ManualClock
) -> None:
    """The router lists it, and forwards nothing."""
    backend, _ = node
    await clock.advance(DOUBT + CHECK_EVERY)
    assert [call[0] for call in mapper.calls if call[0] in ("map", "unmap")] == ["map", "unmap", "map"]
    await clock.advance(2 * DOUBT - 2 * CHECK_EVERY)
    assert mapper.count("unmap") == 1
    await clock.advance(4 * CHECK_EVERY)
    assert mapper.count("unmap") == 2
    backend.place = Place(Reachability.OPEN, KnownHost(OUTSIDE, 4000))
    await clock.advance(6 * DOUBT)
    assert mapper.count("unmap") == 2  # somebody has called
    assert mapper.open.keys() == {("udp", 4000)}


async def test_who_cannot_tell_of_strangers_doubts_nothing(
    node: tuple[Node, BitBoot], mapper: FakePortMapper, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Node, "places", {})
    await clock.advance(3 * DOUBT)
    assert not mapper.count("unmap")


async def test_a_program_can_have_it_deleted_and_added(
    bitboot: BitBoot, mapper: FakePortMapper, clock: ManualClock
) -> None:
    async with bitboot.map_port(7001) as mapping:
        mapping.open_again()
        await clock.settle()
        assert [call[0] for call in mapper.calls] == ["probe", "map", "probe", "unmap", "map"]


async def test_it_is_deleted_though_another_part_has_it_open_too(
    bitboot: BitBoot, mapper: FakePortMapper, clock: ManualClock
) -> None:
    """A router may list a port and forward nothing to it: only deleting it helps, and that helps both."""
    async with bitboot.map_port(7001), bitboot.map_port(7001) as second:
        second.open_again()
        await clock.settle()
        assert mapper.count("unmap") == 1


async def test_double_nat_is_not_mapped(
    node: tuple[Node, BitBoot], mapper: FakePortMapper, clock: ManualClock
) -> None:
    backend, bitboot = node
    mapper.outside = "192.168.0.2"
    await clock.advance(CHECK_EVERY + 1)
    assert backend.told[-1] == {}
    state = bitboot.networks()["fake"]
    assert state.reachability is Reachability.CONE
    assert isinstance(state.mapping_error, DoubleNat)


async def test_of_two_ip_versions_only_the_one_that_leads_out_is_mapped(
    node: tuple[Node, BitBoot], mapper: FakePortMapper, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, bitboot = node
    six = KnownHost("2a09:f0f1::10", 4000)
    monkeypatch.setattr(PortMapping, "externals", {4: KnownHost("192.168.0.2", 4000), 6: six})
    await clock.advance(CHECK_EVERY + 1)
    places = bitboot.networks()["fake"].places
    assert places[4].reachability is Reachability.CONE
    assert places[6] == Place(Reachability.MAPPED, six)


async def test_a_network_that_is_left_has_its_port_closed(
    node: tuple[Node, BitBoot], mapper: FakePortMapper, clock: ManualClock
) -> None:
    _, bitboot = node
    await bitboot.remove_network("fake")
    assert not mapper.open


async def test_what_nobody_else_can_reach_is_not_mapped(
    serve: Any, mapper: FakePortMapper, clock: ManualClock
) -> None:
    await serve(FakeBackend(), FakeBackend(capabilities=PUBLIC), map_ports=True)  # in memory; on loopback
    await clock.settle()
    assert not mapper.calls
