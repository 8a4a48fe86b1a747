"""What makes the library pleasant in the hand: reprs, warnings, limits of one's own for an announcement."""

from __future__ import annotations

import asyncio
import gc

import pytest

from bitboot_core import (
    BackendConfig,
    BackendSpec,
    BitBoot,
    BitBootConfig,
    InvalidConfig,
    KnownHost,
    ListenFailed,
    NetworkDefinition,
    NotRunning,
    Peer,
    Registry,
)
from bitboot_core.testing import FakeBackend, ManualClock, hangs

from .conftest import Start

HERE = KnownHost("192.0.2.7", 6881)


async def test_what_one_sees_in_a_debugger(serve: Start) -> None:
    bitboot = await serve(FakeBackend(peers=[HERE]))
    assert repr(bitboot) == "<BitBoot on fake: open>"
    async with bitboot.announce(["one", "two"], HERE) as announcement:
        await announcement.announced()
        assert repr(announcement) == "<Announcement of 192.0.2.7:6881 in one, two: open, stored on 1 of fake>"
    assert repr(announcement).startswith("<Announcement of 192.0.2.7:6881 in one, two: closed")
    async with bitboot.find("one") as found:
        await found.collect()
        assert repr(found) == "<Lookup of one: open, 1 peers found>"
    async with bitboot.join("one", HERE) as swarm:
        await anext(swarm)
        assert repr(swarm.watch) == "<Watch of one: open, 1 peers>"
        assert repr(swarm).startswith("<Swarm one: <Announcement of")
    await bitboot.remove_network("fake")
    assert repr(bitboot) == "<BitBoot on no network: open>"
    await bitboot.aclose()
    assert repr(bitboot) == "<BitBoot on no network: closed>"


def test_a_peers_address_is_what_sockets_take() -> None:
    assert Peer("2001:db8::1", 6881).address == ("2001:db8::1", 6881)


async def test_an_announcement_that_is_never_begun_is_warned_of(serve: Start) -> None:
    bitboot = await serve(FakeBackend())
    with pytest.warns(ResourceWarning, match="announcement in name was never begun: use `async with`"):
        bitboot.announce("name", HERE)


async def test_one_that_was_begun_or_refused_is_not(serve: Start, recwarn: pytest.WarningsRecorder) -> None:
    bitboot = await serve(FakeBackend())
    async with bitboot.announce("name", HERE):
        pass
    refused = bitboot.announce("name", HERE)
    await bitboot.aclose()
    with pytest.raises(NotRunning):
        refused.open()
    del refused
    gc.collect()
    assert not recwarn.list


async def test_an_announcement_has_limits_of_its_own(serve: Start, clock: ManualClock) -> None:
    backend = FakeBackend()
    bitboot = await serve(backend, lifetime=1800.0)
    async with bitboot.announce("name", HERE, lifetime=60) as announcement:
        await announcement.announced()
        assert announcement.status["fake"].expires_in == 60
    backend.acts["announce"] = hangs()
    async with bitboot.announce("name", HERE, timeout=3) as slow:
        waiting = asyncio.ensure_future(slow.changed())
        await clock.advance(3.1)
        await waiting
        assert "within 3 s" in str(slow.status["fake"].last_error)


@pytest.mark.parametrize("limits", [{"timeout": 0}, {"lifetime": -1}, {"timeout": float("nan")}])
async def test_limits_are_checked(serve: Start, limits: dict[str, float]) -> None:
    bitboot = await serve(FakeBackend())
    with pytest.raises(InvalidConfig):
        bitboot.announce("name", HERE, **limits)


class Listening(FakeBackend):
    """Takes a port as a socket would: two cannot have it at the same time."""

    taken: set[int] = set()  # noqa: RUF012 - a machine's ports

    def __init__(self, config: BackendConfig, *, refuses: bool = False) -> None:
        super().__init__()
        assert config.listen is not None
        self.port, self.refuses, self.has_it = config.listen.port, refuses, False

    async def start(self) -> None:
        if self.refuses or self.port in self.taken:
            raise ListenFailed(f"port {self.port} is taken")
        self.taken.add(self.port)
        self.has_it = True

    async def aclose(self) -> None:
        if self.has_it:
            self.taken.discard(self.port)
            self.has_it = False


async def test_switching_keeps_where_it_listens(registry: Registry, clock: ManualClock) -> None:
    made: list[Listening] = []

    def make(config: BackendConfig) -> Listening:
        made.append(Listening(config, refuses=config.network == "third"))
        return made[-1]

    for name in ("one", "two", "third"):
        registry.register_backend(BackendSpec(name, [name], make))
    networks = {name: NetworkDefinition(name, name) for name in ("one", "two", "third")}
    config = BitBootConfig(network=networks["one"], listen="127.0.0.1:6881", state_dir=False)
    async with (
        BitBoot(config, registry=registry, clock=clock) as bitboot,
        bitboot.announce("name", HERE) as announcement,
    ):
        await announcement.announced()
        await bitboot.switch_network(networks["two"])
        assert [backend.port for backend in made] == [6881, 6881]
        assert [backend.has_it for backend in made] == [False, True]
        await announcement.announced()
        assert list(announcement.status) == ["two"]
        with pytest.raises(ListenFailed):
            await bitboot.switch_network(networks["third"])
        assert list(bitboot.networks()) == ["two"], "what was there comes back"
        await announcement.announced()
        await bitboot.switch_network(networks["one"], listen="127.0.0.1:7000")
        assert made[-1].port == 7000
    assert not Listening.taken


def test_without_asyncio_it_says_what_to_do() -> None:
    registry = Registry(entry_points=list, environ={})
    registry.register_backend(BackendSpec("x", ["x"], lambda config: FakeBackend()))
    bitboot = BitBoot(network=NetworkDefinition("x", "x"), registry=registry)
    step = bitboot.__aenter__()
    with pytest.raises(NotRunning, match="runs on asyncio") as caught:
        step.send(None)
    assert "bitboot_core.blocking" in caught.value.hint
