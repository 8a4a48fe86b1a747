"""The configuration is read again: what holds at once, what waits, and what is kept meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from bitboot_serve.app import create_app
from bitboot_serve.daemon import Daemon
from bitboot_serve.running import reload_until
from bitboot_serve.systemd import Notifier

from bitboot_core import (
    BackendConfig,
    BackendSpec,
    BitBootConfig,
    BitBootError,
    InvalidConfig,
    KnownHost,
    ListenFailed,
    NetworkDefinition,
    Registry,
)
from bitboot_core.testing import FakeBackend, fails, hangs

from .conftest import Serving, registry_with, until

ONE, TWO, THREE = (KnownHost("192.0.2.1", port) for port in (1, 2, 3))


def network(name: str, *bootstrap: KnownHost, protocol: str | None = None) -> NetworkDefinition:
    return NetworkDefinition(name, protocol or name, bootstrap)


def config(*networks: NetworkDefinition | str, **settings: Any) -> BitBootConfig:
    return BitBootConfig(network=list(networks), **{"state_dir": False, **settings})


def lives(backend: FakeBackend) -> tuple[int, int]:
    """How often it was started and closed."""
    return backend.count("start"), backend.count("aclose")


def bootstraps(daemon: Daemon) -> dict[str, list[str]]:
    return {one["name"]: one["bootstrap"] for one in daemon.networks()}


async def test_what_begins_from_now_on_has_the_new_times(serve: Serving) -> None:
    backend = FakeBackend()
    async with serve(network="fake", fake=backend) as world:
        client = await world.client()
        wish = {"swarm": "mynet", "host": "192.0.2.1", "port": 4000}
        for lifetime in (1800.0, 600.0):
            made = (await client.post("/v1/announcements", json=wish)).json()
            await until(lambda: backend.count("announce"))
            (call,) = [call for call in backend.calls if call[0] == "announce"]
            assert call[3] == lifetime
            await client.delete(f"/v1/announcements/{made['id']}")
            backend.calls.clear()
            assert await world.daemon.reconfigure(config("fake", lifetime=600, timeout=0.05)) == []
        backend.acts["lookup"] = hangs()
        failed = await client.post("/v1/lookups", json={"swarm": "mynet"})
        assert (failed.status_code, "0.05 s" in failed.json()["message"]) == (504, True)


async def test_contacts_change_and_the_node_stays(serve: Serving) -> None:
    backend = FakeBackend()
    async with serve(network=network("fake", ONE, TWO), fake=backend) as world:
        await world.daemon.reconfigure(config(network("fake", TWO, THREE)))
        assert bootstraps(world.daemon) == {"fake": [str(TWO), str(THREE)]}
        await world.daemon.reconfigure(config("fake", bootstrap=[THREE, ONE]))
        assert bootstraps(world.daemon) == {"fake": [str(THREE), str(ONE)]}
        assert lives(backend) == (1, 0)


async def test_where_no_contact_stays_it_may_be_another_network(serve: Serving) -> None:
    backend = FakeBackend()
    async with serve(network=network("fake", ONE), fake=backend) as world:
        await world.daemon.reconfigure(config(network("fake", TWO)))
        assert bootstraps(world.daemon) == {"fake": [str(TWO)]}
        assert lives(backend) == (2, 1)


async def test_networks_come_and_go_and_the_others_stay(serve: Serving) -> None:
    first, second = FakeBackend(), FakeBackend()
    async with serve(network="first", first=first, second=second) as world:
        client = await world.client()
        wish = {"swarm": "mynet", "host": "192.0.2.1", "port": 4000}
        await client.post("/v1/announcements", json=wish)
        await world.daemon.reconfigure(config("first", "second"))
        await until(lambda: second.count("announce"))
        assert list(bootstraps(world.daemon)) == ["first", "second"]
        await world.daemon.reconfigure(config("first"))
        assert list(bootstraps(world.daemon)) == ["first"]
        assert (lives(first), lives(second)) == ((1, 0), (1, 1))
        await client.post("/v1/lookups", json={"swarm": "mynet"})
        assert 'network="first",outcome="empty"' in (await client.get("/metrics")).text


async def test_what_cannot_be_started_changes_nothing(serve: Serving) -> None:
    good, other = FakeBackend(), FakeBackend()
    bad = FakeBackend(start=fails(ListenFailed("taken")))
    async with serve(network="good", good=good, other=other, bad=bad) as world:
        with pytest.raises(ListenFailed):
            await world.daemon.reconfigure(config("good", "other", "bad", timeout=1))
        assert list(bootstraps(world.daemon)) == ["good"]
        assert (lives(good), lives(other)) == ((1, 0), (1, 1))
        with pytest.raises(ListenFailed):
            await world.daemon.reconfigure(config("bad", timeout=1))
        assert (list(bootstraps(world.daemon)), lives(good)) == (["good"], (1, 0))
        with pytest.raises(InvalidConfig, match="given twice"):
            await world.daemon.reconfigure(config("good", "good", timeout=1))
        assert (list(bootstraps(world.daemon)), lives(good)) == (["good"], (1, 0))
        assert world.daemon.bitboot.config.timeout == 5


def heeding(registry: Registry, asked: list[BackendConfig], *names: str) -> Registry:
    """With networks of these names, whose backends note what they are asked for."""
    for name in names:

        def made(config: BackendConfig) -> FakeBackend:
            asked.append(config)
            return FakeBackend()

        registry.register_backend(BackendSpec(name, [name], made))
        registry.register_network(NetworkDefinition(name, name))
    return registry


async def test_where_it_listens_changes_and_the_first_network_has_the_port() -> None:
    asked: list[BackendConfig] = []
    at, moved = KnownHost("127.0.0.1", 4000), KnownHost("127.0.0.1", 4001)
    registry = heeding(registry_with({}), asked, "first", "second")
    async with Daemon(config("first", listen=at), registry=registry) as daemon:
        create_app(daemon)
        expected: list[tuple[str, KnownHost | None]] = [("first", at)]

        async def changed(to: BitBootConfig, *asked_for: tuple[str, KnownHost | None]) -> None:
            await daemon.reconfigure(to)
            expected.extend(asked_for)
            assert [(one.network, one.listen) for one in asked] == expected

        free = replace(moved, port=0)
        await changed(config("first", listen=at))
        await changed(config("first", listen=moved), ("first", moved))
        await changed(config("first", "second", listen=moved), ("second", free))
        await changed(config("second", listen=moved), ("second", moved))
        await changed(config("second"), ("second", None))
        await changed(config("second", backend="second"), ("second", None))


async def test_what_waits_for_the_next_start_is_a_problem_until_it_is_taken_back(serve: Serving) -> None:
    async with serve() as world:
        client = await world.client()
        changed = config("local", read_only=True, state_dir=None)
        for _ in range(2):
            assert await world.daemon.reconfigure(changed) == ["state_dir", "read_only"]
        problems = (await client.get("/v1/status")).json()["problems"]
        assert [one["message"] for one in problems] == [
            "state_dir in the configuration has changed",
            "read_only in the configuration has changed",
        ]
        assert {one["hint"] for one in problems} == {"restart to apply"}
        assert await world.daemon.reconfigure(config("local")) == []
        assert (await client.get("/v1/status")).json()["problems"] == []


async def test_a_broken_file_changes_nothing_and_the_end_waits_for_no_network(serve: Serving) -> None:
    stopped, reload = asyncio.Event(), asyncio.Event()
    slow = FakeBackend(start=hangs())
    files: list[BitBootConfig | BitBootError] = [InvalidConfig("line 3: no such setting", hint="mend it")]

    def read() -> BitBootConfig:
        found = files.pop(0)
        if isinstance(found, BitBootError):
            raise found
        return found

    async with serve(slow=slow) as world:
        running = asyncio.create_task(
            reload_until(stopped, reload, world.daemon, read, Notifier.from_environment())
        )
        reload.set()
        await until(lambda: world.daemon.problems)
        said: Mapping[str, str] = world.daemon.problems[0]
        assert said["message"] == "the configuration stays as it was: line 3: no such setting"
        assert said["hint"] == "mend it"
        files.append(config("slow"))
        reload.set()
        await until(lambda: slow.count("start"))
        stopped.set()
        await running
        assert list(bootstraps(world.daemon)) == ["local"]
