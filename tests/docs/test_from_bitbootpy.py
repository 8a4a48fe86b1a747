"""docs/from-bitbootpy.md: each row has a test here, and every name of BitBootPy has a row."""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import inspect
import json
import re
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

import bitboot_core
from bitboot_core import (
    AnnounceFailed,
    Backend,
    BackendSpec,
    BitBoot,
    BitBootConfig,
    KnownHost,
    NetworkDefinition,
    NetworkName,
    NetworkStatus,
    NetworkUnavailable,
    Peer,
    PeerJoined,
    PeerLeft,
    Registry,
    Watch,
    default_registry,
    register_backend,
    register_network,
    swarm_key,
)
from bitboot_core._cli import classic, main
from bitboot_core._plugins.config_file import IGNORED
from bitboot_core.testing import FakeBackend, ManualClock, fails, spec_of

PAGE = (Path(__file__).parents[2] / "docs" / "from-bitbootpy.md").read_text(encoding="utf-8")
ROWS = {
    cells[0]: cells[1]
    for line in PAGE.splitlines()
    if line.startswith("| ") and not line.startswith(("| ---", "| BitBootPy |"))
    for cells in [[cell.strip() for cell in line.strip("|").split(" | ")]]
}
ONE, TWO = KnownHost("192.0.2.7", 1), KnownHost("192.0.2.7", 2)
SEED = KnownHost("192.0.2.1", 6881)

Check = Callable[["World"], Coroutine[Any, Any, None] | None]
CHECKS: dict[str, Check] = {}


def row(*names: str) -> Callable[[Check], Check]:
    """The rows that a function checks, by what they begin with in the first column."""

    def note(check: Check) -> Check:
        for name in names:
            (found,) = [one for one in ROWS if one.startswith(name)]
            assert found not in CHECKS, f"two checks of {found}"
            CHECKS[found] = check
        return check

    return note


class World:
    """A BitBoot of two backends' making, and the command line on them."""

    def __init__(self, capsys: pytest.CaptureFixture[str], folder: Path) -> None:
        self.registry = Registry(entry_points=list, environ={})
        self.fake, self.other = FakeBackend(peers=[ONE, TWO]), FakeBackend(peers=[TWO])
        self.registry.register_backend(spec_of(self.fake, "fake", ["fake"]))
        self.registry.register_backend(spec_of(self.other, "other", ["other"]))
        self.networks = [NetworkDefinition(name, name, [SEED]) for name in ("fake", "other")]
        self.clock = ManualClock()
        self.capsys, self.folder = capsys, folder

    @asynccontextmanager
    async def bitboot(self, *networks: NetworkDefinition, **settings: Any) -> AsyncIterator[BitBoot]:
        async with BitBoot(
            network=networks or self.networks[0], registry=self.registry, clock=self.clock, **settings
        ) as bitboot:
            yield bitboot

    def cli(self, *arguments: str) -> list[dict[str, Any]]:
        assert main([*arguments, "--json"]) == 0
        return [json.loads(line) for line in self.capsys.readouterr().out.splitlines()]


