"""Every error there is, raised by what raises it: with words for a person, a hint, and its cause."""

from __future__ import annotations

import asyncio
import inspect
import socket
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from bitboot_core import (
    AllBackendsFailed,
    AnnounceFailed,
    BackendError,
    BackendSpec,
    BackendTimeout,
    BackendUnavailable,
    BitBoot,
    BitBootError,
    BootstrapFailed,
    DoubleNat,
    HostNotFound,
    Identity,
    InvalidConfig,
    InvalidEndpoint,
    InvalidItem,
    InvalidSwarmName,
    ItemLocked,
    ItemOutdated,
    KnownHost,
    LibraryMissing,
    ListenFailed,
    NetworkDefinition,
    NetworkUnavailable,
    NoRouterAnswered,
    NotRunning,
    Offline,
    PluginError,
    PortMappingFailed,
    PublishFailed,
    Receipt,
    Registry,
    RequestRefused,
    UnknownBackend,
    UnknownNetwork,
    UnsupportedOperation,
    UsageError,
    errors,
    swarm_key,
)
from bitboot_core.aio.resolve import resolve
from bitboot_core.testing import (
    FakeBackend,
    FakeDistribution,
    FakeEntryPoint,
    FakePortMapper,
    ManualClock,
    answers,
    fails,
    hangs,
    mapper_spec_of,
    plugin_module,
    spec_of,
)

SEED, PEER = KnownHost("192.0.2.1", 6881), KnownHost("192.0.2.7", 6881)


class World:
    """What it takes to raise an error."""

    def __init__(self, serve: Any, clock: ManualClock, registry: Registry, patch: pytest.MonkeyPatch) -> None:
        self.serve, self.clock, self.registry, self.patch = serve, clock, registry, patch

    async def late(self, work: Awaitable[object]) -> None:
        """Await what takes longer than anybody would wait for."""
        waiting = asyncio.ensure_future(work)
        await self.clock.advance(60)
        await waiting

    def bring(self, factory: Callable[..., Any], **fields: Any) -> NetworkDefinition:
        """A network that a backend from this factory serves."""
        self.registry.register_backend(BackendSpec("odd", ["odd"], factory, **fields))
        return NetworkDefinition("odd", "odd")


Raiser = Callable[[World], Awaitable[object]]
RAISERS: dict[type[BitBootError], Raiser] = {}
CAUSES: dict[type[BitBootError], type[BaseException]] = {
    BackendError: ZeroDivisionError,
    BackendUnavailable: ModuleNotFoundError,
    HostNotFound: socket.gaierror,
    LibraryMissing: ImportError,
    Offline: socket.gaierror,
    PluginError: ImportError,
    UsageError: TypeError,
}


def raises(error: type[BitBootError]) -> Callable[[Raiser], Raiser]:
    def note(raiser: Raiser) -> Raiser:
        RAISERS[error] = raiser
        return raiser

    return note


@raises(UsageError)
async def _(world: World) -> None:
    world.registry.register_backend("nonsense")  # type: ignore[arg-type]


@raises(InvalidSwarmName)
async def _(world: World) -> None:
    swarm_key("")


@raises(InvalidEndpoint)
async def _(world: World) -> None:
    KnownHost.parse("nobody")


@raises(InvalidConfig)
async def _(world: World) -> None:
    BitBoot(network=[])


@raises(UnknownBackend)
async def _(world: World) -> None:
    BitBoot(network="local", backend="nobody's", registry=world.registry)


@raises(UnknownNetwork)
async def _(world: World) -> None:
    BitBoot(network="lokal", registry=world.registry)


@raises(UnsupportedOperation)
async def _(world: World) -> None:
    class Single(FakeBackend):
        async def withdraw(self, key: bytes, endpoint: KnownHost) -> None:
            await super(FakeBackend, self).withdraw(key, endpoint)

    await Single().withdraw(b"", PEER)


@raises(NetworkUnavailable)
async def _(world: World) -> None:
    BitBoot(network="bitcoin", registry=world.registry)


