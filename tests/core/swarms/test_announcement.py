"""Announcements renew themselves, over days, through failures, sleep and changes of network."""

import asyncio
import logging
from itertools import pairwise
from typing import Any

import pytest

from bitboot_core import (
    AllBackendsFailed,
    AnnounceFailed,
    AnnouncementStatus,
    Announces,
    BackendError,
    BackendTimeout,
    Capabilities,
    InvalidEndpoint,
    InvalidSwarmName,
    KnownHost,
    NotRunning,
    Receipt,
    Scope,
    UnsupportedOperation,
    swarm_key,
)
from bitboot_core._swarms.announcement import AT_ONCE
from bitboot_core._swarms.records import Record
from bitboot_core.aio.clock import sleep_until
from bitboot_core.aio.timing import IMPROVEMENTS
from bitboot_core.testing import FakeBackend, ManualClock, answers, fails, hangs, hangs_until

DAY = 86_400.0
PEER = KnownHost("192.0.2.7", 6881)


async def test_it_is_announced_with_its_key_and_the_lifetime_asked_for(serve: Any) -> None:
    backend = FakeBackend()
    bitboot = await serve(backend)
    async with bitboot.announce("swarm", PEER) as announcement:
        await announcement.announced()
    assert ("announce", swarm_key("swarm"), PEER, 1800.0) in backend.calls


async def test_without_a_host_it_means_mine(serve: Any) -> None:
    backend = FakeBackend()
    bitboot = await serve(backend)
    async with bitboot.announce("swarm", port=6881) as announcement:
        await announcement.announced()
        assert announcement.endpoint.is_any
    assert backend.calls[1][2] == KnownHost("", 6881)


async def test_the_status_tells_how_it_stands(serve: Any, clock: ManualClock) -> None:
    bitboot = await serve(FakeBackend(announce=answers(Receipt(8, 1000.0))))
    async with bitboot.announce("swarm", PEER) as announcement:
        assert announcement.status["fake"] == AnnouncementStatus()
        await announcement.announced()
        await clock.advance(100)
        status = announcement.status["fake"]
        assert (status.stored_on, status.expires_in, status.last_error) == (8, 900.0, None)
        assert status.next_try is not None
        assert 650 <= status.next_try <= 800
        assert announcement.status["fake-backend"] == status
        assert announcement.status_of("swarm")["fake"] == status


@pytest.mark.once
async def test_it_is_renewed_for_days_and_never_lapses(serve: Any, clock: ManualClock) -> None:
    backend = FakeBackend()
    times: list[float] = []

    async def announce() -> Receipt:
        times.append(clock.now())
        return Receipt(8, 1800.0)

    backend.acts["announce"] = announce
    bitboot = await serve(backend)
    async with bitboot.announce("swarm", PEER) as announcement:
        await announcement.announced()
        await clock.advance(3 * DAY)
        assert announcement.status["fake"].stored_on == 8
        assert announcement.status["fake"].successes == len(times)
    waits = [after - before for before, after in pairwise(times)]
    assert len(waits) > 3 * DAY / 1620 - 1
    assert all(0.75 * 1800 <= wait <= 0.9 * 1800 for wait in waits)
    assert len(set(waits)) > 100


async def test_a_shorter_lifetime_that_was_granted_is_what_counts(serve: Any, clock: ManualClock) -> None:
    backend = FakeBackend(announce=answers(Receipt(1, 60.0)))
    bitboot = await serve(backend)
    async with bitboot.announce("swarm", PEER):
        await clock.advance(600)
    assert 600 / 54 <= backend.count("announce") <= 1 + 600 / 45


async def test_a_longer_lifetime_than_asked_for_is_not_believed(serve: Any, clock: ManualClock) -> None:
    bitboot = await serve(FakeBackend(announce=answers(Receipt(1, 1e9))), lifetime=100)
    async with bitboot.announce("swarm", PEER) as announcement:
        await announcement.announced()
        assert announcement.status["fake"].expires_in == 100


