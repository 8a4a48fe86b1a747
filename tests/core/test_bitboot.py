"""The façade: its life, its networks, and what it refuses."""

import asyncio
import gc
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from bitboot_core import (
    AnnounceFailed,
    BackendUnavailable,
    BitBoot,
    BitBootConfig,
    HostNotFound,
    InvalidConfig,
    InvalidEndpoint,
    KnownHost,
    ListenFailed,
    NetworkDefinition,
    NetworkName,
    NetworkUnavailable,
    NotRunning,
    Peer,
    Registry,
    UnknownBackend,
    UnknownNetwork,
    UnsupportedOperation,
    swarm_key,
)
from bitboot_core.backend import BackendSpec
from bitboot_core.testing import FakeBackend, ManualClock, answers, fails, hangs, hangs_until, spec_of, waits

PEER = KnownHost("192.0.2.7", 6881)
SEED = KnownHost("192.0.2.1", 6881)


async def test_the_seeds_example() -> None:
    bitboot = await BitBoot.create(BitBootConfig(network="local"))
    await bitboot.announce_peer("unique_network", KnownHost("127.0.0.1", 6881))
    peers = await bitboot.lookup("unique_network")
    assert peers == [Peer("127.0.0.1", 6881)]
    await bitboot.aclose()


async def test_port_0_is_refused_before_anything_is_sent_where_a_network_has_none(serve: Any) -> None:
    """It stands for the node's own port; of somebody else it is nothing."""
    backend = FakeBackend()
    bitboot = await serve(backend)
    for host, port in ((None, 0), (":0", None), ("0.0.0.0", 0)):
        with pytest.raises(UnsupportedOperation, match="cannot announce port 0"):
            async with bitboot.announce("swarm", host, port=port) as announcement:
                await announcement.announced()
    assert backend.count("announce") == 0
    with pytest.raises(InvalidEndpoint, match=r"port 0 of 192\.0\.2\.7"):
        bitboot.announce("swarm", "192.0.2.7:0")


def test_a_bitboot_that_is_never_closed_ends_with_a_warning_and_nothing_else() -> None:
    code = """
import asyncio
from bitboot_core import BitBoot, BitBootConfig, KnownHost

async def main():
    asyncio.get_running_loop().slow_callback_duration = 60  # it would tell how long imports take
    bitboot = await BitBoot.create(BitBootConfig(network="local"))
    await bitboot.announce_peer("unique_network", KnownHost("127.0.0.1", 6881))
    async for peer in await bitboot.find("unique_network").__aenter__():
        print(peer)

asyncio.run(main(), debug=True)
"""
    warning = "ResourceWarning: unclosed BitBoot on local: use `async with`, or await its aclose()"
    for flags, told in ((["-X", "dev"], [warning]), ([], [])):
        done = subprocess.run(
            [sys.executable, *flags, "-c", code], capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stdout) == (0, "127.0.0.1:6881\n")
        lines = [line for line in done.stderr.splitlines() if line[0] != " " and "alloc" not in line]
        assert [line.partition(": ")[2] for line in lines] == told


# Settings


async def test_settings_are_keywords_too_and_go_before_the_config() -> None:
    config = BitBootConfig(network="local", timeout=5)
    assert BitBoot(config, timeout=7).config == BitBootConfig(network="local", timeout=7)
    async with await BitBoot.create(network="local", lifetime=60) as bitboot:
        assert bitboot.config.lifetime == 60
    with pytest.raises(InvalidConfig):
        BitBoot(config, timeout=0)


async def test_a_network_is_named_by_a_string_or_the_enum() -> None:
    async with BitBoot(network=NetworkName.LOCAL) as bitboot:
        assert list(bitboot.networks()) == ["local"]


