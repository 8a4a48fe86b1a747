"""Lookups in a swarm of 64 libtorrent nodes: ours beside a libtorrent session as finder (rows 1, 2, 4)."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import statistics
import time
from collections.abc import Iterator

from bitboot_btdht.backend import MainlineBackend
from bitboot_btdht.simulation import Simulation

from bitboot_core import BackendConfig, KnownHost
from plugins.bitboot_btdht.tests.libtorrent_swarm import Session, Swarm, wait_for

from .rows import Row, p95, shown

COMMAND = "python -m benchmarks.performance lookups"
NODES, KEYS, PEERS = 64, 40, 5
TURNS = 10
BURSTS = 60
"""Of 17 lookups: for some 15 of them, 65 ms, the system still moves libtorrent's threads from one core to
another, and each of ours is interrupted 40 times; 8 times after that. The median is one of all."""
PATIENCE = 20.0


def keys() -> list[bytes]:
    """The info-hashes that peers are announced under."""
    return [hashlib.sha1(b"benchmark %d" % number).digest() for number in range(KEYS)]


def ports(key_number: int) -> range:
    """The ports announced under one of them."""
    return range(10_000 + 10 * key_number, 10_000 + 10 * key_number + PEERS)


async def run() -> list[Row]:
    """Measure."""
    swarm = await asyncio.to_thread(Swarm, NODES)
    finder = Session()
    backend = MainlineBackend(
        BackendConfig(
            network="mainline", protocol="mainline", listen=KnownHost("127.0.0.1", 0), read_only=True
        )
    )
    await backend.start()
    try:
        for number, key in enumerate(keys()):
            await asyncio.to_thread(swarm.announce, key, ports(number))
        finder.know(session.address for session in swarm.sessions)
        await asyncio.to_thread(wait_for, lambda: finder.knows(16), "the finder to know the swarm")
        await backend.bootstrap(swarm.bootstrap)
        # In this order: for seconds after 32 at once libtorrent asks again for what its full buffer lost.
        one_at_a_time, seventeen = await _one_at_a_time(backend, finder), await _seventeen(backend)
        return [*one_at_a_time, *await _at_once(backend, finder), *seventeen]
    finally:
        await backend.aclose()
        await asyncio.to_thread(finder.close)
        await asyncio.to_thread(swarm.close)


async def _lookup(backend: MainlineBackend, key: bytes) -> tuple[float, float, int]:
    """Seconds to the first peer, seconds in all, and peers found."""
    started = time.perf_counter()
    first, count = 0.0, 0
    async for _ in backend.lookup(key):
        first = first or time.perf_counter() - started
        count += 1
    return first, time.perf_counter() - started, count


def _libtorrent(finder: Session, key: bytes, number: int) -> float:
    """Seconds to libtorrent's first peer."""
    started = time.perf_counter()
    found = finder.first_peers(key, PATIENCE)
    seconds = time.perf_counter() - started
    if ("127.0.0.1", ports(number)[0]) not in found:
        raise RuntimeError("libtorrent found nobody")
    return seconds


async def _one_at_a_time(backend: MainlineBackend, finder: Session) -> list[Row]:
    ours_first, ours_whole, theirs = [], [], []
    ours_datagrams, theirs_datagrams = [], []
    for turn, (number, key) in itertools.product(range(TURNS), enumerate(keys())):
        before = backend.stats()
        first, whole, count = await _lookup(backend, key)
        after = backend.stats()
        if count != PEERS:
            raise RuntimeError(f"{count} of {PEERS} peers found")
        lt_before = await asyncio.to_thread(finder.datagrams)
        seconds = await asyncio.to_thread(_libtorrent, finder, key, number)
        await asyncio.to_thread(finder.idle)
        lt_after = await asyncio.to_thread(finder.datagrams)
        if not turn:
            continue  # both warm up
        ours_first.append(first)
        ours_whole.append(whole)
        theirs.append(seconds)
        ours_datagrams.append(sum(after[name] - before[name] for name in ("sent", "received")))
        theirs_datagrams.append(lt_after - lt_before)
    median = statistics.median

    def row(number: str, title: str, ratio: float, goal: float, texts: tuple[str, str]) -> Row:
        return Row(number, title, "libtorrent", *texts, ratio, goal, COMMAND)

    first = shown(ours_first, "ms", 1e3), shown(theirs, "ms", 1e3)
    tails = f"{p95(ours_first) * 1e3:.3g} ms", f"{p95(theirs) * 1e3:.3g} ms"
    whole_texts = shown(ours_whole, "ms", 1e3), shown(theirs, "ms", 1e3)
    counts = shown(ours_datagrams, "datagrams"), shown(theirs_datagrams, "datagrams")
    return [
        row("1a", "first peer, median", median(ours_first) / median(theirs), 1.6, first),
        row("1b", "first peer, 95th percentile", p95(ours_first) / p95(theirs), 2, tails),
        row("1c", "whole lookup to its first peer", median(ours_whole) / median(theirs), 5, whole_texts),
        row("4", "datagrams a lookup", median(ours_datagrams) / median(theirs_datagrams), 1, counts),
    ]