async def test_no_more_is_asked_for_than_the_backend_can_grant(serve: Any) -> None:
    limited = Capabilities(
        can_withdraw=True, announces=Announces.ANY_ADDRESS, scope=Scope.LAN, max_lifetime=60
    )
    backend = FakeBackend(capabilities=limited)
    bitboot = await serve(backend)
    async with bitboot.announce("swarm", PEER) as announcement:
        await announcement.announced()
    assert backend.calls[1] == ("announce", swarm_key("swarm"), PEER, 60)


async def test_after_a_failure_it_is_tried_again_soon_and_not_a_lifetime_later(
    serve: Any, clock: ManualClock
) -> None:
    backend = FakeBackend()
    bitboot = await serve(backend)
    async with bitboot.announce("swarm", PEER) as announcement:
        await announcement.announced()
        backend.acts["announce"] = fails(AnnounceFailed("nobody"))
        await clock.advance(0.9 * 1800)  # the renewal falls into this time, and fails
        assert isinstance(announcement.status["fake"].last_error, AnnounceFailed)
        assert announcement.status["fake"].stored_on == 1  # it has not lapsed yet
        await clock.advance(1800)
        assert announcement.status["fake"].stored_on == 0
        assert announcement.status["fake"].expires_in is None
        before = backend.count("announce")
        await clock.advance(3600)
        tried = backend.count("announce") - before
        assert 3600 / 300 <= tried <= 3600  # backing off, but at least every five minutes
        del backend.acts["announce"]
        await clock.advance(300)
        assert announcement.status["fake"] == AnnouncementStatus(
            1, announcement.status["fake"].expires_in, announcement.status["fake"].next_try, None, 2, 1
        )


async def test_after_the_machine_has_slept_it_is_renewed_at_once(serve: Any, clock: ManualClock) -> None:
    backend = FakeBackend()
    bitboot = await serve(backend)
    async with bitboot.announce("swarm", PEER) as announcement:
        await announcement.announced()
        await clock.suspend(8 * 3600)
        assert backend.count("announce") == 2
        assert announcement.status["fake"].stored_on == 1


async def test_the_first_failure_is_raised_and_trying_goes_on(serve: Any, clock: ManualClock) -> None:
    backend = FakeBackend(announce=fails(AnnounceFailed("nobody", hint="wait")))
    bitboot = await serve(backend)
    async with bitboot.announce("swarm", PEER) as announcement:
        with pytest.raises(AnnounceFailed, match="nobody"):
            await announcement.announced()
        del backend.acts["announce"]
        await clock.advance(2)
        await announcement.announced()


@pytest.mark.parametrize(
    "answer",
    [
        None,
        "stored",
        Receipt(0, 100.0),
        Receipt(-1, 100.0),
        Receipt(1, 0.0),
        Receipt(1, -5.0),
        Receipt(1, float("nan")),
        Receipt(1, float("inf")),
        Receipt("8", 100.0),  # type: ignore[arg-type]
        Receipt(1, "x"),  # type: ignore[arg-type]
    ],
    ids=repr,
)
async def test_a_receipt_that_is_none_is_a_failure(serve: Any, answer: object) -> None:
    bitboot = await serve(FakeBackend(announce=answers(answer)))
    async with bitboot.announce("swarm", PEER) as announcement:
        with pytest.raises(BackendError):
            await announcement.announced()
        assert announcement.status["fake"].stored_on == 0


async def test_an_unexpected_error_is_wrapped_with_its_cause(serve: Any) -> None:
    mistake = KeyError("oops")
    bitboot = await serve(FakeBackend(announce=fails(mistake)))
    async with bitboot.announce("swarm", PEER) as announcement:
        with pytest.raises(BackendError, match="fake-backend failed to announce: KeyError") as caught:
            await announcement.announced()
    assert caught.value.__cause__ is mistake