def test_what_cannot_be_is_said_before_anything_is_opened(registry: Registry) -> None:
    registry.register_backend(spec_of(FakeBackend(), "x", ["p"]))
    registry.register_backend(
        BackendSpec("y", ["p"], lambda config: FakeBackend(), unavailable=lambda: "broken")
    )
    mine = NetworkDefinition("mine", "p")

    def make(**settings: Any) -> BitBoot:
        return BitBoot(registry=registry, **settings)

    with pytest.raises(UnknownNetwork):
        make(network="nowhere")
    with pytest.raises(NetworkUnavailable, match="bitcoin"):
        make(network="bitcoin")
    with pytest.raises(NetworkUnavailable) as caught:
        make()
    assert caught.value.hint == 'pip install "bitboot-core[btdht]"'
    with pytest.raises(UnknownBackend):
        make(network=mine, backend="z")
    with pytest.raises(BackendUnavailable, match="broken"):
        make(network=mine, backend="y")
    with pytest.raises(InvalidConfig, match="mine is given twice"):
        make(network=[mine, mine])
    with pytest.raises(InvalidConfig, match="protocol"):
        make(network=NetworkDefinition("mine", ""))
    with pytest.raises(InvalidConfig, match="x does not speak q"):
        make(network=NetworkDefinition("other", "q"), backend="x")


async def test_a_pinned_backend_serves_the_networks_it_can(registry: Registry) -> None:
    for name, protocols in (("a", ["p"]), ("b", ["p", "q"]), ("c", ["q"])):
        registry.register_backend(spec_of(FakeBackend(), name, protocols))
    both = [NetworkDefinition("n", "p"), NetworkDefinition("m", "q")]
    for pin, served in (
        (None, {"n": "a", "m": "b"}),
        ("c", {"n": "a", "m": "c"}),
        ("b", {"n": "b", "m": "b"}),
    ):
        bitboot = BitBoot(network=both, backend=pin, registry=registry)
        assert {name: state.backend for name, state in bitboot.networks().items()} == served


async def test_the_networks_own_contacts_can_be_replaced(registry: Registry) -> None:
    registry.register_backend(spec_of(FakeBackend(), "x", ["p"]))
    network = NetworkDefinition("n", "p", [SEED])

    def starts_from(**settings: Any) -> tuple[KnownHost, ...]:
        return BitBoot(network=network, registry=registry, **settings).networks()["n"].bootstrap

    assert starts_from() == (SEED,)
    assert starts_from(bootstrap=["a.example:1"]) == (KnownHost("a.example", 1),)
    assert starts_from(bootstrap=[]) == ()


# Its life


def calls(bitboot: BitBoot) -> list[Callable[[], Any]]:
    """Everything that needs a running BitBoot."""

    async def call(function: Callable[[], Any]) -> None:
        function()

    return [
        bitboot.ready,
        lambda: call(lambda: bitboot.announce("swarm", PEER)),
        lambda: bitboot.announce_peer("swarm", PEER),
        lambda: call(lambda: bitboot.find("swarm")),
        lambda: bitboot.lookup("swarm"),
        lambda: bitboot.add_network("local"),
        lambda: bitboot.remove_network("local"),
        lambda: bitboot.switch_network("local"),
    ]


async def test_before_the_start_nothing_runs() -> None:
    bitboot = BitBoot(network="local")
    for call in calls(bitboot):
        with pytest.raises(NotRunning, match="has not been started"):
            await call()
    await bitboot.aclose()


async def test_after_the_end_nothing_runs() -> None:
    bitboot = await BitBoot.create(network="local")
    lookup, announcement = bitboot.find("swarm"), bitboot.announce("swarm", PEER)
    await bitboot.aclose()
    await bitboot.aclose()
    for call in calls(bitboot):
        with pytest.raises(NotRunning, match="has been closed"):
            await call()
    for late in (bitboot, lookup, announcement):
        with pytest.raises(NotRunning):
            await late.__aenter__()


async def test_create_and_async_with_go_together() -> None:
    async with await BitBoot.create(network="local") as bitboot:
        await bitboot.ready()


