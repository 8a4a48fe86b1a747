"""Whether costs grow as the work does: CPU time per swarm, peer or plugin, with ten times as many (row 11).

Through the core, over a backend that answers at once: so a part of what grows is Python's garbage collector,
which looks at all that lives, again and again. And once over mainline nodes on loopback, as a program has it.
"""

from __future__ import annotations

import asyncio
import gc
import random
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from bitboot_btdht.server.peer_store import PeerStore
from bitboot_btdht.settings import Settings
from bitboot_btdht.simulation import public_address
from bitboot_btdht.testnet import Testnet
from bitboot_kademlia.settings import Settings as KademliaSettings
from bitboot_kademlia.storage import PeerStore as KademliaPeerStore

from bitboot_core import BackendSpec, BitBoot, KnownHost, NetworkDefinition, Registry
from bitboot_core._networks.kept_contacts import ContactFile
from bitboot_core.testing import FakeBackend, FakeEntryPoint, plugin_module, spec_of

from .rows import Row, shown

COMMAND = "python -m benchmarks.performance growth"
TURNS = 5
GOAL = 2.0
MAINLINE_TURNS, MAINLINE_GOAL, MAINLINE_LIMIT = 3, 1.3, 2.5e-3
ENDPOINT = KnownHost("192.0.2.1", 6881)

Work = Callable[[int], Awaitable[None]]


async def run() -> list[Row]:
    """Measure."""
    return await asyncio.to_thread(_run)


def _run() -> list[Row]:
    return [
        _row("one announcement of 1,000 swarms, 10,000", _announce_at_once, 1_000),
        _row("300 announcements, 3,000", _announce_each, 300),
        _row("100 watches, 1,000", _watch_each, 100),
        _row("a watch of 2,000 peers, 20,000", _watch_crowd, 2_000),
        _row("100 lookups at once, 1,000", _look_up_at_once, 100),
        _row("a lookup of 2,000 peers, 20,000", _look_up_crowd, 2_000),
        _row("2 networks, 20", _use_networks, 2),
        _row("50 plugins, 500", _load_plugins, 50),
        _row("1,000 peers stored at a mainline node, a key each, and read, 10,000", _store_keys, 1_000),
        _row("400 peers stored at a kademlia node, a key each, and read, 4,000", _store_in_kademlia, 400),
        _row("200 peers of one key at a kademlia node, and read, 2,000", _store_kademlia_crowd, 200),
        _row("20 contacts kept on disk and read, 200", _keep_contacts, 20),
        _compare(
            "500 replies to who asks for a crowd of 190 peers, of 1,900",
            [_reply_from_crowd(190) for _ in range(TURNS)],
            [_reply_from_crowd(1_900) for _ in range(TURNS)],
            GOAL,
        ),
        _compare(
            "100 swarms announced on mainline and closed, 10,000",
            [_seconds_on_mainline(100) for _ in range(MAINLINE_TURNS)],
            mainline := [_seconds_on_mainline(10_000) for _ in range(MAINLINE_TURNS)],
            MAINLINE_GOAL,
        ),
        Row(
            "11",
            "CPU for each of 10,000 swarms announced on mainline",
            "limit",
            shown(mainline, "ms", 1e3),
            f"{MAINLINE_LIMIT * 1e3:g} ms",
            statistics.median(mainline) / MAINLINE_LIMIT,
            1.0,
            COMMAND,
        ),
    ]


def _row(title: str, work: Work, count: int) -> Row:
    few, many = [], []
    for _ in range(TURNS + 1):
        few.append(_seconds_each(work, count))
        many.append(_seconds_each(work, 10 * count))
    return _compare(title, few[1:], many[1:], GOAL)  # both warmed up in the first turn


def _compare(title: str, few: list[float], many: list[float], goal: float) -> Row:
    return Row(
        "11",
        f"CPU for each of {title}",
        "ourselves",
        shown(many, "ms", 1e3),
        shown(few, "ms", 1e3),
        statistics.median(many) / statistics.median(few),
        goal,
        COMMAND,
    )


def _seconds_each(work: Work, count: int) -> float:
    gc.collect()
    started = time.process_time()
    asyncio.run(_as_coroutine(work(count)))
    return (time.process_time() - started) / count


async def _as_coroutine(work: Awaitable[None]) -> None:
    await work


def _bitboot(peers: int = 1, networks: int = 1) -> BitBoot:
    hosts = [KnownHost(f"10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}", 6881) for n in range(peers)]
    registry = Registry()
    for number in range(networks):
        registry.register_backend(spec_of(FakeBackend(peers=hosts), f"fake{number}", [f"fake{number}"]))
    definitions = [NetworkDefinition(f"fake{number}", f"fake{number}") for number in range(networks)]
    return BitBoot(network=definitions, state_dir=False, registry=registry)


def _names(count: int) -> list[str]:
    return [f"swarm {number}" for number in range(count)]


