"""A network in use: getting in touch, staying in touch, and what stands in the way."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from bitboot_core import (
    AllBackendsFailed,
    AnnounceFailed,
    BackendError,
    BackendTimeout,
    BackendUnavailable,
    BitBoot,
    BootstrapFailed,
    HostNotFound,
    InvalidEndpoint,
    KnownHost,
    ListenFailed,
    NetworkDefinition,
    NotRunning,
    Place,
    Reachability,
    Registry,
    UnknownNetwork,
)
from bitboot_core.backend import BackendSpec
from bitboot_core.testing import FakeBackend, ManualClock, answers, fails, hangs, hangs_until

SEED = KnownHost("192.0.2.1", 6881)
PEER = KnownHost("192.0.2.7", 6881)
HERE, THERE = KnownHost("192.0.2.8", 6881), KnownHost("2001:db8::8", 6881)


def state(bitboot: BitBoot, network: str = "fake") -> Any:
    return bitboot.networks()[network]


# Its place


@pytest.mark.parametrize(
    ("places", "reachability", "outside"),
    [
        ({}, Reachability.UNKNOWN, None),
        ({4: Place(Reachability.UNKNOWN, HERE)}, Reachability.UNKNOWN, HERE),
        ({6: Place(Reachability.OPEN, THERE), 4: Place(Reachability.CONE, HERE)}, Reachability.CONE, HERE),
        ({4: Place(Reachability.BLOCKED), 6: Place(Reachability.OPEN, THERE)}, Reachability.OPEN, THERE),
        ({4: Place(Reachability.UNKNOWN), 6: Place(Reachability.OPEN, THERE)}, Reachability.OPEN, THERE),
        ({4: Place(Reachability.UNKNOWN), 6: Place(Reachability.BLOCKED)}, Reachability.UNKNOWN, None),
        ({4: Place(Reachability.BLOCKED), 6: Place(Reachability.BLOCKED)}, Reachability.BLOCKED, None),
    ],
)
async def test_whether_others_can_reach_it(
    *,
    serve: Any,
    places: dict[int, Place],
    reachability: Reachability,
    outside: KnownHost | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(FakeBackend, "places", places)
    found = state(await serve(FakeBackend()))
    assert found.places == places
    assert (found.reachability, found.outside) == (reachability, outside)
    hash(found)


# Starting


async def test_the_backend_is_told_what_it_is_for(registry: Registry, tmp_path: Any) -> None:
    configs = []

    def factory(config: Any) -> FakeBackend:
        configs.append(config)
        return FakeBackend()

    registry.register_backend(BackendSpec("x", ["p"], factory))
    network = NetworkDefinition("mine", "p")
    async with BitBoot(
        network=network, registry=registry, listen="127.0.0.1:0", state_dir=tmp_path, read_only=True
    ):
        (config,) = configs
    assert (config.network, config.protocol, config.listen) == ("mine", "p", KnownHost("127.0.0.1", 0))
    assert (config.state_dir, config.read_only) == (tmp_path, True)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ListenFailed("port 1 is taken"), ListenFailed),
        (BackendUnavailable("no kernel"), BackendUnavailable),
        (OSError("what"), BackendError),
        (asyncio.CancelledError(), BackendError),
    ],
)
async def test_a_backend_that_does_not_start(
    serve: Any, error: BaseException, expected: type[Exception]
) -> None:
    backend = FakeBackend(start=fails(error))
    with pytest.raises(expected):
        await serve(backend)
    assert backend.count("aclose") == 1  # it may have opened half of its sockets


async def test_a_backend_whose_start_hangs(serve: Any, clock: ManualClock) -> None:
    starting = asyncio.ensure_future(serve(FakeBackend(start=hangs()), timeout=5))
    await clock.advance(5)
    with pytest.raises(BackendTimeout, match="did not start within 5 s"):
        await starting


async def test_a_start_that_is_cancelled_closes_the_backend(serve: Any, clock: ManualClock) -> None:
    backend = FakeBackend(start=hangs())
    starting = asyncio.ensure_future(serve(backend))
    await clock.settle()
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert backend.count("aclose") == 1


@pytest.mark.parametrize(
    ("made", "expected", "words"),
    [
        (ImportError("no libx"), BackendUnavailable, "lacks a library: no libx"),
        (ListenFailed("no"), ListenFailed, "no"),
        (ValueError("what"), BackendError, "ValueError: what"),
        (None, BackendError, "None"),
        ("a backend", BackendError, "'a backend'"),
    ],
)
async def test_a_factory_that_makes_no_backend(
    registry: Registry, made: object, expected: type[Exception], words: str
) -> None:
    def factory(config: object) -> Any:
        if isinstance(made, Exception):
            raise made
        return made

    registry.register_backend(BackendSpec("x", ["p"], factory))
    with pytest.raises(expected, match=words):
        await BitBoot(network=NetworkDefinition("n", "p"), registry=registry).__aenter__()


async def test_a_backend_that_does_not_say_what_it_can_do(serve: Any) -> None:
    with pytest.raises(BackendError, match="does not say what it can do"):
        await serve(FakeBackend(capabilities="all"))  # type: ignore[arg-type]


async def test_one_network_that_does_not_start_is_told_of_in_every_call(serve: Any) -> None:
    error = ListenFailed("port 1 is taken")
    bitboot = await serve(FakeBackend(start=fails(error)), FakeBackend(peers=[PEER]))
    await bitboot.ready()
    assert state(bitboot).error is error
    assert not state(bitboot).ready
    async with bitboot.find("swarm") as found:
        assert len(await found.collect()) == 1
        assert dict(found.failures) == {"fake": error}
    async with bitboot.announce("swarm", PEER) as announcement:
        await announcement.announced()
        assert announcement.status["fake"].last_error is error


async def test_where_none_starts_all_causes_are_told(serve: Any) -> None:
    with pytest.raises(AllBackendsFailed) as caught:
        await serve(FakeBackend(start=fails(ListenFailed("a"))), FakeBackend(start=fails(OSError("b"))))
    assert set(caught.value.causes) == {"fake", "other"}


# Getting in touch


async def test_it_is_ready_once_a_contact_has_answered(serve: Any, clock: ManualClock) -> None:
    answered = asyncio.Event()

    async def bootstrap() -> int:
        await answered.wait()
        return 1

    bitboot = await serve(FakeBackend(bootstrap=bootstrap), bootstrap=[SEED])
    waiting = asyncio.ensure_future(bitboot.ready())
    await clock.settle()
    assert not waiting.done()
    assert not state(bitboot).ready
    answered.set()
    await waiting
    assert state(bitboot).ready


async def test_with_nobody_to_ask_it_is_ready_at_once(serve: Any) -> None:
    backend = FakeBackend()
    bitboot = await serve(backend)
    await bitboot.ready()
    assert backend.count("bootstrap") == 0


async def test_nobody_answers(serve: Any, clock: ManualClock) -> None:
    backend = FakeBackend(bootstrap=answers(0))
    bitboot = await serve(backend, bootstrap=[SEED, KnownHost("seed.example", 1)], timeout=20)
    waiting = asyncio.ensure_future(bitboot.ready())
    await clock.advance(19.9)
    assert not waiting.done()
    await clock.advance(0.1)
    with pytest.raises(BootstrapFailed, match=r"192\.0\.2\.1:6881, seed\.example:1") as caught:
        await waiting
    assert caught.value.hint
    assert backend.count("bootstrap") > 2  # attempts go on while one waits


async def test_a_bootstrap_that_hangs_names_whom_it_asks(serve: Any, clock: ManualClock) -> None:
    bitboot = await serve(FakeBackend(bootstrap=hangs()), bootstrap=[SEED])
    waiting = asyncio.ensure_future(bitboot.ready(timeout=3))
    await clock.advance(3)
    with pytest.raises(BootstrapFailed, match=r"192\.0\.2\.1:6881"):
        await waiting


async def test_a_bootstrap_that_hangs_is_begun_again(serve: Any, clock: ManualClock) -> None:
    backend = FakeBackend(bootstrap=hangs())
    bitboot = await serve(backend, bootstrap=[SEED])
    await clock.advance(29)
    assert backend.count("bootstrap") == 1
    del backend.acts["bootstrap"]
    await clock.advance(3)
    await bitboot.ready()


async def test_many_contacts_that_do_not_answer_are_not_all_named(serve: Any, clock: ManualClock) -> None:
    contacts = [KnownHost("192.0.2.1", port) for port in range(1, 101)]
    bitboot = await serve(FakeBackend(bootstrap=answers(0)), bootstrap=contacts)
    waiting = asyncio.ensure_future(bitboot.ready())
    await clock.advance(20)
    with pytest.raises(BootstrapFailed, match="and 92 more"):
        await waiting


async def test_names_that_do_not_resolve_are_told_at_once(serve: Any) -> None:
    bitboot = await serve(FakeBackend(bootstrap=fails(HostNotFound("no such name"))), bootstrap=[SEED])
    for _ in range(2):
        with pytest.raises(HostNotFound, match="no such name"):
            await bitboot.ready()
    with pytest.raises(HostNotFound):
        await bitboot.announce_peer("swarm", PEER)
    with pytest.raises(HostNotFound):
        await bitboot.lookup("swarm")


async def test_the_backends_own_reason_is_what_is_told(serve: Any, clock: ManualClock) -> None:
    bitboot = await serve(FakeBackend(bootstrap=fails(BootstrapFailed("the cat ate it"))), bootstrap=[SEED])
    for call in (bitboot.ready(), bitboot.lookup("swarm"), bitboot.announce_peer("swarm", PEER)):
        waiting = asyncio.ensure_future(call)
        await clock.advance(20)
        with pytest.raises(BootstrapFailed, match="the cat ate it"):
            await waiting
    assert isinstance(state(bitboot).error, BootstrapFailed)


@pytest.mark.parametrize(
    "act", [fails(OSError("what")), answers(None), answers("3"), fails(asyncio.CancelledError())]
)
async def test_a_bootstrap_that_makes_no_sense(serve: Any, clock: ManualClock, act: Any) -> None:
    bitboot = await serve(FakeBackend(bootstrap=act), bootstrap=[SEED])
    waiting = asyncio.ensure_future(bitboot.ready(timeout=1))
    await clock.advance(1)
    with pytest.raises(BackendError, match="fake-backend failed to bootstrap"):
        await waiting


@pytest.mark.once
async def test_bootstrap_is_tried_for_days_and_found_at_last(serve: Any, clock: ManualClock) -> None:
    backend = FakeBackend(bootstrap=fails(BootstrapFailed("offline")))
    bitboot = await serve(backend, bootstrap=[SEED])
    await clock.advance(86_400)
    assert 86_400 / 60 <= backend.count("bootstrap") <= 86_400 / 20
    del backend.acts["bootstrap"]
    await clock.advance(60)
    await bitboot.ready()
    assert state(bitboot).error is None


async def test_calls_wait_for_contact(serve: Any, clock: ManualClock) -> None:
    backend = FakeBackend(bootstrap=answers(0), peers=[PEER])
    bitboot = await serve(backend, bootstrap=[SEED])
    calls = [
        asyncio.ensure_future(bitboot.lookup("swarm")),
        asyncio.ensure_future(bitboot.announce_peer("swarm", PEER)),
    ]
    await clock.advance(5)
    assert backend.count("announce") == 0
    assert backend.open_streams == 0
    del backend.acts["bootstrap"]
    await clock.advance(10)
    assert all(call.done() for call in calls)
    assert len(calls[0].result()) == 1


async def test_a_node_that_others_found_is_in_touch(serve: Any, clock: ManualClock) -> None:
    backend = FakeBackend(bootstrap=answers(0))
    bitboot = await serve(backend, bootstrap=[SEED])
    await clock.advance(1)
    assert not state(bitboot).ready
    backend.known = [KnownHost("192.0.2.9", 1)]
    await clock.advance(5)
    assert state(bitboot).ready
    assert state(bitboot).contacts == 1


async def test_contact_that_is_lost_is_sought_again(serve: Any, clock: ManualClock) -> None:
    backend = FakeBackend(known=[SEED])
    bitboot = await serve(backend, bootstrap=[SEED])
    await clock.advance(3600)
    assert backend.count("bootstrap") == 1
    backend.known = []
    backend.acts["bootstrap"] = fails(BootstrapFailed("offline"))
    await clock.advance(120)
    assert backend.count("bootstrap") > 1
    assert not state(bitboot).ready
    waiting = asyncio.ensure_future(bitboot.ready())
    await clock.advance(20)
    with pytest.raises(BootstrapFailed, match="offline"):
        await waiting
    del backend.acts["bootstrap"]
    await clock.advance(60)
    assert state(bitboot).ready


async def test_one_network_in_touch_is_enough_to_be_ready(serve: Any, clock: ManualClock) -> None:
    came = asyncio.Event()

    async def late() -> int:
        await came.wait()
        return 1

    bitboot = await serve(
        FakeBackend(bootstrap=fails(HostNotFound("a"))), FakeBackend(bootstrap=late), bootstrap=[SEED]
    )
    waiting = asyncio.ensure_future(bitboot.ready())
    await clock.advance(1)
    assert not waiting.done()
    came.set()
    await waiting


async def test_no_network_in_touch_tells_each_ones_cause(serve: Any) -> None:
    bitboot = await serve(
        FakeBackend(bootstrap=fails(HostNotFound("a"))),
        FakeBackend(bootstrap=fails(HostNotFound("b"))),
        bootstrap=[SEED],
    )
    with pytest.raises(AllBackendsFailed, match="getting in touch failed") as caught:
        await bitboot.ready()
    assert set(caught.value.causes) == {"fake", "other"}


# Contacts at run time


async def test_a_contact_that_is_added_is_asked_at_once(serve: Any, clock: ManualClock) -> None:
    backend = FakeBackend()
    bitboot = await serve(backend)
    bitboot.add_bootstrap("192.0.2.5:6881")
    bitboot.add_bootstrap(KnownHost("192.0.2.5", 6881))
    assert not state(bitboot).ready
    await bitboot.ready()
    assert [call for call in backend.calls if call[0] == "bootstrap"] == [
        ("bootstrap", (KnownHost("192.0.2.5", 6881),))
    ]
    assert state(bitboot).bootstrap == (KnownHost("192.0.2.5", 6881),)


async def test_a_contact_that_is_added_during_an_attempt_is_not_forgotten(
    serve: Any, clock: ManualClock
) -> None:
    backend = FakeBackend(bootstrap=hangs())
    bitboot = await serve(backend, bootstrap=[SEED])
    await clock.settle()
    bitboot.add_bootstrap("192.0.2.5:6881")
    await clock.advance(30)
    assert backend.calls[-1] == ("bootstrap", (SEED, KnownHost("192.0.2.5", 6881)))


async def test_a_contact_that_is_added_ends_the_despair(serve: Any) -> None:
    backend = FakeBackend(bootstrap=fails(HostNotFound("no such name")))
    bitboot = await serve(backend, bootstrap=[SEED])
    with pytest.raises(HostNotFound):
        await bitboot.ready()
    del backend.acts["bootstrap"]
    bitboot.add_bootstrap("192.0.2.5:6881")
    await bitboot.ready()


async def test_a_contact_can_be_removed(serve: Any, clock: ManualClock) -> None:
    bitboot = await serve(FakeBackend(bootstrap=answers(0)), bootstrap=[SEED])
    waiting = asyncio.ensure_future(bitboot.ready())
    await clock.advance(1)
    assert bitboot.remove_bootstrap(SEED)
    assert not bitboot.remove_bootstrap(SEED)
    await waiting  # nobody is left to wait for


async def test_contacts_of_one_network_among_several(serve: Any) -> None:
    bitboot = await serve(FakeBackend(), FakeBackend())
    bitboot.add_bootstrap("192.0.2.5:1", network="other")
    assert state(bitboot).bootstrap == ()
    assert state(bitboot, "other").bootstrap == (KnownHost("192.0.2.5", 1),)
    with pytest.raises(UnknownNetwork, match="nowhere is not active"):
        bitboot.add_bootstrap("192.0.2.5:1", network="nowhere")
    with pytest.raises(InvalidEndpoint):
        bitboot.add_bootstrap("192.0.2.5:0")


# Looking at it


async def test_the_state_and_the_counters(serve: Any) -> None:
    bitboot = await serve(FakeBackend(known=[SEED]))
    seen = state(bitboot)
    assert (seen.network, seen.backend, seen.listen) == (
        "fake",
        "fake-backend",
        KnownHost("127.0.0.1", 40000),
    )
    assert (seen.ready, seen.contacts, seen.bootstrap, seen.error) == (True, 1, (), None)
    assert bitboot.networks()["fake-backend"] == seen
    assert bitboot.stats()["fake"]["calls"] >= 1


async def test_a_backend_that_cannot_even_be_looked_at(serve: Any) -> None:
    class Shy(FakeBackend):
        def contacts(self) -> list[KnownHost]:
            raise RuntimeError("no")

        @property
        def address(self) -> KnownHost:
            raise RuntimeError("no")

        def stats(self) -> Mapping[str, int | float]:
            raise RuntimeError("no")

    bitboot = await serve(Shy(), bootstrap=[SEED])
    await bitboot.ready()
    assert (state(bitboot).listen, state(bitboot).contacts) == (None, 0)
    assert bitboot.stats()["fake"] == {}


# Its end


async def test_whoever_waits_learns_that_it_is_closed(serve: Any, clock: ManualClock) -> None:
    bitboot = await serve(FakeBackend(bootstrap=answers(0)), bootstrap=[SEED])
    waiting = [
        asyncio.ensure_future(bitboot.ready()),
        asyncio.ensure_future(bitboot.announce_peer("swarm", PEER)),
    ]
    await clock.settle()
    await bitboot.aclose()
    for one in waiting:
        with pytest.raises(NotRunning):
            await one


@pytest.mark.parametrize(
    "act", [fails(OSError("what")), fails(AnnounceFailed("?")), fails(NotRunning("already"))]
)
async def test_a_backend_that_fails_to_close_is_logged(
    serve: Any, caplog: pytest.LogCaptureFixture, act: Any
) -> None:
    bitboot = await serve(FakeBackend(aclose=act))
    await bitboot.aclose()
    assert len(caplog.records) == 1


async def test_a_backend_that_does_not_close_is_left_alone_after_two_seconds(
    serve: Any, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    released = asyncio.Event()
    bitboot = await serve(FakeBackend(aclose=hangs_until(released)))
    closing = asyncio.ensure_future(bitboot.aclose())
    await clock.advance(2)
    assert closing.done()
    assert "did not close" in caplog.text
    assert "fake-backend leaves 1 tasks" in caplog.text
    released.set()
    await clock.settle()