async def test_closing_leaves_nothing(clock: ManualClock) -> None:
    before = asyncio.all_tasks()
    bitboot = await BitBoot.create(network="local")
    await bitboot.announce_peer(["a", "b"], PEER)
    lookup = await bitboot.find("a").__aenter__()
    announcement = await bitboot.announce("c", PEER).__aenter__()
    await bitboot.aclose()
    assert asyncio.all_tasks() == before
    await lookup.aclose()
    await announcement.aclose()


async def test_closing_goes_on_where_the_closer_is_cancelled(serve: Any, clock: ManualClock) -> None:
    closed = asyncio.Event()
    backend = FakeBackend(aclose=closed.wait)
    bitboot = await serve(backend)
    closing = asyncio.ensure_future(bitboot.aclose())
    await clock.settle()
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    again = asyncio.ensure_future(bitboot.aclose())
    await clock.settle()
    assert not again.done()
    closed.set()
    await again
    assert backend.count("aclose") == 1


async def test_closing_is_bounded_where_a_network_is_just_being_started(
    serve: Any, registry: Registry, clock: ManualClock
) -> None:
    released = asyncio.Event()
    stuck = hangs_until(released)
    bitboot = await serve(FakeBackend(withdraw=stuck, aclose=stuck))
    registry.register_backend(spec_of(FakeBackend(start=stuck, aclose=stuck), "late", ["late"]))
    await bitboot.announce_peer("a", PEER)
    adding = asyncio.ensure_future(bitboot.add_network(NetworkDefinition("late", "late")))
    await clock.settle()
    began = clock.now()
    closing = asyncio.ensure_future(bitboot.aclose())
    while not closing.done():
        await clock.advance(0.05)
    assert clock.now() - began <= 2
    with pytest.raises(NotRunning, match="closed"):
        await adding
    released.set()


async def test_closing_is_bounded_whatever_hangs(serve: Any, clock: ManualClock) -> None:
    released = asyncio.Event()
    stuck = hangs_until(released)
    backends = [FakeBackend(aclose=stuck, withdraw=stuck, lookup=stuck) for _ in range(3)]
    bitboot = await serve(*backends)
    await bitboot.announce_peer(["a", "b"], PEER)
    async with bitboot.find("a"):
        await clock.settle()
        began = clock.now()
        closing = asyncio.ensure_future(bitboot.aclose())
        while not closing.done():
            await clock.advance(0.05)
        assert clock.now() - began <= 2
        released.set()


# announce_peer


async def test_announce_peer_returns_once_it_is_stored(serve: Any, clock: ManualClock) -> None:
    backend = FakeBackend()
    bitboot = await serve(backend)
    announcement = await bitboot.announce_peer("swarm", "192.0.2.7:6881")
    assert announcement.status["fake"].stored_on == 1
    await clock.advance(86_400)
    assert backend.count("announce") > 50
    await bitboot.aclose()
    assert backend.count("withdraw") == 1


async def test_announce_peer_without_renewal(serve: Any, clock: ManualClock) -> None:
    backend = FakeBackend()
    bitboot = await serve(backend)
    await bitboot.announce_peer(["a", "b"], PEER, renew=False)
    await clock.advance(86_400)
    assert backend.count("announce") == 2


async def test_announce_peer_that_fails_leaves_nothing(serve: Any, clock: ManualClock) -> None:
    backend = FakeBackend(announce=fails(AnnounceFailed("nobody")))
    bitboot = await serve(backend)
    before = asyncio.all_tasks()
    with pytest.raises(AnnounceFailed, match="nobody"):
        await bitboot.announce_peer("swarm", PEER)
    await clock.advance(86_400)
    assert backend.count("announce") == 1
    assert asyncio.all_tasks() == before


async def test_announce_peer_that_is_cancelled_leaves_nothing(serve: Any, clock: ManualClock) -> None:
    bitboot = await serve(FakeBackend(announce=hangs()))
    before = asyncio.all_tasks()
    announcing = asyncio.ensure_future(bitboot.announce_peer("swarm", PEER))
    await clock.settle()
    announcing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await announcing
    assert asyncio.all_tasks() == before