async def test_a_backend_that_cancels_itself_is_a_failure_too(serve: Any) -> None:
    bitboot = await serve(FakeBackend(announce=fails(asyncio.CancelledError())))
    async with bitboot.announce("swarm", PEER) as announcement:
        with pytest.raises(BackendError, match="cancelled from within"):
            await announcement.announced()


async def test_an_attempt_that_hangs_ends_in_time(serve: Any, clock: ManualClock) -> None:
    bitboot = await serve(FakeBackend(announce=hangs()), timeout=5)
    async with bitboot.announce("swarm", PEER) as announcement:
        waiting = asyncio.ensure_future(announcement.announced())
        await clock.advance(4.9)
        assert not waiting.done()
        await clock.advance(0.1)
        with pytest.raises(BackendTimeout, match="fake-backend did not announce within 5 s"):
            await waiting


async def test_the_wait_can_be_shorter_than_the_attempt(serve: Any, clock: ManualClock) -> None:
    bitboot = await serve(FakeBackend(announce=hangs()))
    async with bitboot.announce("swarm", PEER) as announcement:
        waiting = asyncio.ensure_future(announcement.announced(timeout=1))
        await clock.advance(1)
        with pytest.raises(BackendTimeout, match="not announced within 1 s"):
            await waiting


async def test_what_cannot_be_is_not_tried_again(serve: Any, clock: ManualClock) -> None:
    backend = FakeBackend(announce=fails(UnsupportedOperation("not your address")))
    bitboot = await serve(backend)
    async with bitboot.announce("swarm", PEER) as announcement:
        with pytest.raises(UnsupportedOperation):
            await announcement.announced()
        await clock.advance(DAY)
        assert backend.count("announce") == 1
        assert announcement.status["fake"].next_try is None


async def test_an_address_that_the_network_cannot_carry_is_not_even_sent(serve: Any) -> None:
    four = Capabilities(
        can_withdraw=True, announces=Announces.ANY_ADDRESS, scope=Scope.PUBLIC, families=frozenset({4})
    )
    backend = FakeBackend(capabilities=four)
    bitboot = await serve(backend)
    async with bitboot.announce("swarm", KnownHost("2001:db8::1", 1)) as announcement:
        with pytest.raises(UnsupportedOperation, match="IPv6"):
            await announcement.announced()
    async with bitboot.announce("swarm", KnownHost("::", 1)) as announcement:
        await announcement.announced()  # "mine"
    assert backend.count("announce") == 1


async def test_asking_in_a_loop_does_not_hold_up_the_attempts(serve: Any, clock: ManualClock) -> None:
    backend = FakeBackend(announce=fails(AnnounceFailed("nobody")))
    bitboot = await serve(backend)
    async with bitboot.announce("swarm", PEER) as announcement:
        await clock.settle()

        async def insist() -> None:
            while True:
                try:
                    await announcement.announced()
                    return
                except AnnounceFailed:
                    pass

        insisting = asyncio.ensure_future(insist())
        del backend.acts["announce"]
        await clock.advance(2)
        assert insisting.done()


# Several swarms, several networks


async def test_several_swarms_are_announced_by_one(serve: Any) -> None:
    backend = FakeBackend()
    bitboot = await serve(backend)
    async with bitboot.announce(["a", "b", "a"], PEER) as announcement:
        await announcement.announced()
        assert announcement.swarms == ("a", "b")
    assert {call[1] for call in backend.calls if call[0] == "announce"} == {swarm_key("a"), swarm_key("b")}
    assert backend.count("announce") == backend.count("withdraw") == 2