@raises(LibraryMissing)
async def _(world: World) -> None:
    world.patch.setitem(sys.modules, "cryptography.hazmat.primitives.asymmetric", None)
    Identity.generate()


@raises(NotRunning)
async def _(world: World) -> None:
    await BitBoot(network=world.bring(lambda config: FakeBackend()), registry=world.registry).lookup("swarm")


@raises(PluginError)
async def _(world: World) -> None:
    bad = FakeEntryPoint("bad", ImportError("no such library"), FakeDistribution("bad-plugin"))
    Registry(entry_points=lambda: [bad], environ={"BITBOOT_STRICT": "1"}).backends()


@raises(BackendError)
async def _(world: World) -> None:
    bitboot = await world.serve(FakeBackend(lookup=fails(ZeroDivisionError("oops"))))
    await bitboot.lookup("swarm")


@raises(BackendTimeout)
async def _(world: World) -> None:
    bitboot = await world.serve(FakeBackend(lookup=hangs()))
    await world.late(bitboot.lookup("swarm"))


@raises(BackendUnavailable)
async def _(world: World) -> None:
    def make(config: object) -> FakeBackend:
        import a_library_that_nobody_has  # type: ignore[import-not-found]  # noqa: F401, PLC0415

        return FakeBackend()

    async with BitBoot(network=world.bring(make), registry=world.registry):
        pass


@raises(ListenFailed)
async def _(world: World) -> None:
    taken = ListenFailed("port 6881 is taken", hint="choose another with listen=")
    await world.serve(FakeBackend(start=fails(taken)))


@raises(BootstrapFailed)
async def _(world: World) -> None:
    bitboot = await world.serve(FakeBackend(bootstrap=answers(0)), bootstrap=[SEED])
    await world.late(bitboot.ready())