async def test_announcing_the_same_again_replaces_the_first(serve: Any, clock: ManualClock) -> None:
    backend = FakeBackend()
    bitboot = await serve(backend)
    first = await bitboot.announce_peer("swarm", PEER)
    second = await bitboot.announce_peer("swarm", PEER)
    with pytest.raises(NotRunning):
        await first.announced()
    await second.announced()
    assert backend.count("withdraw") == 0
    announced = backend.count("announce")
    await clock.advance(1800)
    assert backend.count("announce") - announced in (1, 2)  # one that renews, not two
    await bitboot.aclose()
    assert backend.count("withdraw") == 1


# Networks that come and go


async def test_a_network_is_added_and_announcements_extend_to_it(serve: Any, registry: Registry) -> None:
    bitboot = await serve(FakeBackend(peers=[PEER]))
    added = FakeBackend(peers=[PEER, SEED])
    registry.register_backend(spec_of(added, "added", ["added"]))
    async with bitboot.announce("swarm", PEER) as announcement:
        await bitboot.add_network(NetworkDefinition("added", "added"), bootstrap=[SEED])
        await bitboot.add_network(NetworkDefinition("more", "fake"))
        assert list(bitboot.networks()) == ["fake", "added", "more"]
        await announcement.changed()
        assert added.count("announce") == 1
        assert set(announcement.status) == {"fake", "added", "more"}
    peers = await bitboot.lookup("swarm")
    assert {peer.port for peer in peers} == {6881}
    assert [set(peer.sources) for peer in sorted(peers)] == [{"added"}, {"fake", "added", "more"}]


async def test_a_network_that_does_not_start_is_not_added(serve: Any, registry: Registry) -> None:
    bitboot = await serve(FakeBackend())
    registry.register_backend(spec_of(FakeBackend(start=fails(ListenFailed("taken"))), "added", ["added"]))
    with pytest.raises(ListenFailed):
        await bitboot.add_network(NetworkDefinition("added", "added"))
    with pytest.raises(InvalidConfig, match="fake is active already") as raised:
        await bitboot.add_network(NetworkDefinition("fake", "fake"))
    assert raised.value.hint == "remove it first"
    with pytest.raises(UnknownNetwork):
        await bitboot.add_network("nowhere")
    assert list(bitboot.networks()) == ["fake"]


async def test_a_network_is_removed_and_withdrawn_from(serve: Any, clock: ManualClock) -> None:
    leaving, staying = FakeBackend(peers=[SEED], lookup=hangs()), FakeBackend(peers=[PEER], lookup=hangs())
    bitboot = await serve(leaving, staying)
    async with bitboot.announce("swarm", PEER) as announcement, bitboot.find("swarm") as found:
        await announcement.announced()
        await clock.settle()
        await bitboot.remove_network("fake")
        assert list(bitboot.networks()) == list(announcement.status) == ["other"]
        assert [call[0] for call in leaving.calls[-2:]] == ["withdraw", "aclose"]
        assert leaving.open_streams == 0
        assert staying.count("withdraw") == 0
        assert staying.open_streams == 1
        assert isinstance(found.failures["fake"], NotRunning)
    with pytest.raises(UnknownNetwork, match="fake is not active"):
        await bitboot.remove_network("fake")


async def test_a_network_is_not_closed_before_an_announcement_has_withdrawn_from_it(
    serve: Any, clock: ManualClock
) -> None:
    leaving = FakeBackend(withdraw=waits(clock, 0.5))
    bitboot = await serve(leaving, FakeBackend())
    announcement = await bitboot.announce_peer("swarm", PEER)
    closing = asyncio.ensure_future(announcement.aclose())
    await clock.settle()
    removing = asyncio.ensure_future(bitboot.remove_network("fake"))
    await clock.advance(0.4)
    assert leaving.count("aclose") == 0
    await clock.advance(0.2)
    await asyncio.gather(closing, removing)
    assert [call[0] for call in leaving.calls[-2:]] == ["withdraw", "aclose"]


