"""How large a swarm is: asked of each network, and of several side by side."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bitboot_core import (
    AllBackendsFailed,
    Announces,
    BackendError,
    BackendTimeout,
    BootstrapFailed,
    Capabilities,
    InvalidConfig,
    InvalidSwarmName,
    KnownHost,
    NotRunning,
    Scope,
    SwarmKey,
    SwarmSize,
    UnsupportedOperation,
    swarm_key,
)
from bitboot_core.testing import FakeBackend, ManualClock, answers, fails, hangs, waits

CAN = Capabilities(can_withdraw=True, announces=Announces.ANY_ADDRESS, scope=Scope.PROCESS, sizes=True)
SEED = KnownHost("192.0.2.1", 6881)


def counting(**acts: Any) -> FakeBackend:
    return FakeBackend(capabilities=CAN, **acts)


def of(seeds: int, peers: int, asked: int = 9, answered: int = 8) -> SwarmSize:
    return SwarmSize(seeds=seeds, peers=peers, asked=asked, answered=answered)


async def test_a_network_is_asked_for_the_swarms_key(serve: Any) -> None:
    backend = counting(size=answers(of(2, 5)))
    bitboot = await serve(backend)
    size = await bitboot.size("swarm")
    assert (size.seeds, size.peers, size.total, size.asked, size.answered) == (2, 5, 7, 9, 8)
    assert size.networks["fake"] == of(2, 5)
    assert not size.failures
    await bitboot.size(SwarmKey(b"k" * 20))
    assert [call for call in backend.calls if call[0] == "size"] == [
        ("size", swarm_key("swarm")),
        ("size", b"k" * 20),
    ]
    assert backend.count("lookup") == 0


async def test_of_several_networks_the_largest_counts_and_each_is_told(serve: Any) -> None:
    """Programs announce themselves on all of their networks: the sum would count them twice."""
    bitboot = await serve(
        counting(size=answers(of(2, 5))), FakeBackend(peers=[SEED]), counting(size=answers(of(0, 9)))
    )
    size = await bitboot.size("swarm")
    assert (size.seeds, size.peers, size.asked, size.answered) == (2, 9, 18, 16)
    assert {name: one.peers for name, one in size.networks.items()} == {"fake": 5, "third": 9}
    assert size.networks["third-backend"].peers == 9
    assert isinstance(size.failures["other"], UnsupportedOperation)


async def test_one_that_is_slow_or_fails_spoils_nothing(serve: Any, clock: ManualClock) -> None:
    bitboot = await serve(
        counting(size=answers(of(1, 2))), counting(size=hangs()), counting(size=fails(OSError("x")))
    )
    asking = asyncio.ensure_future(bitboot.size("swarm", timeout=5))
    await clock.advance(4.9)
    assert not asking.done()
    await clock.advance(0.2)
    size = await asking
    assert size.total == 3
    assert isinstance(size.failures["other"], BackendTimeout)
    assert "OSError" in str(size.failures["third"])


async def test_where_none_can_tell_that_is_an_error(serve: Any) -> None:
    backend = FakeBackend()
    bitboot = await serve(backend)
    with pytest.raises(UnsupportedOperation, match="fake cannot tell how large a swarm is") as raised:
        await bitboot.size("swarm")
    assert "lookup" in raised.value.hint
    assert backend.count("size") == 0


async def test_where_all_fail_each_cause_is_told(serve: Any) -> None:
    bitboot = await serve(FakeBackend(), counting(size=fails(BackendTimeout("nobody answered"))))
    with pytest.raises(AllBackendsFailed) as raised:
        await bitboot.size("swarm")
    assert {name: type(error) for name, error in raised.value.causes.items()} == {
        "fake": UnsupportedOperation,
        "other": BackendTimeout,
    }


@pytest.mark.parametrize(
    "lie",
    [
        None,
        7,
        (1, 2, 3, 4),
        SwarmSize(seeds=-1, peers=0),
        SwarmSize(seeds=0, peers=2.5),  # type: ignore[arg-type]
        SwarmSize(seeds=0, peers=True),
        SwarmSize(seeds=0, peers=2**63),
        SwarmSize(seeds=0, peers=0, asked="9"),  # type: ignore[arg-type]
    ],
)
async def test_nonsense_is_an_error(serve: Any, lie: Any) -> None:
    bitboot = await serve(counting(size=answers(lie)))
    with pytest.raises(BackendError, match="fake-backend failed to tell how large a swarm is"):
        await bitboot.size("swarm")


async def test_what_a_backend_adds_of_other_networks_is_not_believed(serve: Any) -> None:
    mixed = SwarmSize(seeds=0, peers=1, failures={"other": BackendError("x")})
    size = await (await serve(counting(size=answers(mixed)))).size("swarm")
    assert not size.networks["fake"].failures


async def test_it_waits_for_contact_as_everything_does(serve: Any, clock: ManualClock) -> None:
    backend = counting(size=answers(of(0, 1)), bootstrap=waits(clock, 3, answers(1)))
    bitboot = await serve(backend, bootstrap=[SEED])
    asking = asyncio.ensure_future(bitboot.size("swarm"))
    await clock.advance(2.9)
    assert backend.count("size") == 0
    await clock.advance(0.2)
    assert (await asking).peers == 1


async def test_without_contact_it_fails_with_the_cause(serve: Any, clock: ManualClock) -> None:
    bitboot = await serve(counting(bootstrap=fails(BootstrapFailed("no answer"))), bootstrap=[SEED])
    asking = asyncio.ensure_future(bitboot.size("swarm", timeout=2))
    await clock.advance(2.1)
    with pytest.raises(BootstrapFailed):
        await asking


async def test_closing_ends_it(serve: Any) -> None:
    bitboot = await serve(counting(size=hangs()))
    asking = asyncio.ensure_future(bitboot.size("swarm"))
    await asyncio.sleep(0)
    await bitboot.aclose()
    with pytest.raises(NotRunning):
        await asking
    with pytest.raises(NotRunning):
        await bitboot.size("swarm")


async def test_it_can_be_cancelled(serve: Any) -> None:
    begun = asyncio.Event()

    async def hang() -> None:
        begun.set()
        await asyncio.Event().wait()

    bitboot = await serve(counting(size=hang))
    asking = asyncio.ensure_future(bitboot.size("swarm"))
    await begun.wait()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking


@pytest.mark.parametrize(
    ("swarm", "timeout", "error"),
    [("", 1, InvalidSwarmName), (7, 1, InvalidSwarmName), ("x", -1, InvalidConfig)],
)
async def test_bad_input_is_told(serve: Any, swarm: Any, timeout: Any, error: type[Exception]) -> None:
    bitboot = await serve(counting())
    with pytest.raises(error):
        await bitboot.size(swarm, timeout=timeout)
