"""Items on several networks: asked side by side, merged, and none spoils the others."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from bitboot_core import (
    AllBackendsFailed,
    BackendError,
    BackendTimeout,
    Identity,
    InvalidItem,
    Item,
    LibraryMissing,
    NotRunning,
    PublishFailed,
    Receipt,
    UnsupportedOperation,
)
from bitboot_core.items import byte_string, immutable_target
from bitboot_core.testing import FakeBackend, ManualClock, answers, fails, hangs, waits

ALICE = Identity.from_seed(b"a" * 32)
BOB = Identity.from_seed(b"b" * 32)
TARGET = immutable_target(b"5:hello")


def version(value: bytes, seq: int = 1, salt: bytes = b"", by: Identity = ALICE) -> Item:
    return Item.signed(by, byte_string(value), seq=seq, salt=salt)


def without_items(**acts: Any) -> FakeBackend:
    backend = FakeBackend(**acts)
    backend._capabilities = replace(backend.capabilities, items=False)
    return backend


# Mutable


async def test_the_newest_of_all_networks_counts(serve: Any) -> None:
    bitboot = await serve(
        FakeBackend(resolve=answers(version(b"one", 1))),
        FakeBackend(resolve=answers(version(b"two", 2))),
        FakeBackend(resolve=answers(None)),
    )
    assert await bitboot.resolve(ALICE.public_key) == version(b"two", 2)


async def test_the_last_one_to_answer_may_have_the_newest(serve: Any, clock: ManualClock) -> None:
    late = FakeBackend(resolve=waits(clock, 5.0, answers(version(b"new", 2))))
    bitboot = await serve(FakeBackend(resolve=answers(version(b"old", 1))), late)
    resolving = asyncio.ensure_future(bitboot.resolve(ALICE.public_key))
    await clock.advance(6.0)
    assert (await resolving) == version(b"new", 2)


async def test_one_that_fails_spoils_nothing(serve: Any) -> None:
    down = FakeBackend(resolve=fails(BackendTimeout("nobody answered")), get_item=fails(OSError("down")))
    there = FakeBackend(resolve=answers(version(b"one")), get_item=answers(b"5:hello"))
    bitboot = await serve(down, there)
    assert (await bitboot.resolve(ALICE.public_key)).value == b"one"
    assert await bitboot.get_item(TARGET) == b"hello"


async def test_not_there_is_none_and_nobody_answered_is_an_error(serve: Any) -> None:
    silent = BackendTimeout("none of the 3 nodes asked answered")
    bitboot = await serve(FakeBackend(resolve=fails(silent), get_item=fails(silent)))
    with pytest.raises(BackendTimeout, match="none of the 3"):
        await bitboot.resolve(ALICE.public_key)
    with pytest.raises(BackendTimeout, match="none of the 3"):
        await bitboot.get_item(TARGET)
    await bitboot.aclose()
    serve.forget()
    bitboot = await serve(FakeBackend())
    assert await bitboot.resolve(ALICE.public_key, b"salt") is None
    assert await bitboot.get_item(TARGET) is None


async def test_where_all_fail_each_cause_is_told(serve: Any) -> None:
    backends = [
        FakeBackend(resolve=fails(error), get_item=fails(error), put_item=fails(error))
        for error in (OSError("down"), OSError("off"))
    ]
    bitboot = await serve(*backends)
    for call in (bitboot.resolve(ALICE.public_key), bitboot.get_item(TARGET), bitboot.put_item(b"x")):
        with pytest.raises(AllBackendsFailed) as caught:
            await call
        assert set(caught.value.causes) == {"fake", "other"}


async def test_networks_without_items_are_left_out(serve: Any) -> None:
    bare = without_items()
    bitboot = await serve(bare, FakeBackend(resolve=answers(version(b"one"))))
    assert (await bitboot.resolve(ALICE.public_key)).value == b"one"
    assert (await bitboot.put_item(b"hello")) == TARGET
    assert {call[0] for call in bare.calls} <= {"start", "bootstrap"}
    await bitboot.remove_network("other")
    for call in (bitboot.resolve(ALICE.public_key), bitboot.get_item(TARGET), bitboot.put_item(b"x")):
        with pytest.raises(UnsupportedOperation, match="keeps no items"):
            await call
    with pytest.raises(UnsupportedOperation, match="keeps no items"):
        bitboot.publishing(ALICE, b"x")


async def test_what_a_backend_cannot_prove_is_not_believed(serve: Any) -> None:
    forged = replace(version(b"one"), seq=9)
    for lie in (forged, version(b"x", by=BOB), version(b"x", salt=b"other"), b"one", replace(forged, seq=-1)):
        bitboot = await serve(FakeBackend(resolve=answers(lie)))
        with pytest.raises(BackendError, match="failed to resolve an item"):
            await bitboot.resolve(ALICE.public_key)
        await bitboot.aclose()
        serve.forget()


async def test_one_liar_does_not_spoil_the_rest(serve: Any) -> None:
    liar = FakeBackend(resolve=answers(replace(version(b"lie"), seq=99)), get_item=answers(b"3:lie"))
    bitboot = await serve(liar, FakeBackend(resolve=answers(version(b"one")), get_item=answers(b"5:hello")))
    assert (await bitboot.resolve(ALICE.public_key)).value == b"one"
    assert await bitboot.get_item(TARGET) == b"hello"


async def test_a_network_that_hangs_is_waited_for_no_longer_than_the_timeout(
    serve: Any, clock: ManualClock
) -> None:
    bitboot = await serve(
        FakeBackend(resolve=answers(version(b"one"))), FakeBackend(resolve=hangs(), get_item=hangs())
    )
    resolving = asyncio.ensure_future(bitboot.resolve(ALICE.public_key, timeout=3.0))
    await clock.advance(2.9)
    assert not resolving.done()
    await clock.advance(0.3)
    assert (await resolving).value == b"one"


async def test_without_the_library_that_is_said_before_anybody_is_asked(
    serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def verify(*_: object) -> bool:
        raise LibraryMissing("signatures need the library cryptography", hint="pip install")

    monkeypatch.setattr("bitboot_core.identity.verify", verify)
    backend = FakeBackend()
    bitboot = await serve(backend, FakeBackend())
    with pytest.raises(LibraryMissing):
        await bitboot.resolve(ALICE.public_key)
    assert not backend.count("resolve")


# Immutable


async def test_an_immutable_item_is_stored_everywhere_and_found_by_its_hash(serve: Any) -> None:
    one, other = FakeBackend(), FakeBackend()
    bitboot = await serve(one, other)
    assert await bitboot.put_item(b"hello") == TARGET
    assert one.values == other.values == {TARGET: b"5:hello"}
    one.values.clear()
    assert await bitboot.get_item(TARGET) == b"hello"


async def test_one_network_is_enough_to_store_it(serve: Any) -> None:
    bitboot = await serve(FakeBackend(put_item=fails(PublishFailed("nobody"))), FakeBackend())
    assert await bitboot.put_item(b"hello") == TARGET


async def test_the_first_network_that_has_it_is_enough(serve: Any) -> None:
    bitboot = await serve(FakeBackend(get_item=hangs()), FakeBackend(get_item=answers(b"5:hello")))
    assert await bitboot.get_item(TARGET) == b"hello"


async def test_a_value_that_is_no_byte_string_is_given_bencoded(serve: Any) -> None:
    bitboot = await serve(FakeBackend(get_item=answers(b"i7e")))
    assert await bitboot.get_item(immutable_target(b"i7e")) == b"i7e"


@pytest.mark.parametrize("receipt", [Receipt(0, 7200.0), Receipt(1, 0.0), "stored", None])
async def test_what_nobody_stored_is_an_error(serve: Any, receipt: object) -> None:
    bitboot = await serve(FakeBackend(put_item=answers(receipt), publish=answers(receipt)))
    with pytest.raises(BackendError):
        await bitboot.put_item(b"hello")
    with pytest.raises(BackendError):
        await bitboot.publish(ALICE, b"hello")


async def test_what_makes_no_sense_is_refused_before_anybody_is_asked(serve: Any) -> None:
    backend = FakeBackend()
    bitboot = await serve(backend)
    for call in (
        bitboot.resolve(b"short"),
        bitboot.resolve(ALICE.public_key, b"x" * 65),
        bitboot.put_item(b"x" * 997),
        bitboot.get_item(b"short"),
        bitboot.publish(ALICE, b"x" * 997),
        bitboot.publish(ALICE, b"x", salt=b"x" * 65),
        bitboot.publish(ALICE, b"x", cas=-1),
        bitboot.publish(b"a" * 32, b"x"),
    ):
        with pytest.raises(InvalidItem):
            await call
    assert [call[0] for call in backend.calls] == ["start"]


async def test_a_closed_one_says_so(serve: Any) -> None:
    bitboot = await serve(FakeBackend())
    await bitboot.aclose()
    for call in (bitboot.resolve(ALICE.public_key), bitboot.get_item(TARGET), bitboot.put_item(b"x")):
        with pytest.raises(NotRunning):
            await call


async def test_cancelled_it_leaves_nothing(serve: Any) -> None:
    bitboot = await serve(FakeBackend(resolve=hangs()), FakeBackend(resolve=hangs()))
    before = asyncio.all_tasks()
    resolving = asyncio.ensure_future(bitboot.resolve(ALICE.public_key))
    for _ in range(5):
        await asyncio.sleep(0)
    resolving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await resolving
    assert asyncio.all_tasks() <= before