async def test_without_any_network_one_can_only_add_one(serve: Any, registry: Registry) -> None:
    bitboot = await serve(FakeBackend())
    async with bitboot.announce("swarm", PEER) as announcement:
        await bitboot.remove_network("fake")
        for call in (bitboot.lookup("swarm"), announcement.announced(), bitboot.ready()):
            with pytest.raises(NotRunning, match="no network is active"):
                await call
        await bitboot.add_network(NetworkDefinition("fake", "fake"))
        await announcement.announced()


async def test_switching_moves_announcements_along(serve: Any, registry: Registry) -> None:
    former, latter = FakeBackend(), FakeBackend(peers=[PEER])
    bitboot = await serve(former)
    registry.register_backend(spec_of(latter, "latter", ["latter"]))
    await bitboot.announce_peer("swarm", PEER)
    await bitboot.switch_network(NetworkDefinition("latter", "latter"))
    assert list(bitboot.networks()) == ["latter"]
    assert [call[0] for call in former.calls[-2:]] == ["withdraw", "aclose"]
    assert await bitboot.lookup("swarm") == [Peer(PEER.host, PEER.port)]
    assert ("announce", swarm_key("swarm"), PEER, 1800.0) in latter.calls


async def test_switching_to_the_same_network_with_other_contacts(serve: Any) -> None:
    backend = FakeBackend()
    bitboot = await serve(backend)
    await bitboot.switch_network(NetworkDefinition("fake", "fake"), bootstrap=["192.0.2.5:1"])
    await bitboot.ready()
    assert bitboot.networks()["fake"].bootstrap == (KnownHost("192.0.2.5", 1),)


async def test_what_is_announced_during_a_switch_is_announced_on_the_new_network(
    serve: Any, registry: Registry, clock: ManualClock
) -> None:
    withdrawn = asyncio.Event()
    bitboot = await serve(FakeBackend(withdraw=withdrawn.wait))
    latter = FakeBackend()
    registry.register_backend(spec_of(latter, "latter", ["latter"]))
    await bitboot.announce_peer("swarm", PEER)
    switching = asyncio.ensure_future(bitboot.switch_network(NetworkDefinition("latter", "latter")))
    await clock.settle()
    assert not switching.done()
    await bitboot.announce_peer("another", PEER)
    assert await bitboot.lookup("swarm") == []
    withdrawn.set()
    await switching
    await clock.settle()
    assert sorted(call[1] for call in latter.calls if call[0] == "announce") == sorted(
        [swarm_key("swarm"), swarm_key("another")]
    )


async def test_a_switch_that_is_cancelled_leaves_nothing_half_done(
    serve: Any, registry: Registry, clock: ManualClock
) -> None:
    former, latter, third = FakeBackend(withdraw=hangs()), FakeBackend(), FakeBackend(start=hangs())
    bitboot = await serve(former)
    registry.register_backend(spec_of(latter, "latter", ["latter"]))
    registry.register_backend(spec_of(third, "third", ["third"]))
    await bitboot.announce_peer("swarm", PEER)
    both = [NetworkDefinition("latter", "latter"), NetworkDefinition("third", "third")]
    for target in (both, both[0]):  # while they start, and while it leaves the former
        switching = asyncio.ensure_future(bitboot.switch_network(target))
        await clock.settle()
        switching.cancel()
        with pytest.raises(asyncio.CancelledError):
            await switching
        await clock.advance(2)  # closing goes on by itself
        if target is both:
            assert list(bitboot.networks()) == ["fake"]
            assert latter.count("aclose") == third.count("aclose") == 1
    assert list(bitboot.networks()) == ["latter"]
    assert former.count("aclose") == 1
    await clock.settle()
    assert latter.count("announce") == 1


