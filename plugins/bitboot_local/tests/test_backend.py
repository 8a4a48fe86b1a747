"""A node of the local network."""

import asyncio
import re
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from bitboot_local import plugin
from bitboot_local.backend import LocalBackend

from bitboot_core import (
    AnnounceFailed,
    Announces,
    BackendConfig,
    BitBoot,
    KnownHost,
    NetworkDefinition,
    NotRunning,
    Receipt,
    Registry,
    Scope,
    swarm_key,
)

KEY = swarm_key("swarm")
PEER = KnownHost("192.0.2.7", 6881)


class Time:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def now() -> Time:
    return Time()


@pytest.fixture
async def node(now: Time) -> AsyncIterator[LocalBackend]:
    backend = LocalBackend(BackendConfig(network="test", protocol="local"), now)
    await backend.start()
    yield backend
    await backend.aclose()


async def peers(backend: LocalBackend, key: bytes = KEY) -> list[KnownHost]:
    return [peer async for peer in backend.lookup(key)]


async def test_what_is_announced_is_found_for_its_lifetime(node: LocalBackend, now: Time) -> None:
    assert await node.announce(KEY, PEER, lifetime=60) == Receipt(1, 60)
    assert await peers(node) == [PEER]
    now.seconds = 60
    assert await peers(node) == []


async def test_a_lifetime_is_at_most_a_day(node: LocalBackend) -> None:
    assert (await node.announce(KEY, PEER, lifetime=1e9)).lifetime == node.capabilities.max_lifetime == 86_400


async def test_what_is_withdrawn_is_gone(node: LocalBackend) -> None:
    await node.announce(KEY, PEER, lifetime=60)
    await node.withdraw(KEY, PEER)
    await node.withdraw(KEY, PEER)
    assert await peers(node) == []


@pytest.mark.parametrize("host", ["", "0.0.0.0", "::"])
async def test_any_host_means_this_machine(node: LocalBackend, host: str) -> None:
    await node.announce(KEY, KnownHost(host, 6881), lifetime=60)
    assert await peers(node) == [KnownHost("127.0.0.1", 6881)]
    await node.withdraw(KEY, KnownHost(host, 6881))
    assert await peers(node) == []


async def test_a_lookup_is_not_upset_by_what_happens_meanwhile(node: LocalBackend) -> None:
    for port in (1, 2, 3):
        await node.announce(KEY, KnownHost("192.0.2.7", port), lifetime=60)
    seen = []
    async for peer in node.lookup(KEY):
        seen.append(peer.port)
        await node.withdraw(KEY, peer)
        await node.announce(KEY, KnownHost("192.0.2.7", 100 + peer.port), lifetime=60)
    assert seen == [1, 2, 3]


async def test_networks_of_other_names_are_other_networks(node: LocalBackend, now: Time) -> None:
    other = LocalBackend(BackendConfig(network="other", protocol="local"), now)
    await other.start()
    await node.announce(KEY, PEER, lifetime=60)
    assert await peers(other) == []
    await other.aclose()


async def test_what_a_node_announced_outlives_it_as_long_as_others_are_there(
    node: LocalBackend, now: Time
) -> None:
    other = LocalBackend(BackendConfig(network="test", protocol="local"), now)
    await other.start()
    await other.start()  # twice is once
    await other.announce(KEY, PEER, lifetime=60)
    await other.aclose()
    await other.aclose()
    assert await peers(node) == [PEER]


async def test_everybody_is_in_touch_already(node: LocalBackend) -> None:
    assert await node.bootstrap([]) == 0
    assert await node.bootstrap([PEER]) == 1
    assert node.contacts() == []
    assert node.address == KnownHost("127.0.0.1", 0)


async def test_it_says_what_it_can_do(node: LocalBackend) -> None:
    capabilities = node.capabilities
    assert capabilities.can_withdraw
    assert capabilities.announces is Announces.ANY_ADDRESS
    assert capabilities.scope is Scope.PROCESS
    assert capabilities.families == {4, 6}


async def test_it_counts(node: LocalBackend) -> None:
    await node.announce(KEY, PEER, lifetime=60)
    await node.announce(swarm_key("b"), PEER, lifetime=60)
    await peers(node)
    counted = {"stored_keys": 2, "stored_peers": 2, "stored_items": 0, "announcements": 2, "lookups": 1}
    assert node.stats() == counted


async def test_a_full_network_says_so(node: LocalBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    assert node._space is not None
    monkeypatch.setattr(node._space, "_max_peers", 1)
    await node.announce(KEY, PEER, lifetime=60)
    with pytest.raises(AnnounceFailed, match="full"):
        await node.announce(KEY, KnownHost("192.0.2.7", 2), lifetime=60)


@pytest.mark.parametrize("started", [True, False])
async def test_before_and_after_it_does_not_run(started: bool) -> None:
    backend = LocalBackend(BackendConfig(network="test", protocol="local"))
    if started:
        await backend.start()
    await backend.aclose()
    for call in (
        backend.announce(KEY, PEER, lifetime=60),
        backend.withdraw(KEY, PEER),
        backend.bootstrap([]),
        peers(backend),
    ):
        with pytest.raises(NotRunning):
            await call
    for ask in (backend.contacts, backend.stats, lambda: backend.address):
        with pytest.raises(NotRunning):
            ask()


async def test_nodes_of_other_threads_are_found() -> None:
    network = NetworkDefinition("test-threads", "local")
    announced, found = threading.Event(), threading.Event()

    async def announce() -> None:
        async with BitBoot(network=network) as bitboot:
            await bitboot.announce_peer("swarm", PEER)
            announced.set()
            found.wait(10)

    async with BitBoot(network=network) as bitboot:
        thread = threading.Thread(target=lambda: asyncio.run(announce()))
        thread.start()
        assert await asyncio.to_thread(announced.wait, 10)
        assert [peer.endpoint for peer in await bitboot.lookup("swarm")] == [PEER]
        found.set()
        await asyncio.to_thread(thread.join)


async def test_ten_thousand_peers_in_one_swarm() -> None:
    async with BitBoot(network=NetworkDefinition("test-many", "local")) as bitboot:
        space = LocalBackend(BackendConfig(network="test-many", protocol="local"))
        await space.start()
        hosts = [KnownHost(f"10.0.{number >> 8}.{number & 255}", 6881) for number in range(10_000)]
        for host in hosts:
            await space.announce(KEY, host, lifetime=600)
        assert [peer.endpoint for peer in await bitboot.lookup("swarm")] == hosts
        async with bitboot.find("swarm", limit=10) as found:
            assert [peer.endpoint async for peer in found] == hosts[:10]
        await space.aclose()


def test_the_plugin_is_installed_and_brings_the_backend() -> None:
    registry = Registry(environ={"BITBOOT_STRICT": "1"})
    assert registry.backend("local").protocols == ["local"]
    assert registry.choose(registry.network("local"))[0] == "local"


def test_the_hook_imports_nothing_heavy() -> None:
    assert plugin.BITBOOT_API == 1
    code = (
        "import sys\n"
        "from bitboot_local import plugin\n"
        "plugin.bitboot_backends()\n"
        "assert 'bitboot_local.backend' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_readmes_examples_run(capsys: pytest.CaptureFixture[str]) -> None:
    readme = (Path(__file__).parents[1] / "README.md").read_text("utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 2
    for block in blocks:
        exec(compile(block, "README.md", "exec"), {"__name__": "__main__"})
    assert capsys.readouterr().out == "[Peer(host='127.0.0.1', port=6881, sources=('local',))]\n"
