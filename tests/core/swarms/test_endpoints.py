"""`join(publish=identity)` keeps a member's endpoints, wherever it goes, and `find_member` reads them."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitboot_core import (
    BackendTimeout,
    BitBoot,
    Identity,
    InvalidItem,
    Item,
    KnownHost,
    Peer,
    Place,
    Reachability,
    UnsupportedOperation,
)
from bitboot_core._swarms.items.endpoints import MAX_ENDPOINTS, SALT, read, written
from bitboot_core.items import byte_string
from bitboot_core.testing import FakeBackend, ManualClock, answers, fails

from .test_finding_items import without_items

ALICE = Identity.from_seed(b"a" * 32)
HOSTS = [KnownHost(f"192.0.2.{n}", 7000 + n) for n in range(40)] + [
    KnownHost("2001:db8::7", 6881),
    KnownHost("example.org", 80),
]


@given(st.sets(st.sampled_from(HOSTS), max_size=40))
def test_what_is_written_is_read(endpoints: set[KnownHost]) -> None:
    value = written(endpoints)
    assert len(value) <= 996
    found = read(value)
    assert set(found) <= endpoints
    assert len(found) == min(len(endpoints), MAX_ENDPOINTS)


@given(st.binary(max_size=996))
def test_whatever_strangers_write_is_read_without_an_error(value: bytes) -> None:
    for text in (value, b"bitboot-endpoints-1\n" + value):
        assert all(one.port and not one.is_any for one in read(text))


def test_what_nobody_could_connect_to_is_left_out() -> None:
    lines = ["1.2.3.4:0", ":7001", "0.0.0.0:1", "nonsense", "1.2.3.4:7001", "1.2.3.4:7001", "\x1b[2J:5", ""]
    assert read("\n".join(["bitboot-endpoints-1", *lines]).encode()) == [KnownHost("1.2.3.4", 7001)]
    assert read(b"something else\n1.2.3.4:7001") == []


class Moving(FakeBackend):
    """A node that others see at `outside`."""

    def __init__(self, **acts: Any) -> None:
        super().__init__(**acts)
        self.outside = ["198.51.100.7"]

    @property
    def seen_at(self) -> list[str]:
        return self.outside

    @property
    def places(self) -> dict[int, Place]:
        return {4: Place(Reachability.CONE, KnownHost(self.outside[0], 40_001))} if self.outside else {}


async def test_a_member_is_found_wherever_it_is(serve: Any, clock: ManualClock) -> None:
    backend = Moving()
    bitboot = await serve(backend)
    async with bitboot.join("swarm", port=7001, publish=ALICE) as swarm:
        await clock.advance(1.0)
        assert await bitboot.find_member(ALICE.public_key) == [Peer("198.51.100.7", 7001)]
        (peer,) = await bitboot.find_member(ALICE.public_key)
        assert peer.sources == ("fake",)
        assert swarm.publication.status["fake"].stored_on == 1
        backend.outside = ["203.0.113.9"]
        await clock.advance(60.0)
        assert await bitboot.find_member(ALICE.public_key) == [Peer("203.0.113.9", 7001)]
    times = backend.count("publish")
    await clock.advance(7200.0)
    assert backend.count("publish") == times, "closed, it is published no more"


async def test_port_0_is_the_node_s_own_as_others_see_it(serve: Any, clock: ManualClock) -> None:
    bitboot = await serve(Moving())
    async with bitboot.join("swarm", port=0, publish=ALICE):
        await clock.advance(1.0)
        assert await bitboot.find_member(ALICE.public_key) == [Peer("198.51.100.7", 40_001)]


async def test_an_endpoint_that_was_given_is_published_as_it_is(serve: Any, clock: ManualClock) -> None:
    bitboot = await serve(Moving())
    async with bitboot.join("swarm", "example.org:80", publish=ALICE):
        await clock.advance(1.0)
        assert await bitboot.find_member(ALICE.public_key) == [Peer("example.org", 80)]


async def test_nothing_is_published_before_it_is_known_where_this_machine_is(
    serve: Any, clock: ManualClock
) -> None:
    class Nowhere(Moving):
        @property
        def address(self) -> KnownHost:
            return KnownHost("0.0.0.0", 40_000)

    backend = Nowhere()
    backend.outside = []
    bitboot = await serve(backend)
    async with bitboot.join("swarm", port=7001, publish=ALICE) as swarm:
        await clock.advance(60.0)
        assert swarm.publication is None
        assert await bitboot.find_member(ALICE.public_key) == []
        backend.outside = ["198.51.100.7"]
        await clock.advance(60.0)
        assert await bitboot.find_member(ALICE.public_key) == [Peer("198.51.100.7", 7001)]


async def test_in_two_swarms_both_endpoints_are_published_together(serve: Any, clock: ManualClock) -> None:
    bitboot = await serve(Moving())
    both = [Peer("198.51.100.7", 7001), Peer("198.51.100.7", 7002)]
    async with bitboot.join("one", port=7001, publish=ALICE):
        async with bitboot.join("two", port=7002, publish=ALICE):
            await clock.advance(1.0)
            assert await bitboot.find_member(ALICE.public_key) == both
            await clock.advance(4 * 3600.0)
            assert await bitboot.find_member(ALICE.public_key) == both
        await clock.advance(60.0)
        assert await bitboot.find_member(ALICE.public_key) == both[:1]


async def test_a_failure_is_tried_again(serve: Any, clock: ManualClock) -> None:
    backend = Moving(publish=fails(OSError("down")))
    bitboot = await serve(backend)
    async with bitboot.join("swarm", port=7001, publish=ALICE):
        await clock.advance(5.0)
        del backend.acts["publish"]
        await clock.advance(300.0)
        assert await bitboot.find_member(ALICE.public_key) == [Peer("198.51.100.7", 7001)]


async def test_nobody_answered_is_not_nobody_there(serve: Any) -> None:
    bitboot = await serve(FakeBackend(resolve=fails(BackendTimeout("nobody answered", hint="wait"))))
    with pytest.raises(BackendTimeout):
        await bitboot.find_member(ALICE.public_key)


async def test_somebody_else_s_format_is_nothing(serve: Any) -> None:
    other = Item.signed(ALICE, byte_string(b"something else"), seq=1, salt=SALT)
    bitboot = await serve(FakeBackend(resolve=answers(other)))
    assert await bitboot.find_member(ALICE.public_key) == []


async def test_what_cannot_be_is_refused_at_once(serve: Any) -> None:
    bitboot = await serve(FakeBackend())
    wrong: Any = b"a" * 32
    with pytest.raises(InvalidItem):
        bitboot.join("swarm", port=7001, publish=wrong)
    with pytest.raises(InvalidItem):
        await bitboot.find_member(b"short")
    await bitboot.aclose()
    serve.forget()
    bitboot = await serve(without_items())
    with pytest.raises(UnsupportedOperation):
        bitboot.join("swarm", port=7001, publish=ALICE)


async def test_closing_in_the_middle_leaves_nothing(serve: Any) -> None:
    bitboot: BitBoot = await serve(Moving())
    before = asyncio.all_tasks()
    swarm = await bitboot.join("swarm", port=7001, publish=ALICE).__aenter__()
    async with aclosing(swarm):
        pass
    assert not bitboot._context.users
    await bitboot.aclose()
    assert len(asyncio.all_tasks()) <= len(before)
