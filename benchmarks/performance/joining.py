"""From start to findable, and lookups among the dead (rows 5 and 6)."""

from __future__ import annotations

import asyncio
import hashlib
import random
import statistics
import time
from collections.abc import Sequence

from bitboot_btdht.backend import MainlineBackend

from bitboot_core import BackendConfig, BackendError, KnownHost
from plugins.bitboot_btdht.tests.libtorrent_swarm import Session, Swarm, wait_for

from .rows import Row, p95, shown

COMMAND = "python -m benchmarks.performance joining"
LIMIT = 60.0


def make(*, read_only: bool = False) -> MainlineBackend:
    """A node of ours on loopback."""
    listen = KnownHost("127.0.0.1", 0)
    return MainlineBackend(
        BackendConfig(network="mainline", protocol="mainline", listen=listen, read_only=read_only)
    )


async def run() -> list[Row]:
    """Measure."""
    return [
        await _joining("none dead", 0, 9, 1.5),
        await _joining("a quarter dead", 8, 5, 0.1),
        *await _among_the_dead(),
    ]


async def _joining(title: str, dead: int, turns: int, goal: float) -> Row:
    ours, theirs = [], []
    for turn in range(turns):
        for times, measure in ((ours, _ours), (theirs, _theirs)):
            # A swarm for each: whoever has joined and left before would be a dead contact to the next.
            swarm = await asyncio.to_thread(Swarm, 32)
            finder = make(read_only=True)
            await finder.start()
            try:
                contacts = [session.address for session in swarm.sessions]
                await finder.bootstrap(contacts)
                for _ in range(dead):  # the others do not know yet, and hand them out to whoever joins
                    await asyncio.to_thread(swarm.sessions.pop().close)
                random.Random(turn).shuffle(contacts)
                times.append(await measure(finder, contacts, hashlib.sha1(b"%d" % turn).digest()))
            finally:
                await finder.aclose()
                await asyncio.to_thread(swarm.close)
    ratio = statistics.median(ours) / statistics.median(theirs)
    texts = shown(ours, "ms", 1e3), shown(theirs, "ms", 1e3)
    return Row("5", f"start to findable, 32 contacts, {title}", "libtorrent", *texts, ratio, goal, COMMAND)


async def _found(finder: MainlineBackend, key: bytes) -> None:
    async with asyncio.timeout(LIMIT):
        while not [peer async for peer in finder.lookup(key)]:  # noqa: ASYNC110 - others bring it about
            await asyncio.sleep(0.005)


async def _ours(finder: MainlineBackend, contacts: Sequence[KnownHost], key: bytes) -> float:
    started = time.perf_counter()
    backend = make()
    await backend.start()
    try:
        await backend.bootstrap(contacts)
        await backend.announce(key, KnownHost("", 7000), lifetime=1800)
        await _found(finder, key)
        return time.perf_counter() - started
    finally:
        await backend.aclose()


async def _theirs(finder: MainlineBackend, contacts: Sequence[KnownHost], key: bytes) -> float:
    started = time.perf_counter()
    session = await asyncio.to_thread(Session)
    try:
        session.know(contacts)
        # An announcement made before the table has nodes is lost.
        await asyncio.to_thread(wait_for, lambda: session.knows(1), "libtorrent to join")
        session.announce(key, 7000)
        await _found(finder, key)
        return time.perf_counter() - started
    finally:
        await asyncio.to_thread(session.close)


async def _among_the_dead() -> list[Row]:
    """64 libtorrent nodes, of which 32 vanish; each lookup by a finder that knew them before."""
    firsts, wholes = [], []
    lost = 0
    keys = [hashlib.sha1(b"among the dead %d" % number).digest() for number in range(20)]
    swarm = await asyncio.to_thread(Swarm, 64)
    finders = [make(read_only=True) for _ in range(4)]
    try:
        for number, key in enumerate(keys):
            await asyncio.to_thread(swarm.announce, key, [7000 + number])
        for finder in finders:
            await finder.start()
            await finder.bootstrap([session.address for session in swarm.sessions])
        for session in swarm.sessions[::2]:
            await asyncio.to_thread(session.close)
        swarm.sessions = swarm.sessions[1::2]
        for key in keys:
            for finder in finders:
                started, first = time.perf_counter(), 0.0
                async for _ in finder.lookup(key):
                    first = first or time.perf_counter() - started
                wholes.append(time.perf_counter() - started)
                firsts.append(first or LIMIT)
                lost += not first
    except BackendError as error:
        raise RuntimeError("the finders could not join") from error
    finally:
        for finder in finders:
            await finder.aclose()
        await asyncio.to_thread(swarm.close)

    def row(title: str, values: Sequence[float], limit: float) -> Row:
        tail = p95(values)
        note = f" ({lost} of {len(values)} found nobody)"
        return Row(
            "6",
            title + note,
            "limit",
            f"{tail * 1e3:.3g} ms",
            f"{limit * 1e3:g} ms",
            tail / limit,
            1,
            COMMAND,
        )

    return [
        row("half the contacts dead: whole lookup, 95th percentile", wholes, 2.0),
        row("half the contacts dead: first peer, 95th percentile", firsts, 0.5),
    ]