async def _announce_at_once(count: int) -> None:
    async with _bitboot() as bitboot, bitboot.announce(_names(count), ENDPOINT) as announcement:
        await announcement.announced()


def _seconds_on_mainline(count: int) -> float:
    return asyncio.run(_announce_on_mainline(count)) / count


async def _announce_on_mainline(count: int) -> float:
    """CPU seconds to announce and to close, with a testnet that is there already, and whose work counts."""
    async with Testnet(8) as testnet:
        mainline = NetworkDefinition("testnet", "mainline", bootstrap=testnet.bootstrap)
        async with BitBoot(network=mainline, listen="127.0.0.1:0", state_dir=False) as bitboot:
            await bitboot.ready()
            gc.collect()
            started = time.process_time()
            async with bitboot.announce(_names(count), port=6881) as announcement:
                await announcement.announced()
            return time.process_time() - started


async def _store_keys(count: int) -> None:
    store = PeerStore(Settings(), random.Random(1))
    keys = [number.to_bytes(20, "big") for number in range(count)]
    for number, key in enumerate(keys):
        store.add(key, public_address(number), float(number) / count)
    for key in keys:
        if len(store.get(key, 4, 50, 2.0)) != 1:
            raise RuntimeError("a peer that was stored is not there")


async def _store_in_kademlia(count: int) -> None:
    store = KademliaPeerStore(KademliaSettings(), time.monotonic)
    chance = random.Random(1)
    for number in range(count):
        ip = public_address(number)[:4]
        store.announce(chance.randbytes(20), public_address(number), number.to_bytes(16, "big"), 3600.0, ip)
    for _ in range(count):
        # As for a newcomer: what it is to hold from now on.
        for key in store.nearest_keys(chance.getrandbits(160), -1, 8):
            if not store.records(key, 0, 8_000)[0]:
                raise RuntimeError("a peer that was stored is not there")


async def _store_kademlia_crowd(count: int) -> None:
    store, key = KademliaPeerStore(KademliaSettings(), time.monotonic), b"k" * 20
    for number in range(count):
        ip = public_address(number)[:4]
        store.announce(key, public_address(number), number.to_bytes(16, "big"), 3600.0, ip)
    read, after = 0, 0
    while True:
        page, after = store.peers(key, after, 1_000)
        read += len(page) // 6
        if not after:
            break
    if read != count:
        raise RuntimeError(f"{read} of {count} peers are there")


async def _keep_contacts(count: int) -> None:
    contacts = [KnownHost(f"{11 + number % 200}.1.{number // 200}.1", 6881) for number in range(count)]
    with tempfile.TemporaryDirectory() as folder:
        file = ContactFile(Path(folder) / "contacts-mainline.json", "mainline")
        for _ in range(20):
            file.write(contacts, dict.fromkeys(contacts, 0.1))
            if len(file.read()) != count:
                raise RuntimeError("contacts that were kept are not there")


def _reply_from_crowd(peers: int) -> float:
    """CPU seconds for each of 500 replies."""
    store, key = PeerStore(Settings().relaxed(), random.Random(1)), b"k" * 20
    for number in range(peers):
        store.add(key, public_address(number), 0.0)
    started = time.process_time()
    for _ in range(500):
        store.get(key, 4, 50, 1.0)
    return (time.process_time() - started) / 500


async def _announce_each(count: int) -> None:
    async with _bitboot() as bitboot:
        for name in _names(count):
            await bitboot.announce_peer(name, ENDPOINT)


async def _watch_each(count: int) -> None:
    async with _bitboot() as bitboot:
        watches = [bitboot.watch(name) for name in _names(count)]
        for watch in watches:
            watch.open()
        for watch in watches:
            await anext(watch)


async def _watch_crowd(count: int) -> None:
    async with _bitboot(peers=count) as bitboot, bitboot.watch("swarm") as watch:
        for _ in range(count):
            await anext(watch)


async def _look_up_at_once(count: int) -> None:
    async with _bitboot() as bitboot:
        await asyncio.gather(*map(bitboot.lookup, _names(count)))


async def _look_up_crowd(count: int) -> None:
    async with _bitboot(peers=count) as bitboot:
        await bitboot.lookup("swarm")


async def _use_networks(count: int) -> None:
    async with _bitboot(networks=count) as bitboot:
        await bitboot.ready()
        for name in _names(20):
            await bitboot.lookup(name)


async def _load_plugins(count: int) -> None:
    points = [
        FakeEntryPoint(f"plugin{number}", plugin_module(backends=_backends(f"backend{number}")))
        for number in range(count)
    ]
    registry = Registry(lambda: points, environ={})
    if len(registry.backends()) < count:
        raise RuntimeError(f"of {count} plugins some did not load: {registry.problems()[:1]}")


def _backends(name: str) -> Callable[[], list[BackendSpec]]:
    return lambda: [spec_of(FakeBackend(), name, [name])]