async def test_waiting_for_many_looks_at_each_where_it_has_changed(
    serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or a program that announces thousands of swarms would spend its time with looking at them."""
    looks = 0
    is_stored = Record.is_stored

    def counted(record: Record, now: float) -> bool:
        nonlocal looks
        looks += 1
        return is_stored(record, now)

    monkeypatch.setattr(Record, "is_stored", counted)
    bitboot = await serve(FakeBackend())
    swarms = [f"swarm {number}" for number in range(300)]
    async with bitboot.announce(swarms, PEER) as announcement:
        await announcement.announced()
    assert looks <= 4 * len(swarms)


async def test_one_that_expires_while_others_are_awaited_is_not_announced(
    serve: Any, clock: ManualClock
) -> None:
    backend = FakeBackend()

    async def announce() -> Receipt:
        key = backend.calls[-1][1]
        await sleep_until(clock, clock.now() + (30.0 if key == swarm_key("slow") else 1.0))
        return Receipt(8, 10.0)

    backend.acts["announce"] = announce
    bitboot = await serve(backend, timeout=60.0)
    async with bitboot.announce(["quick", "slow"], PEER, renew=False) as announcement:
        waiting = asyncio.ensure_future(announcement.announced())
        await clock.advance(31)
        with pytest.raises(AnnounceFailed, match="expired"):
            await waiting


async def test_the_status_of_several_swarms_is_the_worst_ones(serve: Any, clock: ManualClock) -> None:
    backend = FakeBackend()
    receipts = iter([Receipt(8, 1000.0), Receipt(3, 500.0)])

    async def announce() -> Receipt:
        return next(receipts)

    backend.acts["announce"] = announce
    bitboot = await serve(backend)
    async with bitboot.announce(["a", "b"], PEER) as announcement:
        await announcement.announced()
        assert (announcement.status["fake"].stored_on, announcement.status["fake"].expires_in) == (3, 500)
        assert announcement.status_of("a")["fake"].stored_on == 8


async def test_only_so_many_swarms_are_announced_at_once(serve: Any, clock: ManualClock) -> None:
    backend = FakeBackend(announce=hangs())
    bitboot = await serve(backend)
    async with bitboot.announce([f"swarm {number}" for number in range(100)], PEER):
        await clock.settle()
        assert backend.count("announce") == AT_ONCE


async def test_one_network_is_enough(serve: Any) -> None:
    error = AnnounceFailed("nobody")
    bitboot = await serve(FakeBackend(announce=fails(error)), FakeBackend())
    async with bitboot.announce("swarm", PEER) as announcement:
        await announcement.announced()
        assert announcement.status["fake"].last_error is error
        assert announcement.status["other"].stored_on == 1


async def test_a_network_that_hangs_holds_up_nobody(serve: Any) -> None:
    bitboot = await serve(FakeBackend(announce=hangs()), FakeBackend())
    async with bitboot.announce("swarm", PEER) as announcement:
        await announcement.announced()


async def test_where_all_networks_fail_each_ones_cause_is_told(serve: Any) -> None:
    bitboot = await serve(
        FakeBackend(announce=fails(AnnounceFailed("a"))), FakeBackend(announce=fails(OSError("b")))
    )
    async with bitboot.announce("swarm", PEER) as announcement:
        with pytest.raises(AllBackendsFailed, match="swarm failed on every network") as caught:
            await announcement.announced()
    assert set(caught.value.causes) == {"fake", "other"}


# Its end


async def test_closing_it_withdraws(serve: Any, clock: ManualClock) -> None:
    backend = FakeBackend()
    bitboot = await serve(backend)
    async with bitboot.announce("swarm", PEER) as announcement:
        await announcement.announced()
    assert backend.calls[-1] == ("withdraw", swarm_key("swarm"), PEER)
    await announcement.aclose()
    await clock.advance(DAY)
    assert backend.count("withdraw") == backend.count("announce") == 1


async def test_nothing_is_withdrawn_where_the_network_cannot(serve: Any) -> None:
    stubborn = Capabilities(can_withdraw=False, announces=Announces.ANY_ADDRESS, scope=Scope.PUBLIC)
    backend = FakeBackend(capabilities=stubborn)
    bitboot = await serve(backend)
    async with bitboot.announce("swarm", PEER) as announcement:
        await announcement.announced()
    assert backend.count("withdraw") == 0


async def test_an_attempt_under_way_is_withdrawn_too(serve: Any, clock: ManualClock) -> None:
    backend = FakeBackend(announce=hangs())
    bitboot = await serve(backend)
    async with bitboot.announce("swarm", PEER):
        await clock.settle()
    assert backend.count("withdraw") == 1


async def test_what_another_announcement_still_wants_is_not_withdrawn(serve: Any) -> None:
    backend = FakeBackend()
    bitboot = await serve(backend)
    async with bitboot.announce(["a", "b"], PEER) as outer:
        await outer.announced()
        async with bitboot.announce("a", PEER) as inner:
            await inner.announced()
        assert backend.count("withdraw") == 0
    assert backend.count("withdraw") == 2


@pytest.mark.parametrize("error", [OSError("gone"), AnnounceFailed("gone")])
async def test_a_withdrawal_that_fails_is_no_error(serve: Any, error: Exception) -> None:
    bitboot = await serve(FakeBackend(withdraw=fails(error)))
    async with bitboot.announce("swarm", PEER) as announcement:
        await announcement.announced()


async def test_a_withdrawal_that_hangs_ends(serve: Any, clock: ManualClock) -> None:
    released = asyncio.Event()
    bitboot = await serve(FakeBackend(withdraw=hangs_until(released)))
    announcement = await bitboot.announce_peer("swarm", PEER)
    closing = asyncio.ensure_future(announcement.aclose())
    await clock.advance(1.1)
    assert closing.done()
    released.set()


async def test_whoever_waits_for_it_learns_that_it_is_closed(serve: Any, clock: ManualClock) -> None:
    bitboot = await serve(FakeBackend(announce=hangs()))
    announcement = bitboot.announce("swarm", PEER)
    async with announcement:
        waiting = asyncio.ensure_future(announcement.announced())
        following = asyncio.ensure_future(announcement.changed())
        await clock.settle()
    await clock.settle()
    with pytest.raises(NotRunning, match="not open"):
        await waiting
    assert following.done()
    for wait in (announcement.announced, announcement.changed):
        with pytest.raises(NotRunning):
            await wait()
    with pytest.raises(NotRunning, match="opened once"):
        async with announcement:
            pass


async def test_leaving_a_network_ends_the_attempt_there_before_it_is_withdrawn(
    serve: Any, clock: ManualClock
) -> None:
    order: list[str] = []

    async def announcing() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            order.append("ended")

    async def withdrawing() -> None:
        order.append("withdrawn")

    backend = FakeBackend(announce=announcing, withdraw=withdrawing)
    bitboot = await serve(backend, FakeBackend())
    async with bitboot.announce("swarm", PEER) as announcement:
        await clock.settle()
        await bitboot.remove_network("fake")
        assert order == ["ended", "withdrawn"]
        assert list(announcement.status) == ["other"]


async def test_without_renewal_it_lapses(serve: Any, clock: ManualClock) -> None:
    backend = FakeBackend()
    bitboot = await serve(backend)
    async with bitboot.announce("swarm", PEER, renew=False) as announcement:
        await announcement.announced()
        assert announcement.status["fake"].next_try is None
        await clock.advance(1800)
        assert backend.count("announce") == 1
        assert announcement.status["fake"].stored_on == 0
        with pytest.raises(AnnounceFailed, match="expired"):
            await announcement.announced()


async def test_without_renewal_it_is_tried_once(serve: Any, clock: ManualClock) -> None:
    backend = FakeBackend(announce=fails(AnnounceFailed("nobody")))
    bitboot = await serve(backend)
    async with bitboot.announce("swarm", PEER, renew=False) as announcement:
        with pytest.raises(AnnounceFailed, match="nobody"):
            await announcement.announced()
        await clock.advance(DAY)
    assert backend.count("announce") == 1


async def test_following_its_changes(serve: Any, clock: ManualClock) -> None:
    bitboot = await serve(FakeBackend())
    async with bitboot.announce("swarm", PEER) as announcement:
        for count in range(1, 4):
            following = asyncio.ensure_future(announcement.changed())
            await clock.advance(0.9 * 1800)
            assert following.done()
            assert announcement.status["fake"].successes >= count


# What cannot be asked for


@pytest.mark.parametrize("swarm", ["", b"x", 5, None, [], ["a", ""], [5]])
async def test_what_is_no_swarm(serve: Any, swarm: Any) -> None:
    bitboot = await serve(FakeBackend())
    with pytest.raises(InvalidSwarmName):
        bitboot.announce(swarm, PEER)
    with pytest.raises(InvalidSwarmName):
        bitboot.find(swarm)


@pytest.mark.parametrize(
    ("host", "port"),
    [
        (None, None),
        ("1.2.3.4", None),
        ("1.2.3.4:0", None),
        (PEER, 5),
        (None, 65536),
        (None, "5"),
        (5, None),
        ("1.2.3.4:5", 6),
    ],
)
async def test_what_is_no_peer(serve: Any, host: Any, port: Any) -> None:
    bitboot = await serve(FakeBackend())
    with pytest.raises(InvalidEndpoint):
        bitboot.announce("swarm", host, port=port)


async def test_a_peer_in_any_spelling(serve: Any) -> None:
    bitboot = await serve(FakeBackend())
    for announcement in (
        bitboot.announce("swarm", PEER),
        bitboot.announce("swarm", "192.0.2.7:6881"),
        bitboot.announce("swarm", "192.0.2.7", port=6881),
    ):
        assert announcement.endpoint == PEER
        await announcement.aclose()


# Two that announce the same


async def test_what_was_left_to_another_is_withdrawn_by_that_one(serve: Any, clock: ManualClock) -> None:
    """Also where it has not come to announce it itself."""
    backend = FakeBackend()
    bitboot = await serve(backend)
    async with bitboot.announce("swarm", PEER) as first:
        await first.announced()
        backend.acts["announce"] = hangs()
        second = bitboot.announce([*(f"swarm {number}" for number in range(AT_ONCE)), "swarm"], PEER)
        second.open()
        await clock.settle()
    assert ("withdraw", swarm_key("swarm"), PEER) not in backend.calls
    await second.aclose()
    assert backend.calls.count(("withdraw", swarm_key("swarm"), PEER)) == 1


async def test_what_could_not_be_withdrawn_is_logged(
    serve: Any, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    bitboot = await serve(FakeBackend(withdraw=fails(BackendError("nobody there"))))
    async with bitboot.announce("swarm", PEER) as announcement:
        await announcement.announced()
    assert "192.0.2.7:6881 was not withdrawn from swarm, and will expire: nobody there" in caplog.messages


async def test_what_takes_too_long_to_withdraw_is_logged_with_a_warning(
    serve: Any, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    bitboot = await serve(FakeBackend(withdraw=hangs()))
    async with bitboot.announce("swarm", PEER) as announcement:
        await announcement.announced()
        closing = asyncio.ensure_future(announcement.aclose())
        await clock.advance(0.9)
        assert not closing.done()
        await clock.advance(0.2)
        await closing
    assert "192.0.2.7:6881" in caplog.text
    assert "will expire" in caplog.text


# Stored on fewer nodes than could


def receipts(backend: FakeBackend, clock: ManualClock, *each: Receipt) -> list[float]:
    """Have the backend give these receipts, the last one again and again. When it was asked for them."""
    times: list[float] = []

    async def announce() -> Receipt:
        times.append(clock.now())
        return each[min(len(times), len(each)) - 1]

    backend.acts["announce"] = announce
    return times


async def test_stored_on_far_fewer_nodes_than_could_it_is_announced_again_soon(
    serve: Any, clock: ManualClock
) -> None:
    backend = FakeBackend()
    times = receipts(backend, clock, Receipt(1, 1800.0, 8), Receipt(3, 1800.0, 8), Receipt(8, 1800.0, 8))
    bitboot = await serve(backend)
    async with bitboot.announce("swarm", PEER) as announcement:
        await announcement.announced()
        assert (announcement.status["fake"].stored_on, announcement.status["fake"].could_store) == (1, 8)
        assert announcement.status["fake"].last_error is None
        await clock.advance(10)
        assert len(times) == 3
        assert (announcement.status["fake"].stored_on, announcement.status["fake"].could_store) == (8, 8)
        await clock.advance(0.74 * 1800)
        assert len(times) == 3  # the normal renewal


async def test_half_of_those_that_could_are_enough(serve: Any, clock: ManualClock) -> None:
    backend = FakeBackend()
    times = receipts(backend, clock, Receipt(4, 1800.0, 8))
    bitboot = await serve(backend)
    async with bitboot.announce("swarm", PEER):
        await clock.advance(0.74 * 1800)
    assert len(times) == 1


async def test_what_does_not_get_better_is_announced_as_usual_after_some_tries(
    serve: Any, clock: ManualClock
) -> None:
    backend = FakeBackend()
    times = receipts(backend, clock, Receipt(1, 1800.0, 8))
    bitboot = await serve(backend)
    async with bitboot.announce("swarm", PEER):
        await clock.advance(DAY)
    waits = [after - before for before, after in pairwise(times)]
    assert all(wait <= min(300, 2 ** (number + 1)) for number, wait in enumerate(waits[:IMPROVEMENTS]))
    assert all(wait >= 0.75 * 1800 for wait in waits[IMPROVEMENTS:])
    assert len(waits) > IMPROVEMENTS + 40


async def test_where_a_backend_does_not_say_it_is_measured_by_the_best_so_far(
    serve: Any, clock: ManualClock
) -> None:
    backend = FakeBackend(known=[KnownHost("192.0.2.9", port) for port in range(1, 21)])
    times = receipts(backend, clock, Receipt(8, 1800.0), Receipt(1, 1800.0), Receipt(8, 1800.0))
    bitboot = await serve(backend)
    async with bitboot.announce("first", PEER) as first, bitboot.announce("second", PEER) as second:
        await first.announced()
        await second.announced()
        assert second.status["fake"].could_store == 8
        await clock.advance(2)
        assert second.status["fake"].stored_on == 8
        assert len(times) == 3


async def test_a_network_that_has_become_small_is_not_measured_by_what_it_was(
    serve: Any, clock: ManualClock
) -> None:
    backend = FakeBackend(known=[KnownHost("192.0.2.9", port) for port in range(1, 21)])
    times = receipts(backend, clock, Receipt(8, 1800.0), Receipt(2, 1800.0))
    bitboot = await serve(backend)
    async with bitboot.announce("first", PEER) as first:
        await first.announced()
        del backend.known[2:]
        await clock.advance(4 * 1800)
        assert first.status["fake"].could_store == 2
    assert 5 <= len(times) <= 7


@pytest.mark.parametrize(("worse", "could"), [(Receipt(1, 500.0, 2), 2), (Receipt(3, 500.0, 9), 9)])
async def test_the_status_of_several_swarms_tells_how_many_could_store_the_worst(
    serve: Any, clock: ManualClock, worse: Receipt, could: int
) -> None:
    backend = FakeBackend()
    receipts(backend, clock, Receipt(8, 1000.0, 8), worse)
    bitboot = await serve(backend)
    async with bitboot.announce(["a", "b"], PEER) as announcement:
        await announcement.announced()
        assert announcement.status["fake"].could_store == could