@pytest.fixture
def world(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> World:
    return World(capsys, tmp_path)


# The API


@row("`await BitBoot.create(config)`")
async def _(world: World) -> None:
    bitboot = await BitBoot.create(BitBootConfig(network="local"))
    assert bitboot.networks()["local"].ready
    await bitboot.aclose()


@row("`BitBoot(config)`", "`create(..., continuous_mode")
async def _(world: World) -> None:
    async with BitBoot(BitBootConfig(network="local")) as bitboot:
        assert bitboot.networks()["local"].ready
    with pytest.raises(TypeError):
        BitBoot(network_names=["one"])  # type: ignore[call-arg]


@row("`await announce_peer(name, KnownHost")
async def _(world: World) -> None:
    async with world.bitboot() as bitboot:
        announcement = await bitboot.announce_peer("swarm", ONE)
        await world.clock.advance(3600)
        assert world.fake.count("announce") >= 3
        await announcement.aclose()
        world.fake.acts["announce"] = fails(AnnounceFailed("nobody"))
        with pytest.raises(AnnounceFailed):
            await bitboot.announce_peer("swarm", ONE)


@row("`await announce_peer([one, two]")
async def _(world: World) -> None:
    async with world.bitboot() as bitboot:
        await bitboot.announce_peer(["one", "two"], ONE)
    assert {call[1] for call in world.fake.calls if call[0] == "announce"} == {
        swarm_key("one"),
        swarm_key("two"),
    }


@row("`await announce_peer(name, port)`")
async def _(world: World) -> None:
    async with world.bitboot() as bitboot, bitboot.announce("swarm", port=6881) as announcement:
        await announcement.announced()
        assert announcement.endpoint.is_any


@row("`await lookup(name)`")
async def _(world: World) -> None:
    async with world.bitboot(*world.networks) as bitboot:
        assert sorted(await bitboot.lookup("swarm")) == [Peer(ONE.host, 1), Peer(TWO.host, 2)]


@row("`await lookup([one, two])`", "`lookup(..., num_searches")
async def _(world: World) -> None:
    async with world.bitboot() as bitboot:
        assert await bitboot.lookup(["one", "two"], timeout=5, limit=1) == [Peer(ONE.host, 1)]
        assert len(await bitboot.lookup(["one", "two"])) == 2


@row("`lookup_and_announce(", "`num_peers()`")
async def _(world: World) -> None:
    async with world.bitboot() as bitboot:
        async with bitboot.join("swarm", port=6881) as swarm:
            await swarm.announced()
            await world.clock.settle()
            assert len(swarm.watch.peers) == 2
        assert len(await bitboot.lookup("swarm")) == 2


@row("`start_continuous_mode(", "`stop_continuous_mode(", "`continuous_mode_status()`")
async def _(world: World) -> None:
    async with world.bitboot() as bitboot:
        async with bitboot.watch("swarm") as events:
            assert isinstance(events, Watch)
            assert isinstance(await anext(events), PeerJoined)
            await world.clock.settle()
            assert events.scans["fake"] == 1
            assert dict(events.failures) == {}
            world.fake.peers.clear()
            await anext(events)
            await world.clock.advance(3600)
            assert isinstance(await anext(events), PeerLeft)
        scans = world.fake.count("lookup")
        await world.clock.advance(3600)
        assert world.fake.count("lookup") == scans


@row("`load_network_names_from_file(")
async def _(world: World) -> None:
    path = world.folder / "names.txt"
    path.write_text("one\ntwo\n")
    async with world.bitboot() as bitboot:
        await bitboot.lookup(Path(path).read_text().splitlines())  # noqa: ASYNC240 - as in the table
    assert [call[1] for call in world.fake.calls if call[0] == "lookup"] == [
        swarm_key("one"),
        swarm_key("two"),
    ]


@row("`_generate_info_hash(name)`")
def _(world: World) -> None:
    assert swarm_key("unique_network") == hashlib.sha1(b"unique_network").digest()


@row("`switch_dht_network(")
async def _(world: World) -> None:
    async with world.bitboot() as bitboot:
        await bitboot.announce_peer("swarm", ONE)
        await bitboot.switch_network(world.networks[1], bootstrap=[ONE])
        await world.clock.settle()
        assert list(bitboot.networks()) == ["other"]
        assert ("bootstrap", (ONE,)) in world.other.calls
        assert world.other.count("announce") == 1


@row("`BitBoot.__del__`", "`NAME_peers.txt`")
async def _(world: World) -> None:
    async with world.bitboot() as bitboot:
        await bitboot.lookup("swarm")
    await bitboot.aclose()
    assert not list(Path.cwd().glob("*_peers.txt"))
    assert not hasattr(BitBoot, "__del__")


@row("failures are logged")
async def _(world: World) -> None:
    error = AnnounceFailed("nobody")
    world.fake.acts["lookup"] = world.fake.acts["announce"] = fails(error)
    async with world.bitboot(*world.networks) as bitboot:
        announcement = await bitboot.announce_peer("swarm", ONE)
        while announcement.status["fake"].next_try is None:  # the other network may have been faster
            await announcement.changed()
        assert announcement.status["fake"].last_error is error
        async with bitboot.find("swarm") as found:
            await found.collect()
            assert dict(found.failures) == {"fake": error}
        await bitboot.remove_network("other")
        world.fake.peers.clear()
        with pytest.raises(AnnounceFailed):
            await bitboot.lookup("swarm")


@row("three tries")
async def _(world: World) -> None:
    world.fake.acts["announce"] = fails(AnnounceFailed("nobody"))
    async with world.bitboot() as bitboot, bitboot.announce("swarm", ONE):
        await world.clock.advance(86_400)
        assert world.fake.count("announce") > 100


# Settings


@row("`BitBootConfig()`", "listens on port 5678")
def _(world: World) -> None:
    config = BitBootConfig()
    assert (config.network, config.listen) == ("mainline", None)
    assert BitBootConfig(listen="0.0.0.0:5678").listen == KnownHost("0.0.0.0", 5678)
    with pytest.raises(TypeError):
        BitBootConfig("mainline")  # type: ignore[call-arg]


@row("`bootstrap_nodes=[...]`")
def _(world: World) -> None:
    assert BitBootConfig(bootstrap=[SEED, "192.0.2.7:1"]).bootstrap == (SEED, ONE)


@row("`rate_limit_delay`", "`continuous_mode`, `network_names`", "`print_discovered_peers`")
def _(world: World) -> None:
    gone = {*IGNORED, "continuous_mode", "network_names"}
    assert not gone & {field.name for field in dataclasses.fields(BitBootConfig)}


@row("`dht=DHTConfig(")
async def _(world: World) -> None:
    async with world.bitboot(backend="fake", listen="127.0.0.1:0") as bitboot:
        assert bitboot.networks()["fake"].backend == "fake"


# Networks and backends


@row("`KnownHost(host, port)`", "`KnownHost.as_tuple()`")
def _(world: World) -> None:
    host = KnownHost("127.0.0.1", 6881)
    assert (host.host, host.port) == ("127.0.0.1", 6881)
    with pytest.raises(ValueError, match="port"):
        KnownHost("127.0.0.1", 70_000)


@row("`NetworkName`, a str enum", "`NetworkName.BIT_TORRENT`", "`NetworkName.LOCAL`")
async def _(world: World) -> None:
    assert str(NetworkName.MAINLINE) == "mainline"
    assert isinstance(NetworkName("mainline"), str)
    async with BitBoot(network=NetworkName.LOCAL) as bitboot:
        assert list(bitboot.networks()) == ["local"]


@row("`BITCOIN`")
def _(world: World) -> None:
    for name in (NetworkName.BITCOIN, NetworkName.ETHEREUM, NetworkName.SOLANA, NetworkName.ARWEAVE):
        assert world.registry.network(name).status is NetworkStatus.PLACEHOLDER
        with pytest.raises(NetworkUnavailable) as caught:
            BitBoot(network=name, registry=world.registry)
        assert name in caught.value.hint


@row(
    "`DHTNetwork(name",
    "`DHT_NETWORK_REGISTRY.get(name)`",
    "`KNOWN_HOSTS[network]`",
    "`add_network(",
    "`remove_network(",
)
async def _(world: World) -> None:
    register_network(NetworkDefinition("mine", "local", [SEED]))
    assert default_registry().network("mine").bootstrap == [SEED]
    assert "mine" in default_registry().networks()
    default_registry().unregister_network("mine")
    assert "mine" not in default_registry().networks()
    async with world.bitboot() as bitboot:
        await bitboot.add_network(world.networks[1])
        assert list(bitboot.networks()) == ["fake", "other"]
        await bitboot.remove_network("fake")
        assert list(bitboot.networks()) == ["other"]


@row("`add_known_host(", "`remove_known_host(")
async def _(world: World) -> None:
    async with world.bitboot() as bitboot:
        bitboot.add_bootstrap(ONE, network="fake")
        assert bitboot.networks()["fake"].bootstrap == (SEED, ONE)
        assert bitboot.remove_bootstrap(SEED, network="fake")
        assert bitboot.networks()["fake"].bootstrap == (ONE,)


@row("`network.backend = ")
async def _(world: World) -> None:
    world.registry.register_backend(spec_of(FakeBackend(), "mine", ["fake", "other"]))
    async with world.bitboot(backend="mine") as bitboot:
        assert bitboot.networks()["fake"].backend == "mine"
        await bitboot.add_network(world.networks[1], backend="mine")
        assert bitboot.networks()["other"].backend == "mine"


@row("`register_backend(", "`BaseDHTBackend`")
def _(world: World) -> None:
    register_backend(BackendSpec("mine", ["mine"], lambda config: FakeBackend()))
    assert "mine" in default_registry().backends()
    default_registry().unregister_backend("mine")
    assert inspect.isabstract(Backend)


@row("`Network(name, [dht_network")
async def _(world: World) -> None:
    async with world.bitboot(*world.networks) as bitboot:
        assert {peer.port: set(peer.sources) for peer in await bitboot.lookup("swarm")} == {
            1: {"fake"},
            2: {"fake", "other"},
        }


@row("`DHTManager`", "`DHTManager.get_listening_host()`", "`DHTManager.is_server", "`DHTManager.get_routing")
async def _(world: World) -> None:
    world.fake.known = [SEED]
    async with world.bitboot() as bitboot:
        await bitboot.ready()
        assert bitboot.networks()["fake"].listen == KnownHost("127.0.0.1", 40000)
        assert "calls" in bitboot.stats()["fake"]
        assert bitboot.backend().contacts() == [SEED]


# The command line: more in tests/cli/test_classic.py


@row("`--announce NAME", "`--peer-host", "`--peer-port", "`--continuous NAME", "`--print-discovered-peers`")
def _(world: World) -> None:
    short = classic._wish(
        classic._parser().parse_args(
            ["-a", "one", "two", "-p", "7000", "--peer-host", "192.0.2.7", "--continuous", "three"]
        )
    )
    assert (short.announce, short.watch, short.peer) == (
        ("one", "two"),
        ("three",),
        KnownHost("192.0.2.7", 7000),
    )
    default = classic._wish(classic._parser().parse_args(["--announce", "one", "--print-discovered-peers"]))
    assert default.peer == KnownHost("", 6881)


@row("`--lookup NAME", "`--network-names-file", "`--config FILE`")
def _(world: World) -> None:
    assert [event["event"] for event in world.cli("--lookup", "swarm", "--network", "local")] == [
        "ready",
        "done",
    ]
    (world.folder / "names.txt").write_text("one\ntwo\n")
    (world.folder / "config.json").write_text('{"network": "local", "max_retries": 3}')
    files = [
        "--network-names-file",
        str(world.folder / "names.txt"),
        "--config",
        str(world.folder / "config.json"),
    ]
    done = [event["swarm"] for event in world.cli("-l", *files) if event["event"] == "done"]
    assert sorted(done) == ["one", "two"]


# The page itself


def test_no_row_is_open() -> None:
    assert ROWS.keys() - CHECKS.keys() == set()
    assert all(ROWS.values())
    assert not re.search(r"\b(todo|tbd|not yet|later)\b", PAGE, re.IGNORECASE)


@pytest.mark.parametrize("name", CHECKS)
def test_a_row_is_true(name: str, world: World) -> None:
    result = CHECKS[name](world)
    if result is not None:  # not an async test: the command line runs a loop of its own
        asyncio.run(result)


RELEASED = """
BitBootConfig bootstrap_nodes rate_limit_delay max_retries retry_delay continuous_mode network_names
print_discovered_peers load_network_names_from_file BitBoot create lookup_and_announce num_peers lookup
num_searches delay announce_peer start_continuous_mode stop_continuous_mode continuous_mode_status
DHTManager get_routing_table is_server_started wait_for_server_start BT_DHT_DOMAINS --announce -a
--lookup -l --port -p --continuous --config --network-names-file --print-discovered-peers
"""
"""What the released 0.3.0 has."""

AFTERWARDS = """
switch_dht_network KnownHost as_tuple NetworkName BIT_TORRENT LOCAL BITCOIN ETHEREUM SOLANA ARWEAVE
DHTNetwork DHT_NETWORK_REGISTRY KNOWN_HOSTS add_network remove_network add_known_host remove_known_host
DHTConfig register_backend BaseDHTBackend get_listening_host --peer-host --peer-port
"""
"""And what came to its repository afterwards."""


@pytest.mark.parametrize("name", (RELEASED + AFTERWARDS).split())
def test_every_name_of_bitbootpy_has_a_row(name: str) -> None:
    pattern = rf"(?<![\w-]){re.escape(name)}(?![\w-])"
    assert any(re.search(pattern, row) for row in ROWS)


def test_what_is_named_here_exists() -> None:
    """Whatever the right column calls by a class's name."""
    named = set(re.findall(r"`([A-Z][A-Za-z]+)[`(.]", " ".join(ROWS.values())))
    assert {name for name in named if not hasattr(bitboot_core, name)} <= {"Path", "NAME"}