async def test_switching_that_fails_leaves_things_as_they_were(serve: Any, registry: Registry) -> None:
    backend = FakeBackend(peers=[PEER])
    bitboot = await serve(backend)
    registry.register_backend(spec_of(FakeBackend(start=fails(ListenFailed("taken"))), "latter", ["latter"]))
    with pytest.raises(ListenFailed):
        await bitboot.switch_network(NetworkDefinition("latter", "latter"))
    with pytest.raises(NetworkUnavailable):
        await bitboot.switch_network("solana")
    assert len(await bitboot.lookup("swarm")) == 1
    assert backend.count("aclose") == 0


async def test_a_network_that_comes_after_the_end_is_closed(
    serve: Any, registry: Registry, clock: ManualClock
) -> None:
    bitboot = await serve(FakeBackend())
    started = asyncio.Event()
    late = FakeBackend(start=started.wait)
    registry.register_backend(spec_of(late, "late", ["late"]))
    adding = asyncio.ensure_future(bitboot.add_network(NetworkDefinition("late", "late")))
    await clock.settle()
    await bitboot.aclose()
    started.set()
    with pytest.raises(NotRunning):
        await adding
    assert late.count("aclose") == 1


async def test_two_bitboots_do_not_share_anything_but_the_network() -> None:
    async with BitBoot(network="local") as here, BitBoot(network="local") as there:
        async with here.announce("swarm", port=6881) as announcement:
            await announcement.announced()
            assert await there.lookup("swarm") == [Peer("127.0.0.1", 6881)]
        assert await there.lookup("swarm") == []


async def test_ready_has_its_own_time(serve: Any, clock: ManualClock) -> None:
    bitboot = await serve(FakeBackend(bootstrap=answers(0)), bootstrap=[SEED])
    with pytest.raises(InvalidConfig, match="timeout=-1"):
        await bitboot.ready(timeout=-1)


async def test_a_bitboot_that_nobody_closed_is_warned_of(registry: Registry, clock: ManualClock) -> None:
    registry.register_backend(spec_of(FakeBackend(known=[PEER]), "fake-backend", ["fake"]))

    async def forgotten() -> BitBoot:
        network = NetworkDefinition("fake", "fake", (PEER,))
        bitboot = BitBoot(network=network, registry=registry, clock=clock, state_dir=False)
        return await bitboot.__aenter__()

    def drop() -> None:
        held.clear()
        gc.collect()

    held = [await forgotten()]
    networks = list(held[0]._networks)
    with pytest.warns(ResourceWarning, match="unclosed BitBoot on fake"):
        drop()
    for network in networks:
        await network.aclose(1)

    held = [await forgotten()]
    await held[0].aclose()
    drop()  # a warning would be an error


async def test_a_bitboot_that_was_never_started_is_not_warned_of(registry: Registry) -> None:
    registry.register_backend(spec_of(FakeBackend(), "fake-backend", ["fake"]))
    bitboot = BitBoot(network=NetworkDefinition("fake", "fake"), registry=registry)
    del bitboot
    gc.collect()


async def test_of_several_that_fail_while_one_is_ready_no_error_is_left_unread(
    serve: Any, clock: ManualClock, loop_errors: list[str]
) -> None:
    """Those that end in the same moment as the one that is ready."""
    together = asyncio.Event()

    async def succeed() -> int:
        await together.wait()
        return 1

    async def fail() -> int:
        await together.wait()
        raise HostNotFound("no such name")

    bitboot = await serve(
        FakeBackend(bootstrap=fail),
        FakeBackend(bootstrap=succeed),
        FakeBackend(bootstrap=fail),
        bootstrap=[SEED],
    )
    getting_ready = [asyncio.ensure_future(bitboot.ready()) for _ in range(8)]
    await clock.settle()
    together.set()
    await asyncio.gather(*getting_ready)
    getting_ready.clear()
    await clock.advance(30)  # until then the clock's timers keep the tasks
    gc.collect()
    assert loop_errors == []
