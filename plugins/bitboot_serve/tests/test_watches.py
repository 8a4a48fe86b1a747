"""Watches through the daemon: who is there, who comes and goes, and how a stream is taken up again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from bitboot_serve.limits import LINGER, Limits
from bitboot_serve.rings import Ring

from bitboot_core import BackendError, KnownHost
from bitboot_core.testing import FakeBackend, ManualClock, fails

from .conftest import Serving, next_event, next_event_with_id, until

ONE, TWO = KnownHost("192.0.2.1", 1), KnownHost("192.0.2.2", 2)


@asynccontextmanager
async def watching(
    client: httpx.AsyncClient, query: str = "?swarm=mynet", **headers: str
) -> AsyncIterator[AsyncIterator[str]]:
    async with client.stream("GET", f"/v1/watches{query}", headers=headers) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        yield response.aiter_lines()


async def test_who_is_there_who_comes_and_who_goes(serve: Serving) -> None:
    clock = ManualClock()
    backend = FakeBackend(peers=[ONE])
    async with serve(network="fake", fake=backend, clock=clock) as world:
        client = await world.client()
        async with watching(client) as lines:
            first = await next_event(lines)
            while first[0] == "present":
                first = await next_event(lines)
            assert (first[0], first[1]["host"]) == ("peer-joined", ONE.host)
            (swarm,) = (await client.get("/v1/swarms")).json()["swarms"]
            assert (swarm["watched"], [peer["host"] for peer in swarm["peers"]]) == (True, [ONE.host])
            assert (await client.get("/v1/status")).json()["watches"] == 1
            backend.peers = [TWO]
            seen: list[tuple[str, str]] = []
            while len(seen) < 2:  # the peer that is gone is looked for for a while
                await clock.advance(60)
                await client.get("/v1/status")
                while world.daemon.watches.watched()[0].ring.last > 1 + len(seen):
                    kind, record = await next_event(lines)
                    seen.append((kind, record["host"]))
            assert seen == [("peer-joined", TWO.host), ("peer-left", ONE.host)]


async def test_a_second_reader_costs_no_second_watch(serve: Serving) -> None:
    backend = FakeBackend(peers=[ONE])
    async with serve(network="fake", fake=backend, clock=ManualClock()) as world:
        client = await world.client()
        async with watching(client) as lines:
            while (await next_event(lines))[0] != "peer-joined":
                pass
            async with watching(client) as others:
                assert [(await next_event(others))[0] for _ in range(2)] == ["peer-joined", "present"]
            assert backend.count("lookup") == 1
            async with watching(client, "") as everything:
                kind, record = await next_event(everything)
                assert (kind, record["swarm"]) == ("peer-joined", "mynet")


async def test_a_stream_goes_on_where_it_ended(serve: Serving) -> None:
    clock = ManualClock()
    backend = FakeBackend(peers=[ONE])
    async with serve(network="fake", fake=backend, clock=clock) as world:
        client = await world.client()
        async with watching(client) as lines:
            kind, _, last = await next_event_with_id(lines)
            while kind != "peer-joined":
                kind, _, last = await next_event_with_id(lines)
        assert last
        await until(lambda: world.daemon.watches.readers == 0)
        (watched,) = world.daemon.watches.watched()
        backend.peers = [ONE, TWO]
        while len(watched.present) < 2:
            await clock.advance(5)
            await client.get("/v1/status")
        async with watching(client, **{"last-event-id": last}) as lines:
            kind, record = await next_event(lines)
            assert (kind, record["host"]) == ("peer-joined", TWO.host), "and not who was told of before"
        for forgotten in ("nonsense", last.partition("-")[0] + "-999", "0-1"):
            async with watching(client, **{"last-event-id": forgotten}) as lines:
                kinds = [(await next_event(lines))[0] for _ in range(4)]
                assert kinds == ["reset", "peer-joined", "peer-joined", "present"]


async def test_who_announces_through_the_daemon_is_told_of_at_once(serve: Serving) -> None:
    async with serve(clock=ManualClock()) as world:  # its clock stands still: no scan becomes due
        client = await world.client()
        key = "6824d3745719957aaa9ad62b40d7040743a47a8f"  # SHA-1 of "mynet"
        async with watching(client) as lines, watching(client, f"?key={key}") as others:
            for one in (lines, others):
                assert (await next_event(one))[0] == "present"
            await until(lambda: all(one.watch.scans["local"] for one in world.daemon.watches.watched()))
            await world.daemon.clock.advance(1)
            mine = {"swarm": "mynet", "host": "192.0.2.1", "port": 4000}
            assert (await client.post("/v1/announcements", json=mine)).status_code == 201
            for one in (lines, others):
                kind, record = await next_event(one)
                assert (kind, record["host"], record["port"]) == ("peer-joined", "192.0.2.1", 4000)


async def test_whom_a_lookup_through_the_daemon_finds_is_told_of_at_once(serve: Serving) -> None:
    backend = FakeBackend(peers=[ONE])
    async with serve(network="fake", fake=backend, clock=ManualClock()) as world:
        client = await world.client()
        async with watching(client) as lines:
            while (await next_event(lines))[0] != "peer-joined":
                pass
            (watched,) = world.daemon.watches.watched()
            await until(lambda: watched.watch.scans["fake"])
            await world.daemon.clock.advance(1)
            for other in ("mynet", "other"):  # nobody new is found there, and in another swarm
                await client.post("/v1/lookups", json={"swarm": other})
                backend.peers = [ONE, TWO]
            await world.daemon.clock.advance(1)
            assert watched.watch.scans["fake"] == 1
            await client.post("/v1/lookups", json={"swarm": "mynet"})
            kind, record = await next_event(lines)
            assert (kind, record["host"]) == ("peer-joined", TWO.host)


async def test_a_swarm_that_nobody_reads_is_watched_no_more(serve: Serving) -> None:
    clock = ManualClock()
    async with serve(network="fake", fake=FakeBackend(peers=[ONE]), clock=clock) as world:
        client = await world.client()
        async with watching(client) as lines:
            await next_event(lines)
        await until(lambda: world.daemon.watches.readers == 0)
        assert len(world.daemon.watches.watched()) == 1
        await clock.advance(LINGER)
        await until(lambda: world.daemon.watches.watched() == [])


async def test_scans_that_fail_are_told_of(serve: Serving) -> None:
    backend = FakeBackend(lookup=fails(BackendError("no luck")))
    async with serve(network="fake", fake=backend) as world, watching(await world.client()) as lines:
        kind, record = await next_event(lines)
        while kind != "failing":
            kind, record = await next_event(lines)
        assert record["failures"]["fake"]["message"] == "no luck"


async def test_what_is_refused(serve: Serving) -> None:
    async with serve(limits=Limits(watches=1, swarms=1)) as world:
        client = await world.client()
        for query in ("?swarm=", "?swarm=x&key=y", "?swarm=x&swarm=y", "?nix=1", "?secret=x"):
            assert (await client.get(f"/v1/watches{query}")).status_code == 400, query
        assert (await client.get("/v1/watches?swarm=x&secret=nix")).status_code == 404
        assert (await client.head("/v1/watches?swarm=x")).status_code == 200
        async with watching(client) as lines:
            await next_event(lines)
            refused = await client.get("/v1/watches?swarm=mynet")
            assert (refused.status_code, refused.json()["error"]) == (429, "TooMany")


async def test_no_more_swarms_than_the_limit_are_watched(serve: Serving) -> None:
    async with serve(limits=Limits(swarms=1)) as world:
        client = await world.client()
        async with watching(client, "?swarm=a") as lines:
            await next_event(lines)
            assert (await client.get("/v1/watches?swarm=b")).status_code == 429
        await until(lambda: world.daemon.watches.readers == 0)
        async with watching(client, "?swarm=b") as lines:  # nobody reads of the other any more
            await next_event(lines)
            assert [one.swarm for one in world.daemon.watches.watched()] == ["b"]


async def test_streams_end_with_the_daemon(serve: Serving) -> None:
    async with serve() as world, watching(await world.client()) as lines:
        await next_event(lines)
        world.daemon.closing.set()
        rest = [line async for line in lines if line]
        assert rest == []


def test_a_ring_forgets_the_oldest_and_says_so() -> None:
    ring = Ring(3)
    for number in range(1, 6):
        ring.append("x", {"n": number})
    assert [kept.number for kept in ring.after(3)] == [4, 5]
    assert [ring.has(number) for number in (1, 2, 5, 6)] == [False, True, True, False]
    assert ring.number_of(ring.id_of(2)) == 2
    assert ring.number_of(ring.id_of(1)) is None
    others: list[Any] = [Ring(3).id_of(0), "", "-", f"{ring.id_of(2)}x", ring.id_of(2).replace("2", "\u0662")]
    assert [ring.number_of(one) for one in others[:3]] == [None] * 3
    assert ring.number_of(others[3]) is None


async def test_a_reader_that_is_too_far_behind_is_cut_off(serve: Serving) -> None:
    async with serve(limits=Limits(events=2)) as world:
        from bitboot_serve.wishes import SwarmWish  # noqa: PLC0415

        told = world.daemon.watches.read(SwarmWish("x", None), None)
        assert (await anext(told))[0] == "present"
        (watched,) = world.daemon.watches.watched()
        for number in range(3):
            watched.ring.append("peer-joined", {"n": number})
        assert [one async for one in told] == []
        assert world.daemon.watches.readers == 0
