"""Lookups through the daemon: peers as they arrive, and how they fail."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import Any

import httpx
import pytest
from bitboot_serve.limits import Limits

from bitboot_core import BackendError, BitBoot, KnownHost, NetworkDefinition
from bitboot_core.testing import FakeBackend, fails, hangs, hangs_until

from .conftest import Serving, until


def lines(response: httpx.Response) -> list[dict[str, Any]]:
    return [json.loads(line) for line in response.text.splitlines()]


def events(text: str) -> list[tuple[str, dict[str, Any]]]:
    """The server-sent events of a stream."""
    found = []
    for block in text.split("\n\n"):
        fields = dict(line.partition(": ")[::2] for line in block.splitlines() if not line.startswith(":"))
        if fields:
            found.append((fields["event"], json.loads(fields["data"])))
    return found


async def test_peers_come_as_json_lines(serve: Serving) -> None:
    async with serve() as world, BitBoot(network="local", state_dir=False) as other:
        await other.announce_peer("mynet", KnownHost("192.0.2.1", 4000))
        client = await world.client()
        response = await client.post("/v1/lookups", json={"swarm": "mynet"})
        assert response.headers["content-type"] == "application/jsonl"
        peer, end = lines(response)
        assert peer == {
            "event": "peer",
            "swarm": "mynet",
            "host": "192.0.2.1",
            "port": 4000,
            "sources": ["local"],
            "peer_id": None,
            "member": None,
            "data": None,
            "data_hex": None,
        }
        assert (end["event"], end["peers"], end["failures"]) == ("end", 1, {})


async def test_peers_come_as_events_of_a_raw_key_too(serve: Serving) -> None:
    key = "d75a980182b10ab7d54bfed3c964073a0ee172f3"
    async with serve() as world, BitBoot(network="local", state_dir=False) as other:
        for port in (1, 2, 3):
            await other.announce_peer("mynet", KnownHost("192.0.2.1", port))
        client = await world.client()
        accept = {"accept": "text/event-stream"}
        response = await client.post("/v1/lookups", json={"key": key}, headers=accept)
        assert response.headers["content-type"].startswith("text/event-stream")
        ((kind, end),) = events(response.text)
        assert (kind, end["swarm"], end["peers"]) == ("end", key, 0)
        response = await client.post("/v1/lookups", json={"swarm": "mynet", "limit": 2}, headers=accept)
        assert [kind for kind, _ in events(response.text)] == ["peer", "peer", "end"]


async def test_a_peer_is_told_before_the_lookup_ends(serve: Serving) -> None:
    more = asyncio.Event()
    slow = FakeBackend(peers=[KnownHost("192.0.2.1", 1)], lookup=hangs_until(more))
    async with serve(network="slow", slow=slow) as world:
        client = await world.client()
        async with client.stream("POST", "/v1/lookups", json={"swarm": "x"}) as response:
            coming = response.aiter_lines()
            assert json.loads(await anext(coming))["host"] == "192.0.2.1"
            assert (await client.get("/v1/status")).json()["lookups"] == 1
            more.set()
            assert json.loads(await anext(coming))["event"] == "end"


async def test_nobody_answered_is_not_nobody_is_there(serve: Serving) -> None:
    bad = FakeBackend(lookup=fails(BackendError("no luck", hint="wait")))
    async with serve(network="bad", bad=bad) as world:
        response = await (await world.client()).post("/v1/lookups", json={"swarm": "x"})
        assert response.status_code == 502
        assert response.headers["content-type"] == "application/problem+json"
        assert response.json() == {
            "type": "urn:bitboot:BackendError",
            "title": "BackendError",
            "status": 502,
            "detail": "no luck",
            "error": "BackendError",
            "message": "no luck",
            "hint": "wait",
        }


async def test_what_fails_on_one_network_is_told_at_the_end(serve: Serving) -> None:
    bad = FakeBackend(lookup=fails(BackendError("no luck")))
    async with serve(network=["local", "bad"], bad=bad) as world:
        (end,) = lines(await (await world.client()).post("/v1/lookups", json={"swarm": "x"}))
        assert end["failures"] == {"bad": {"error": "BackendError", "message": "no luck", "hint": ""}}


async def test_more_lookups_than_the_limit_are_refused(serve: Serving) -> None:
    held = asyncio.Event()
    slow = FakeBackend(peers=[KnownHost("192.0.2.1", 1)], lookup=hangs_until(held))
    async with serve(network="slow", slow=slow, limits=Limits(lookups=1)) as world:
        client = await world.client()
        async with client.stream("POST", "/v1/lookups", json={"swarm": "x"}) as response:
            await anext(response.aiter_lines())
            refused = await client.post("/v1/lookups", json={"swarm": "x"})
            assert (refused.status_code, refused.json()["error"]) == (429, "TooMany")
            held.set()
        await until(lambda: world.daemon.lookups.running == 0)


async def test_a_lookup_ends_with_its_client(serve: Serving) -> None:
    held = asyncio.Event()
    slow = FakeBackend(peers=[KnownHost("192.0.2.1", 1)], lookup=hangs_until(held))
    async with serve(network="slow", slow=slow) as world:
        client = await world.client()
        async with client.stream("POST", "/v1/lookups", json={"swarm": "x"}) as response:
            await anext(response.aiter_lines())
        held.set()  # its backend ends when it is asked to
        await until(lambda: world.daemon.lookups.running == 0)
        assert slow.open_streams == 0


async def test_a_lookup_ends_with_its_client_before_anybody_is_found(serve: Serving) -> None:
    async with serve(network="slow", slow=FakeBackend(lookup=hangs())) as world:
        client = await world.client()
        asking = asyncio.ensure_future(client.post("/v1/lookups", json={"swarm": "x", "timeout": 60}))
        await until(lambda: world.daemon.lookups.running)
        asking.cancel()
        await until(lambda: world.daemon.lookups.running == 0)
        with suppress(asyncio.CancelledError):
            await asking


async def test_a_lookup_that_has_found_nobody_ends_with_the_daemon(serve: Serving) -> None:
    async with serve(network="slow", slow=FakeBackend(lookup=hangs())) as world:
        client = await world.client()
        asking = asyncio.ensure_future(client.post("/v1/lookups", json={"swarm": "x", "timeout": 60}))
        await until(lambda: world.daemon.lookups.running)
        world.daemon.closing.set()
        response = await asking
        assert (response.status_code, response.json()["error"]) == (503, "NotRunning")


CONTACT = KnownHost("192.0.2.9", 9)


async def test_where_networks_are_named_they_are_told_of_first(serve: Serving) -> None:
    one = NetworkDefinition("one", "one", [CONTACT])
    backends = {"one": FakeBackend(peers=[KnownHost("192.0.2.1", 1)]), "two": FakeBackend()}
    async with serve(network=[one, "two"], **backends) as world:
        states = world.daemon.bitboot.networks
        await until(lambda: all(state.ready for state in states().values()))
        client = await world.client()
        wish = {"swarm": "x", "networks": {"two": [], "one": [str(CONTACT)]}}
        ready, also, peer, end = lines(await client.post("/v1/lookups", json=wish))
        assert ready == {
            "event": "ready",
            "network": "one",
            "backend": "one",
            "listen": str(states()["one"].listen),
            "contacts": 0,
        }
        assert (also["event"], also["network"]) == ("ready", "two")
        assert (peer["event"], end["event"], end["peers"]) == ("peer", "end", 1)
        told = await client.post("/v1/lookups", json=wish, headers={"accept": "text/event-stream"})
        assert [kind for kind, _ in events(told.text)] == ["ready", "ready", "peer", "end"]


OTHERS: list[dict[str, list[str]]] = [
    {},
    {"two": [str(CONTACT)]},
    {"one": []},
    {"one": ["192.0.2.8:9"]},
    {"one": [str(CONTACT)], "two": []},
]


@pytest.mark.parametrize("networks", OTHERS, ids=str)
async def test_other_networks_than_those_that_are_named_are_not_asked(
    serve: Serving, networks: dict[str, list[str]]
) -> None:
    backend = FakeBackend(peers=[KnownHost("192.0.2.1", 1)])
    async with serve(network=NetworkDefinition("one", "one", [CONTACT]), one=backend) as world:
        await world.daemon.bitboot.ready()
        response = await (await world.client()).post("/v1/lookups", json={"swarm": "x", "networks": networks})
        assert (response.status_code, response.json()["error"]) == (409, "OtherNetworks")
        assert backend.count("lookup") == 0


async def test_a_network_that_is_named_has_to_be_in_touch(serve: Serving) -> None:
    backend = FakeBackend(bootstrap=hangs())
    async with serve(network=NetworkDefinition("one", "one", [CONTACT]), one=backend) as world:
        wish = {"swarm": "x", "networks": {"one": [str(CONTACT)]}}
        response = await (await world.client()).post("/v1/lookups", json=wish)
        assert (response.status_code, response.json()["error"]) == (503, "NotRunning")
        assert "not in touch with one" in response.json()["detail"]


async def test_where_networks_are_told_of_a_failure_is_the_last_record(serve: Serving) -> None:
    bad = FakeBackend(lookup=fails(BackendError("no luck", hint="wait")))
    async with serve(network="bad", bad=bad) as world:
        await world.daemon.bitboot.ready()
        client = await world.client()
        response = await client.post("/v1/lookups", json={"swarm": "x", "networks": {"bad": []}})
        assert response.status_code == 200
        ready, error = lines(response)
        assert ready["event"] == "ready"
        assert error == {"event": "error", "error": "BackendError", "message": "no luck", "hint": "wait"}


SENSELESS = [
    (b"", 400, "Unread", "not JSON"),
    (b"[1]", 400, "Unread", "no JSON object"),
    (b"{" * 5000, 400, "Unread", "not JSON"),
    (b'{"swarm": "' + b"x" * 40_000 + b'"}', 413, "TooLarge", "larger than"),
    (b"{}", 400, "InvalidSwarmName", "one swarm"),
    (b'{"swarm": "x", "key": "y"}', 400, "InvalidSwarmName", "one swarm"),
    (b'{"swarm": ""}', 400, "InvalidSwarmName", "empty"),
    (b'{"swarm": 5}', 400, "InvalidSwarmName", "text"),
    (b'{"swarm": "\\ud800"}', 400, "InvalidSwarmName", "Unicode"),
    (b'{"key": "zz"}', 400, "InvalidSwarmName", "not a swarm's key"),
    (b'{"key": 5}', 400, "InvalidSwarmName", "not a swarm's key"),
    (b'{"swarm": "x", "limit": 0}', 400, "InvalidConfig", "limit"),
    (b'{"swarm": "x", "limit": true}', 400, "InvalidConfig", "limit"),
    (b'{"swarm": "x", "timeout": 1e9}', 400, "InvalidConfig", "out of bounds"),
    (b'{"swarm": "x", "timeout": NaN}', 400, "Unread", "not JSON"),
    (b'{"swarm": "x", "secret": "../../etc/passwd"}', 400, "InvalidConfig", "secret's name"),
    (b'{"swarm": "x", "secret": "nix"}', 404, "NotFound", "no secret named nix"),
    (b'{"swarm": "x", "networks": ["local"]}', 400, "InvalidConfig", "no object of lists"),
    (b'{"swarm": "x", "networks": {"local": "x:1"}}', 400, "InvalidConfig", "no object of lists"),
    (b'{"swarm": "x", "networks": {"local": [1]}}', 400, "InvalidConfig", "no object of lists"),
    (b'{"swarm": "x", "networks": {}}', 409, "OtherNetworks", "other networks"),
    (b'{"swarm": "x", "sceret": "nix"}', 400, "UsageError", "not a field"),
]


async def test_what_makes_no_sense_is_a_problem(serve: Serving) -> None:
    async with serve() as world:
        client = await world.client()
        for body, status, error, words in SENSELESS:
            response = await client.post("/v1/lookups", content=body)
            assert (response.status_code, response.json()["error"]) == (status, error), body[:80]
            assert words in response.json()["detail"]
