"""Announcements through the daemon: they belong to a client, and go with it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from bitboot_serve.limits import LEASE, Limits

from bitboot_core import BitBoot, SwarmSecret
from bitboot_core.testing import FakeBackend, ManualClock

from .conftest import Serving, next_event, until

MINE = {"swarm": "mynet", "host": "192.0.2.1", "port": 4000}


@asynccontextmanager
async def on_the_same_network() -> AsyncIterator[BitBoot]:
    async with BitBoot(network="local", state_dir=False) as other:
        yield other


async def stored(client: httpx.AsyncClient, identifier: str) -> dict[str, Any]:
    """The announcement, once it is stored."""
    while True:
        found: dict[str, Any] = (await client.get(f"/v1/announcements/{identifier}")).json()
        if all(network["stored_on"] for network in found["networks"]):
            return found


async def test_it_is_found_until_it_is_withdrawn(serve: Serving) -> None:
    async with serve() as world, on_the_same_network() as other:
        client = await world.client()
        response = await client.post("/v1/announcements", json=MINE)
        made = response.json()
        assert (response.status_code, made["lease"]) == (201, LEASE)
        assert response.headers["location"] == f"/v1/announcements/{made['id']}"
        found = await stored(client, made["id"])
        assert (found["swarm"], found["host"], found["port"]) == ("mynet", "192.0.2.1", 4000)
        assert [str(peer) for peer in await other.lookup("mynet")] == ["192.0.2.1:4000"]
        (listed,) = (await client.get("/v1/announcements")).json()["announcements"]
        assert listed["id"] == made["id"]
        assert (await client.get("/v1/status")).json()["announcements"] == 1
        metrics = (await client.get("/metrics")).text
        assert "bitboot_announcements 1.0" in metrics
        assert 'bitboot_announcements_stored_total{kind="first",network="local"} 1.0' in metrics
        (swarm,) = (await client.get("/v1/swarms")).json()["swarms"]
        assert (swarm["swarm"], swarm["announced"], swarm["watched"]) == ("mynet", True, False)
        assert (await client.delete(f"/v1/announcements/{made['id']}")).status_code == 204
        assert await other.lookup("mynet") == []
        assert (await client.delete(f"/v1/announcements/{made['id']}")).status_code == 404


async def test_a_lease_lapses_and_is_withdrawn_unless_it_is_renewed(serve: Serving) -> None:
    clock = ManualClock()
    async with serve(clock=clock) as world, on_the_same_network() as other:
        client = await world.client()
        body = {**MINE, "lease": 30}
        made = (await client.post("/v1/announcements", json=body)).json()
        await stored(client, made["id"])
        await clock.advance(29)
        renewed = await client.post(f"/v1/announcements/{made['id']}/renewal")
        assert renewed.json()["lapses_in"] == 30
        await clock.advance(29)
        await client.get("/v1/status")
        assert len(await other.lookup("mynet")) == 1
        await clock.advance(1.1)
        await until(lambda: len(world.daemon.announcements) == 0)
        refused = await client.post(f"/v1/announcements/{made['id']}/renewal")
        assert (refused.status_code, refused.json()["error"]) == (404, "NotFound")
        assert await other.lookup("mynet") == []


async def test_nothing_is_left_of_those_that_are_withdrawn_early(serve: Serving) -> None:
    async with serve() as world:
        client = await world.client()

        async def announce_and_withdraw() -> None:
            made = (await client.post("/v1/announcements", json={**MINE, "lease": 3600})).json()
            await client.delete(f"/v1/announcements/{made['id']}")

        await announce_and_withdraw()
        before = len(asyncio.all_tasks())
        for _ in range(10):
            await announce_and_withdraw()
        await until(lambda: len(asyncio.all_tasks()) <= before)


async def test_with_a_stream_it_is_kept_by_the_connection(serve: Serving) -> None:
    async with serve() as world, on_the_same_network() as other:
        client = await world.client()
        accept = {"accept": "text/event-stream"}
        async with client.stream("POST", "/v1/announcements", json=MINE, headers=accept) as response:
            assert response.status_code == 201
            events = response.aiter_lines()
            kind, record = await next_event(events)
            while not record["networks"][0]["stored_on"]:
                kind, record = await next_event(events)
            assert (kind, record["lease"], record["lapses_in"]) == ("announcement", None, None)
            assert len(await other.lookup("mynet")) == 1
        await until(lambda: len(world.daemon.announcements) == 0)
        while await other.lookup("mynet"):
            pass


async def test_the_daemon_withdraws_all_when_it_ends(serve: Serving) -> None:
    backend = FakeBackend()
    async with serve(network="fake", fake=backend) as world:
        client = await world.client()
        made = (await client.post("/v1/announcements", json=MINE)).json()
        await stored(client, made["id"])
    assert backend.count("withdraw") == 1


async def test_members_of_a_private_swarm_are_told_data(serve: Serving, tmp_path: Any) -> None:
    secret = SwarmSecret.generate()
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "team").write_text(secret.reveal(), encoding="utf-8")
    body = {"swarm": "mynet", "port": 0, "secret": "team", "data": "hello"}
    async with serve() as world, on_the_same_network() as other:
        client = await world.client()
        made = (await client.post("/v1/announcements", json=body)).json()
        assert made["private"]
        assert (await stored(client, made["id"]))["networks"][0]["error"] is None
        (peer,) = await other.lookup("mynet", secret=secret)
        assert peer.data == b"hello"
        assert await other.lookup("mynet") == []
        assert secret.reveal() not in json.dumps((await client.get("/v1/swarms")).json())


async def test_what_is_refused(serve: Serving) -> None:
    async with serve(limits=Limits(announcements=1)) as world:
        client = await world.client()
        for body, error, words in [
            ({"swarm": "x"}, "InvalidConfig", "port=None"),
            ({"swarm": "x", "port": 99999}, "InvalidEndpoint", "99999"),
            ({"swarm": "x", "port": 1, "host": 5}, "InvalidConfig", "host=5"),
            ({"swarm": "x", "port": 1, "lease": 1}, "InvalidConfig", "out of bounds"),
            ({"swarm": "x", "port": 1, "lease": "1"}, "InvalidConfig", "number of seconds"),
            ({"swarm": "x", "port": 1, "data": "y"}, "InvalidConfig", "private swarm"),
            ({"swarm": "x", "port": 1, "data": "y" * 600, "secret": "z"}, "InvalidConfig", "too long"),
        ]:
            response = await client.post("/v1/announcements", json=body)
            assert (response.status_code, response.json()["error"]) == (400, error), body
            assert words in response.json()["detail"]
        assert (await client.post("/v1/announcements", json=MINE)).status_code == 201
        refused = await client.post("/v1/announcements", json=MINE)
        assert (refused.status_code, refused.json()["error"]) == (429, "TooMany")
