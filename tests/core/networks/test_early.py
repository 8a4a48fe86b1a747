"""Lookups that begin before their network is reached, with backends that can; and with those that cannot."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from bitboot_core import (
    Announces,
    Backend,
    BackendError,
    BackendTimeout,
    BitBoot,
    BootstrapFailed,
    Capabilities,
    KnownHost,
    Scope,
    UnsupportedOperation,
)
from bitboot_core._networks.kept_contacts import ContactFile
from bitboot_core.testing import FakeBackend, ManualClock, answers, fails, hangs

SEED = KnownHost("192.0.2.1", 6881)
KEPT = [KnownHost("192.0.2.9", port) for port in range(1, 4)]
PEER = KnownHost("192.0.2.7", 6881)
EARLY = Capabilities(
    can_withdraw=False, announces=Announces.ANY_ADDRESS, scope=Scope.PUBLIC, early_lookups=True
)


def early(**options: Any) -> FakeBackend:
    """A backend that looks up early."""
    return FakeBackend(capabilities=EARLY, **options)


def is_ready(bitboot: BitBoot) -> bool:
    return bitboot.networks()["fake"].ready


async def test_a_lookup_begins_while_the_network_is_being_reached(serve: Any, clock: ManualClock) -> None:
    backend = early(bootstrap=hangs(), peers=[PEER])
    bitboot = await serve(backend, bootstrap=[SEED])
    found = await bitboot.lookup("swarm")
    assert [peer.address for peer in found] == [("192.0.2.7", 6881)]
    assert backend.count("lookup") == 0
    assert is_ready(bitboot), "nodes have answered: whoever waits for that waits no more"
    await bitboot.ready()


async def test_one_node_that_tells_of_peers_is_no_network_yet(serve: Any, clock: ManualClock) -> None:
    backend = early(bootstrap=hangs(), lookup_through=hangs(), peers=[PEER])
    bitboot = await serve(backend, bootstrap=[SEED])
    async with bitboot.find("swarm") as found:
        assert (await anext(found)).address == ("192.0.2.7", 6881)
        assert not is_ready(bitboot)


async def test_an_empty_swarm_is_believed_where_the_backend_says_so(serve: Any, clock: ManualClock) -> None:
    backend = early(bootstrap=hangs())
    bitboot = await serve(backend, bootstrap=[SEED])
    assert await bitboot.lookup("swarm") == []
    assert backend.count("lookup") == 0
    assert is_ready(bitboot)


async def test_it_begins_at_those_that_were_good_once_and_then_at_the_networks_own(
    serve: Any, clock: ManualClock, tmp_path: Path
) -> None:
    ContactFile(tmp_path / "contacts-fake.json", "fake").write(KEPT)
    backend = early(bootstrap=hangs())
    bitboot = await serve(backend, bootstrap=[SEED], state_dir=tmp_path)
    await bitboot.lookup("swarm")
    (call,) = [call for call in backend.calls if call[0] == "lookup_through"]
    assert call[2] == (*KEPT, SEED)


async def test_where_too_few_answer_it_looks_up_again_once_in_touch(serve: Any, clock: ManualClock) -> None:
    """What it found before is kept; that nobody answered the first time is no failure."""
    released = asyncio.Event()

    async def late() -> int:
        await released.wait()
        return 1

    backend = early(bootstrap=late, lookup_through=fails(BackendTimeout("too few answered")))
    bitboot = await serve(backend, bootstrap=[SEED])
    async with bitboot.find("swarm") as found:
        finding = asyncio.ensure_future(found.collect())
        await clock.settle()
        assert not finding.done()
        assert not is_ready(bitboot)
        backend.peers = [PEER]
        released.set()
        assert [peer.address for peer in await finding] == [("192.0.2.7", 6881)]
        assert not found.failures
    assert backend.open_streams == 0


async def test_where_nothing_is_reached_the_cause_is_the_bootstraps(serve: Any, clock: ManualClock) -> None:
    backend = early(
        bootstrap=fails(BootstrapFailed("the router is unplugged")),
        lookup_through=fails(BackendTimeout("none of the 3 nodes asked answered")),
    )
    bitboot = await serve(backend, bootstrap=[SEED], timeout=5)
    looking = asyncio.ensure_future(bitboot.lookup("swarm"))
    await clock.advance(6)
    with pytest.raises(BootstrapFailed, match="unplugged"):
        await looking
    assert not is_ready(bitboot)


async def test_a_fault_of_the_backends_is_its_own_the_second_time(serve: Any, clock: ManualClock) -> None:
    backend = early(lookup_through=fails(BackendError("it broke")), lookup=fails(BackendError("it broke")))
    bitboot = await serve(backend, bootstrap=[SEED])
    with pytest.raises(BackendError, match="it broke"):
        await bitboot.lookup("swarm")


async def test_in_touch_it_looks_up_as_ever(serve: Any, clock: ManualClock) -> None:
    backend = early(peers=[PEER])
    bitboot = await serve(backend, bootstrap=[SEED])
    await bitboot.ready()
    await bitboot.lookup("swarm")
    assert (backend.count("lookup_through"), backend.count("lookup")) == (0, 1)


async def test_closed_early_it_closes_the_backends_stream(serve: Any, clock: ManualClock) -> None:
    backend = early(bootstrap=hangs(), lookup_through=hangs(), peers=[PEER])
    bitboot = await serve(backend, bootstrap=[SEED])
    async with bitboot.find("swarm", limit=1) as found:
        assert [peer async for peer in found]
    await clock.settle()
    assert backend.open_streams == 0


async def test_a_backend_that_cannot_waits_for_contact(serve: Any, clock: ManualClock) -> None:
    backend = FakeBackend(bootstrap=answers(0), peers=[PEER])
    bitboot = await serve(backend, bootstrap=[SEED])
    looking = asyncio.ensure_future(bitboot.lookup("swarm"))
    await clock.settle()
    assert (backend.count("lookup_through"), backend.count("lookup")) == (0, 0)
    del backend.acts["bootstrap"]
    await clock.advance(10)
    assert len(await looking) == 1
    with pytest.raises(UnsupportedOperation, match="once it is in touch"):
        Backend.lookup_through(backend, b"", [SEED])
