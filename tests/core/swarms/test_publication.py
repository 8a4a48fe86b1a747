"""Publications keep an item alive for days, through failures, restarts, and others who have the same key."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from typing import Any

import pytest

from bitboot_core import (
    AllBackendsFailed,
    BackendError,
    BackendTimeout,
    Identity,
    InvalidItem,
    Item,
    ItemLocked,
    ItemOutdated,
    KnownHost,
    NotRunning,
    PublishFailed,
    Receipt,
    UnsupportedOperation,
)
from bitboot_core._swarms.items import publication as module
from bitboot_core._swarms.items.record import ItemRecord
from bitboot_core.items import MAX_SEQ, byte_string, mutable_target
from bitboot_core.testing import FakeBackend, ManualClock, answers, fails, hangs

from .test_finding_items import without_items

DAY = 86_400.0
ALICE = Identity.from_seed(b"a" * 32)
TARGET = mutable_target(ALICE.public_key)


class Wall:
    """What time it is in the world, in microseconds."""

    def __init__(self) -> None:
        self.now = 1_000_000

    def __call__(self) -> int:
        self.now += 1
        return self.now


@pytest.fixture(autouse=True)
def wall(monkeypatch: pytest.MonkeyPatch) -> Wall:
    wall = Wall()
    monkeypatch.setattr(module, "wall_clock", wall)
    return wall


class Dht(FakeBackend):
    """Stores as a network does: the highest number wins, and what cannot be replaced is said."""

    def __init__(self, clock: ManualClock, there: Item | None = None) -> None:
        super().__init__()
        self.clock = clock
        self.times: list[float] = []
        self.published: list[tuple[int, bytes, int | None]] = []
        if there is not None:
            self.items[there.target] = there

    async def publish(self, item: Item, *, cas: int | None = None) -> Receipt:
        self.times.append(self.clock.now())
        self.published.append((item.seq, item.value, cas))
        there = self.items.get(item.target)
        if (
            there is not None
            and there != item
            and (there.seq >= item.seq or (cas is not None and there.seq != cas))
        ):
            kind = ItemLocked if there.seq == MAX_SEQ else ItemOutdated
            raise kind(f"version {there.seq} is there", seq=there.seq, encoded=there.encoded, hint="resolve")
        self.items[item.target] = item
        return Receipt(8, 7200.0)


def version(value: bytes, seq: int) -> Item:
    return Item.signed(ALICE, byte_string(value), seq=seq)


@pytest.fixture
def dht(clock: ManualClock) -> Callable[..., Dht]:
    return lambda there=None: Dht(clock, there)


async def test_it_is_published_and_resolved(serve: Any, dht: Any) -> None:
    one, other = dht(), dht()
    bitboot = await serve(one, other)
    async with bitboot.publishing(ALICE, b"hello", salt=b"salt") as publication:
        await publication.published()
        item = await bitboot.resolve(ALICE.public_key, b"salt")
        assert item == publication.item
        assert (item.value, item.salt, item.public_key) == (b"hello", b"salt", ALICE.public_key)
        assert {name: one.stored_on for name, one in publication.status.items()} == {"fake": 8, "other": 8}


@pytest.mark.once
async def test_it_is_put_again_every_hour_for_days_and_never_lapses(
    serve: Any, dht: Any, clock: ManualClock
) -> None:
    backend = dht()
    bitboot = await serve(backend)
    async with bitboot.publishing(ALICE, b"hello") as publication:
        await publication.published()
        await clock.advance(3 * DAY)
        status = publication.status["fake"]
        assert (status.stored_on, status.last_error) == (8, None)
    gaps = [later - sooner for sooner, later in zip(backend.times, backend.times[1:], strict=False)]
    assert len(gaps) > 60
    assert all(2970 <= gap <= 3564 for gap in gaps)
    assert len({seq for seq, _, _ in backend.published}) == 1, "the same version each time"
    times = len(backend.times)
    await clock.advance(DAY)
    assert len(backend.times) == times


async def test_a_failure_is_tried_again_and_so_is_a_network_that_comes_back(
    serve: Any, dht: Any, clock: ManualClock
) -> None:
    backend = dht()
    publish, broken = backend.publish, True

    async def sometimes(item: Item, *, cas: int | None = None) -> Receipt:
        if broken:
            raise PublishFailed("none of the nodes stored it", hint="wait")
        receipt: Receipt = await publish(item, cas=cas)
        return receipt

    backend.publish = sometimes
    bitboot = await serve(backend)
    async with bitboot.publishing(ALICE, b"hello") as publication:
        with pytest.raises(PublishFailed):
            await publication.published()
        broken = False
        await clock.advance(5.0)
        assert publication.status["fake"].stored_on == 8
        await publication.published()


async def test_an_update_takes_its_place(serve: Any, dht: Any, clock: ManualClock) -> None:
    backend = dht()
    bitboot = await serve(backend)
    async with aclosing(await bitboot.publish(ALICE, b"one")) as publication:
        first = publication.item.seq
        await publication.update(b"two")
        assert backend.items[TARGET].value == b"two"
        assert publication.item.seq > first
        await clock.advance(2 * 3600.0)
        assert [value for _, value, _ in backend.published] == [b"one", b"two", b"two", b"two"]


async def test_after_a_restart_it_goes_on_with_a_higher_number(serve: Any, dht: Any, wall: Wall) -> None:
    """Nothing is kept: the time gives a higher number."""
    backend = dht()
    bitboot = await serve(backend)
    async with aclosing(await bitboot.publish(ALICE, b"one")) as publication:
        before = publication.item.seq
    wall.now += 60_000_000
    async with aclosing(await bitboot.publish(ALICE, b"two")) as publication:
        assert publication.item.seq >= before + 60_000_000
        assert backend.items[TARGET].value == b"two"
    assert len(backend.published) == 2


async def test_where_the_clock_was_set_back_the_next_higher_number_is_taken(
    serve: Any, dht: Any, wall: Wall
) -> None:
    backend = dht(version(b"from the future", 2_000_000_000))
    bitboot = await serve(backend)
    async with aclosing(await bitboot.publish(ALICE, b"now")) as publication:
        assert publication.item.seq == 2_000_000_001
        await publication.update(b"later")
        assert publication.item.seq == 2_000_000_002
    assert backend.items[TARGET] == version(b"later", 2_000_000_002)


async def test_a_higher_number_on_one_network_is_taken_on_all(serve: Any, dht: Any) -> None:
    one, other = dht(), dht(version(b"from the future", 2_000_000_000))
    bitboot = await serve(one, other)
    async with bitboot.publishing(ALICE, b"now") as publication:
        for _ in range(20):
            await asyncio.sleep(0)
        assert one.items[TARGET] == other.items[TARGET] == version(b"now", 2_000_000_001)
        await publication.published()


async def test_of_two_publishers_of_one_key_the_later_one_counts_and_the_other_says_so(
    serve: Any, dht: Any, clock: ManualClock
) -> None:
    backend = dht()
    bitboot = await serve(backend)
    async with (
        aclosing(await bitboot.publish(ALICE, b"first")) as first,
        aclosing(await bitboot.publish(ALICE, b"second")) as second,
    ):
        await clock.advance(2 * 3600.0)
        assert backend.items[TARGET].value == b"second"
        error = first.status["fake"].last_error
        assert isinstance(error, ItemOutdated)
        assert (error.seq, error.encoded) == (second.item.seq, b"6:second")
        assert first.status["fake"].next_try is None
        tried = sum(value == b"first" for _, value, _ in backend.published)
        await clock.advance(DAY)
        assert sum(value == b"first" for _, value, _ in backend.published) == tried, "it does not fight"
        with pytest.raises(ItemOutdated):
            await first.published()
        await first.update(b"first again")
        assert backend.items[TARGET].value == b"first again"
        await clock.advance(2 * 3600.0)
        assert isinstance(second.status["fake"].last_error, ItemOutdated)


async def test_two_who_publish_the_same_value_keep_it_together(
    serve: Any, dht: Any, clock: ManualClock
) -> None:
    backend = dht()
    bitboot = await serve(backend)
    async with (
        aclosing(await bitboot.publish(ALICE, b"same")) as one,
        aclosing(await bitboot.publish(ALICE, b"same")) as two,
    ):
        await clock.advance(3 * 3600.0)
        assert one.item == two.item
        assert one.status["fake"].last_error is two.status["fake"].last_error is None


@pytest.mark.parametrize("seq", [MAX_SEQ, MAX_SEQ - 1])
async def test_a_locked_item_is_an_error_of_its_own(
    serve: Any, dht: Any, clock: ManualClock, seq: int
) -> None:
    """With the last number but one, the next would lock it for ever."""
    backend = dht(version(b"locked", seq))
    bitboot = await serve(backend)
    with pytest.raises(ItemOutdated) as caught:
        await bitboot.publish(ALICE, b"new")
    assert isinstance(caught.value, ItemLocked) == (seq == MAX_SEQ)
    assert len(backend.published) == 1
    assert backend.items[TARGET].value == b"locked"


# Compare and swap


async def test_cas_replaces_the_version_that_it_names_and_no_other(serve: Any, dht: Any) -> None:
    backend = dht(version(b"there", 500))
    bitboot = await serve(backend)
    with pytest.raises(ItemOutdated) as caught:
        await bitboot.publish(ALICE, b"new", cas=499)
    assert caught.value.seq == 500
    assert backend.items[TARGET].value == b"there"
    async with aclosing(await bitboot.publish(ALICE, b"new", cas=500)) as publication:
        assert backend.items[TARGET].value == b"new"
        with pytest.raises(ItemOutdated):
            await publication.update(b"newer", cas=500)
        await publication.update(b"newer", cas=backend.items[TARGET].seq)
        assert backend.items[TARGET].value == b"newer"


async def test_cas_counts_for_the_first_time_alone(serve: Any, dht: Any, clock: ManualClock) -> None:
    backend = dht(version(b"there", 500))
    bitboot = await serve(backend)
    async with aclosing(await bitboot.publish(ALICE, b"new", cas=500)):
        await clock.advance(2 * 3600.0)
    assert [cas for _, _, cas in backend.published] == [500, None, None]


async def test_cas_takes_a_number_above_the_one_that_it_names(serve: Any, dht: Any) -> None:
    backend = dht(version(b"there", 5_000_000_000))
    bitboot = await serve(backend)
    async with aclosing(await bitboot.publish(ALICE, b"new", cas=5_000_000_000)) as publication:
        assert publication.item.seq == 5_000_000_001


# What goes wrong, and its end


async def test_where_all_networks_fail_publishing_fails_and_leaves_nothing(serve: Any) -> None:
    down = [FakeBackend(publish=fails(OSError("down"))), FakeBackend(publish=fails(PublishFailed("nobody")))]
    bitboot = await serve(*down)
    with pytest.raises(AllBackendsFailed) as caught:
        await bitboot.publish(ALICE, b"hello")
    assert set(caught.value.causes) == {"fake", "other"}
    assert not bitboot._context.users


async def test_one_network_that_fails_spoils_nothing(serve: Any) -> None:
    bitboot = await serve(FakeBackend(publish=fails(OSError("down"))), FakeBackend())
    async with aclosing(await bitboot.publish(ALICE, b"hello")) as publication:
        assert isinstance(publication.status["fake"].last_error, BackendError)
        assert publication.status["other"].stored_on == 1


async def test_networks_without_items_are_left_out(serve: Any) -> None:
    bare = without_items()
    bitboot = await serve(bare, FakeBackend())
    async with aclosing(await bitboot.publish(ALICE, b"hello")) as publication:
        assert set(publication.status) == {"other"}
    assert not bare.count("publish")
    await bitboot.remove_network("other")
    with pytest.raises(UnsupportedOperation):
        await bitboot.publish(ALICE, b"hello")


async def test_it_moves_along_when_networks_come_and_go(serve: Any, dht: Any, registry: Any) -> None:
    one, other = dht(), dht()
    bitboot = await serve(one, other)
    async with aclosing(await bitboot.publish(ALICE, b"hello")) as publication:
        await bitboot.remove_network("other")
        assert set(publication.status) == {"fake"}
        await bitboot.remove_network("fake")
        with pytest.raises(NotRunning, match="no network"):
            await publication.published()


async def test_it_may_take_no_longer_than_it_may(serve: Any, clock: ManualClock) -> None:
    bitboot = await serve(FakeBackend(publish=hangs()))
    async with bitboot.publishing(ALICE, b"hello") as publication:
        waiting = asyncio.ensure_future(publication.published(timeout=3.0))
        await clock.advance(3.1)
        with pytest.raises(BackendTimeout, match="within 3 s"):
            await waiting


async def test_closed_it_is_put_no_more_and_says_so(serve: Any, dht: Any, clock: ManualClock) -> None:
    backend = dht()
    bitboot = await serve(backend)
    publication = await bitboot.publish(ALICE, b"hello")
    await publication.aclose()
    await publication.aclose()
    with pytest.raises(NotRunning):
        await publication.update(b"more")
    with pytest.raises(NotRunning):
        await publication.published()
    with pytest.raises(NotRunning, match="publishing"):
        publication.open()
    await clock.advance(DAY)
    assert len(backend.times) == 1


async def test_it_ends_with_its_bitboot_while_it_is_under_way(serve: Any) -> None:
    bitboot = await serve(FakeBackend(publish=hangs()))
    publishing = asyncio.ensure_future(bitboot.publish(ALICE, b"hello"))
    for _ in range(5):
        await asyncio.sleep(0)
    await bitboot.aclose()
    with pytest.raises(NotRunning):
        await publishing


async def test_cancelled_it_is_closed(serve: Any) -> None:
    bitboot = await serve(FakeBackend(publish=hangs()))
    publishing = asyncio.ensure_future(bitboot.publish(ALICE, b"hello"))
    for _ in range(5):
        await asyncio.sleep(0)
    publishing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await publishing
    assert not bitboot._context.users


async def test_one_that_is_never_begun_is_warned_of(serve: Any) -> None:
    bitboot = await serve(FakeBackend())
    with pytest.warns(ResourceWarning, match="never begun"):
        bitboot.publishing(ALICE, b"hello")


async def test_an_update_that_cannot_be_changes_nothing(serve: Any) -> None:
    bitboot = await serve(FakeBackend())
    async with aclosing(await bitboot.publish(ALICE, b"hello")) as publication:
        before = publication.item
        with pytest.raises(InvalidItem):
            await publication.update(b"x" * 997)
        assert publication.item == before


async def test_an_error_nobody_has_foreseen_shows_in_its_status(
    serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> float:
        raise ZeroDivisionError("a mistake of ours")

    bitboot = await serve(FakeBackend())
    monkeypatch.setattr(ItemRecord, "pause", broken)
    async with bitboot.publishing(ALICE, b"hello") as publication:
        await publication.changed()
        assert isinstance(publication.status["fake"].last_error, BackendError)


async def test_contact_is_waited_for(serve: Any, clock: ManualClock) -> None:
    backend = FakeBackend(bootstrap=answers(0))
    bitboot = await serve(backend, bootstrap=[KnownHost("192.0.2.1", 6881)])
    async with bitboot.publishing(ALICE, b"hello") as publication:
        await clock.advance(10.0)
        assert not backend.count("publish")
        backend.acts["bootstrap"] = answers(1)
        await clock.advance(60.0)
        assert publication.status["fake"].stored_on == 1
