"""Several networks side by side, of which some are slow, lie, hang or raise: none spoils the others."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bitboot_core import (
    AllBackendsFailed,
    AnnounceFailed,
    BackendConfig,
    BackendError,
    BackendSpec,
    BackendTimeout,
    BitBoot,
    BootstrapFailed,
    KnownHost,
    NetworkDefinition,
    Peer,
    Receipt,
    Registry,
)
from bitboot_core.testing import Act, FakeBackend, ManualClock, answers, fails, hangs, hangs_until, waits

SEED = KnownHost("192.0.2.1", 6881)
ONE, TWO, THREE = (KnownHost("192.0.2.7", port) for port in (1, 2, 3))
LIES: list[object] = [
    None,
    "1.2.3.4:5",
    ("192.0.2.7", 1),
    KnownHost("0.0.0.0", 5),
    KnownHost("192.0.2.7", 0),
    42,
]


def slow(clock: ManualClock) -> FakeBackend:
    """Needs ten seconds for everything."""
    return FakeBackend(
        peers=[TWO],
        announce=waits(clock, 10, answers(Receipt(3, 1800.0))),
        lookup=waits(clock, 10),
        bootstrap=waits(clock, 10, answers(1)),
        withdraw=waits(clock, 10),
    )


def lying() -> FakeBackend:
    """Says what cannot be."""
    return FakeBackend(
        peers=LIES, announce=answers("stored, honestly"), bootstrap=answers("three"), known=[SEED]
    )


def hanging() -> FakeBackend:
    return FakeBackend(announce=hangs(), lookup=hangs(), bootstrap=hangs(), withdraw=hangs())


def stubborn(released: asyncio.Event) -> FakeBackend:
    """Heeds no cancellation either, before it is released."""
    act: Act = hangs_until(released)
    return FakeBackend(announce=act, lookup=act, withdraw=act)


def raising() -> FakeBackend:
    return FakeBackend(
        announce=fails(KeyError("oops")), lookup=fails(OSError("down")), withdraw=fails(OSError("down"))
    )


BAD = {"hanging": hanging, "lying": lying, "raising": raising}


async def test_a_peer_found_on_two_networks_is_one_peer_with_two_sources(serve: Any) -> None:
    bitboot = await serve(FakeBackend(peers=[ONE, TWO]), FakeBackend(peers=[TWO, THREE]))
    peers = await bitboot.lookup("swarm")
    assert {peer.port: peer.sources for peer in peers} == {
        1: ("fake",),
        2: ("fake", "other"),
        3: ("other",),
    }


@pytest.mark.parametrize("bad", BAD)
async def test_what_is_wrong_with_one_network_delays_nobody(serve: Any, clock: ManualClock, bad: str) -> None:
    bitboot = await serve(BAD[bad](), FakeBackend(peers=[ONE]), slow(clock))
    announcement = await bitboot.announce_peer("swarm", THREE)  # no time has passed
    assert announcement.status["other"].stored_on == 1
    assert announcement.status["fake"].stored_on == 0
    async with bitboot.find("swarm") as found:
        assert await anext(found) == Peer(ONE.host, 1)
        assert await anext(found) == Peer(TWO.host, 2)
        reading = asyncio.ensure_future(found.collect())
        await clock.advance(10)
        assert announcement.status["third"].stored_on == 3
        assert reading.done() == (bad != "hanging")  # the others are through
        await clock.advance(10)  # the time that a lookup has
        assert await reading == [Peer(ONE.host, 1), Peer(TWO.host, 2)]
    expected = {"hanging": BackendTimeout, "raising": BackendError}.get(bad)
    assert {network: type(error) for network, error in found.failures.items()} == (
        {"fake": expected} if expected else {}
    )
    error = announcement.status["fake"].last_error
    assert isinstance(error, BackendError)
    assert "fake-backend" in str(error)
    assert announcement.status["other"].last_error is None
    closing = asyncio.ensure_future(bitboot.aclose())
    await clock.advance(2)
    await closing


async def test_one_that_cannot_be_reached_is_told_of_and_delays_nobody(
    serve: Any, clock: ManualClock
) -> None:
    dead = FakeBackend(bootstrap=fails(BootstrapFailed("nobody answers")))
    bitboot = await serve(dead, FakeBackend(peers=[ONE]), bootstrap=[SEED])
    await bitboot.ready()
    announcement = await bitboot.announce_peer("swarm", ONE)
    async with bitboot.find("swarm") as found:
        assert await anext(found) == Peer(ONE.host, 1)
        await clock.advance(20)
        assert await found.collect() == [Peer(ONE.host, 1)]
        assert {network: str(error) for network, error in found.failures.items()} == {
            "fake": "nobody answers"
        }
    assert str(announcement.status["fake"].last_error) == "nobody answers"
    assert str(bitboot.networks()["fake"].error) == "nobody answers"
    assert not bitboot.networks()["fake"].ready


async def test_only_when_all_fail_is_it_an_error(serve: Any, clock: ManualClock) -> None:
    bitboot = await serve(
        hanging(), raising(), FakeBackend(lookup=hangs(), announce=fails(AnnounceFailed("no")))
    )
    looking = asyncio.ensure_future(bitboot.lookup("swarm"))
    announcing = asyncio.ensure_future(bitboot.announce_peer("swarm", ONE))
    await clock.advance(22)  # the time a call has, and a second to withdraw what may be stored
    with pytest.raises(AllBackendsFailed) as caught:
        await looking
    assert {name: type(error) for name, error in caught.value.causes.items()} == {
        "fake": BackendTimeout,
        "other": BackendError,
        "third": BackendTimeout,
    }
    with pytest.raises(AllBackendsFailed) as caught:
        await announcing
    assert {name: type(error) for name, error in caught.value.causes.items()} == {
        "fake": BackendTimeout,
        "other": BackendError,
        "third": AnnounceFailed,
    }


async def test_one_that_found_nobody_is_no_failure(serve: Any) -> None:
    bitboot = await serve(raising(), FakeBackend(), lying())
    assert await bitboot.lookup("swarm") == []


async def test_closing_waits_for_none_of_them(serve: Any, clock: ManualClock) -> None:
    good = FakeBackend(peers=[ONE])
    released = asyncio.Event()
    bitboot = await serve(stubborn(released), good, slow(clock))
    await bitboot.announce_peer("swarm", ONE)
    lookup = await bitboot.find("swarm").__aenter__()
    watch = await bitboot.watch("swarm").__aenter__()
    await clock.settle()
    closing = asyncio.ensure_future(bitboot.aclose())
    await clock.advance(2)
    in_time = closing.done()
    released.set()
    await closing
    assert in_time
    assert good.count("withdraw") == good.count("aclose") == 1
    await lookup.aclose()
    await watch.aclose()


async def test_a_fixed_port_is_the_first_network_s(registry: Registry) -> None:
    """Two nodes cannot listen on one port: the others get any free one."""
    configs: dict[str, BackendConfig] = {}

    def make(config: BackendConfig) -> FakeBackend:
        configs[config.network] = config
        return FakeBackend()

    registry.register_backend(BackendSpec("both", ["one", "two"], make))
    networks = [NetworkDefinition(name, name) for name in ("one", "two")]
    async with BitBoot(network=networks, listen="127.0.0.1:6881", registry=registry, state_dir=False):
        assert configs["one"].listen == KnownHost("127.0.0.1", 6881)
        assert configs["two"].listen == KnownHost("127.0.0.1", 0)