@raises(Offline)
async def _(world: World) -> None:
    def unreachable(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    world.patch.setattr(socket, "getaddrinfo", unreachable)
    await resolve(KnownHost("router.example", 6881))


@raises(HostNotFound)
async def _(world: World) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    world.patch.setattr(socket, "getaddrinfo", unknown)
    world.patch.setattr("bitboot_core.aio.resolve.has_way_out", lambda: True)
    await resolve(KnownHost("no-such-host.example", 6881))


@raises(AnnounceFailed)
async def _(world: World) -> None:
    bitboot = await world.serve(FakeBackend(announce=answers(Receipt(0, 1800))))
    await bitboot.announce_peer("swarm", PEER)


@raises(RequestRefused)
async def _(world: World) -> None:
    refuses = fails(RequestRefused("no such request", hint="ask another node"))
    bitboot = await world.serve(FakeBackend(request=refuses))
    (network,) = bitboot._networks
    await network.requests.ask(PEER, b"hello", timeout=1.0)


@raises(InvalidItem)
async def _(world: World) -> None:
    bitboot = await world.serve(FakeBackend())
    await bitboot.put_item(b"x" * 997)


@raises(PublishFailed)
async def _(world: World) -> None:
    bitboot = await world.serve(FakeBackend(put_item=answers(Receipt(0, 7200))))
    await bitboot.put_item(b"hello")


@raises(ItemOutdated)
async def _(world: World) -> None:
    newer = ItemOutdated("version 9 is there", seq=9, encoded=b"1:x", hint="resolve it")
    bitboot = await world.serve(FakeBackend(publish=fails(newer)))
    await bitboot.publish(Identity.generate(), b"hello", cas=8)


@raises(ItemLocked)
async def _(world: World) -> None:
    locked = ItemLocked("it can never be replaced", seq=2**63 - 1, hint="publish under another salt")
    bitboot = await world.serve(FakeBackend(publish=fails(locked)))
    await bitboot.publish(Identity.generate(), b"hello")


@raises(AllBackendsFailed)
async def _(world: World) -> None:
    bitboot = await world.serve(*(FakeBackend(lookup=fails(OSError("down"))) for _ in range(2)))
    await bitboot.lookup("swarm")


@raises(PortMappingFailed)
async def _(world: World) -> None:
    bitboot = await world.serve(FakeBackend())
    bitboot.map_port(7001)


@raises(NoRouterAnswered)
async def _(world: World) -> None:
    silent = FakePortMapper(probe=fails(NoRouterAnswered("192.168.1.1 did not answer")))
    world.registry.register_port_mapper(mapper_spec_of(silent))
    bitboot = await world.serve(FakeBackend())
    async with bitboot.map_port(7001) as mapping:
        await mapping.mapped()


@raises(DoubleNat)
async def _(world: World) -> None:
    world.registry.register_port_mapper(mapper_spec_of(FakePortMapper("100.64.3.2")))
    bitboot = await world.serve(FakeBackend())
    async with bitboot.map_port(7001) as mapping:
        await mapping.mapped()


TREE = [one for one in vars(errors).values() if inspect.isclass(one) and issubclass(one, BitBootError)]


def test_there_is_a_way_to_raise_every_error() -> None:
    """But for the base, which is only caught."""
    assert set(RAISERS) == set(TREE) - {BitBootError}


@pytest.mark.parametrize("kind", RAISERS, ids=lambda kind: kind.__name__)
async def test_it_is_raised_with_words_a_hint_and_its_cause(
    kind: type[BitBootError],
    serve: Any,
    clock: ManualClock,
    registry: Registry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(kind) as caught:
        await RAISERS[kind](World(serve, clock, registry, monkeypatch))
    error = caught.value
    assert type(error) is kind
    assert str(error)
    assert "\n" not in str(error)
    assert not str(error).endswith(".")
    assert error.hint
    assert f"hint: {error.hint}" in error.__notes__
    cause = CAUSES.get(kind)
    assert error.__cause__ is None if cause is None else isinstance(error.__cause__, cause)
    if isinstance(error, AllBackendsFailed):
        assert set(error.causes) == {"fake", "other"}
        assert all(isinstance(one.__cause__, OSError) for one in error.causes.values())


def test_those_that_are_also_something_else_can_be_caught_as_that() -> None:
    assert all(issubclass(kind, ValueError) == issubclass(kind, UsageError) for kind in TREE)
    assert all(issubclass(kind, TimeoutError) == (kind is BackendTimeout) for kind in TREE)


def test_a_plugins_own_error_is_quoted() -> None:
    bad = FakeEntryPoint("btdht", plugin_module(api=9), FakeDistribution("bitboot-btdht"))
    registry = Registry(entry_points=lambda: [bad], environ={})
    with pytest.raises(NetworkUnavailable, match="BITBOOT_API = 9"):
        registry.choose(registry.network("mainline"))
    with pytest.raises(UnknownBackend, match="BITBOOT_API = 9"):
        registry.backend("btdht")


# The backend itself, for what only it offers


async def test_the_backend_of_a_network_is_at_hand(serve: Any) -> None:
    fake, other = FakeBackend(), FakeBackend()
    bitboot = await serve(fake, other)
    assert bitboot.backend("fake") is fake
    assert bitboot.backend("other") is other
    with pytest.raises(InvalidConfig, match="several") as caught:
        bitboot.backend()
    assert "fake, other" in caught.value.hint
    with pytest.raises(UnknownNetwork):
        bitboot.backend("mainline")
    await bitboot.remove_network("other")
    assert bitboot.backend() is fake
    await bitboot.aclose()
    with pytest.raises(NotRunning):
        bitboot.backend()


async def test_the_backend_that_did_not_start_is_not(serve: Any) -> None:
    taken = ListenFailed("port 6881 is taken")
    bitboot = await serve(FakeBackend(start=fails(taken)), FakeBackend())
    with pytest.raises(ListenFailed):
        bitboot.backend("fake")


def test_it_is_only_there_while_it_runs(registry: Registry) -> None:
    registry.register_backend(spec_of(FakeBackend()))
    with pytest.raises(NotRunning):
        BitBoot(network=NetworkDefinition("fake", "fake"), registry=registry).backend()