async def _at_once(backend: MainlineBackend, finder: Session) -> list[Row]:
    rows = []
    for together, goal in ((1, 0.0), (8, 0.25), (32, 1.0)):
        ours, theirs = [], []
        lost = 0
        for _ in range(7):
            rate, missing = await _our_rate(backend, together, 400)
            ours.append(rate)
            lost += missing
            theirs.append(await asyncio.to_thread(_their_rate, finder, together, 400))
        title = f"lookups a second, {together} at once" + (f" ({lost} of ours lost)" if together > 1 else "")
        ratio = statistics.median(ours) / statistics.median(theirs)
        rows.append(
            Row(
                f"2, {together}",
                title,
                "libtorrent",
                shown(ours, "/s"),
                shown(theirs, "/s"),
                ratio,
                goal,
                COMMAND,
                True,
            )
        )
    return rows


async def _seventeen(backend: MainlineBackend) -> list[Row]:
    ones, seventeens = [], []
    for _ in range(BURSTS):
        ones.append((await _lookup(backend, keys()[0]))[1])
        started = time.perf_counter()
        await asyncio.gather(*(_lookup(backend, key) for key in keys()[:17]))
        seventeens.append(time.perf_counter() - started)
    ratio = statistics.median(seventeens) / statistics.median(ones)
    texts = shown(seventeens, "ms", 1e3), shown(ones, "ms", 1e3)
    return [Row("2, 17", "17 lookups at once, to one", "ourselves", *texts, ratio, 4, COMMAND), _far_apart()]


def _far_apart() -> Row:
    """17 lookups at once where datagrams take 20 ms, in simulated time: what waiting side by side saves."""
    simulation = Simulation(seed=1, latency=lambda rng: 0.02)
    nodes = simulation.populate(NODES)
    finder = nodes[0]
    for key in keys()[:17]:
        simulation.announce(nodes[1], key)

    def seconds(wanted: list[bytes]) -> float:
        left = set(wanted)
        began = simulation.now
        for key in wanted:
            finder.find_peers(key, lambda peers: None, lambda key=key: left.discard(key), now=simulation.now)
        simulation.run(finder, lambda: not left)
        return simulation.now - began

    ones = [seconds([key]) for key in keys()[:17]]
    together = seconds(keys()[:17])
    texts = f"{together * 1e3:.3g} ms", shown(ones, "ms", 1e3)
    ratio = together / statistics.median(ones)
    return Row(
        "2, 17", "the same, datagrams taking 20 ms (simulated)", "ourselves", *texts, ratio, 4, COMMAND
    )


async def _our_rate(backend: MainlineBackend, together: int, count: int) -> tuple[float, int]:
    """Lookups a second, each to its end, and how many did not find everybody."""
    work: Iterator[bytes] = itertools.islice(itertools.cycle(keys()), count)
    lost = 0

    async def worker() -> None:
        nonlocal lost
        for key in work:
            _, _, found = await _lookup(backend, key)
            lost += found != PEERS

    started = time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(together)))
    return count / (time.perf_counter() - started), lost


def _their_rate(finder: Session, together: int, count: int) -> float:
    """libtorrent's lookups a second, each to its first peer: it does not tell when one has ended."""
    work = itertools.islice(itertools.cycle(keys()), count)
    open_: dict[bytes, float] = {}
    done = 0
    started = time.perf_counter()
    while done < count:
        while len(open_) < together and (key := next(work, None)) is not None:
            if key in open_:
                done += 1  # under way already: libtorrent would answer both at once
                continue
            finder.begin(key)
            open_[key] = time.perf_counter()
        for key in finder.replied():
            done += open_.pop(key, None) is not None
        for key in [key for key, since in open_.items() if time.perf_counter() - since > 2.0]:
            del open_[key]  # lost
            done += 1
    return count / (time.perf_counter() - started)
