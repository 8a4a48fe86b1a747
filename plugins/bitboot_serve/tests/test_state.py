"""How the daemon and its networks are doing."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import pytest

import bitboot_core
from bitboot_core import KnownHost, Offline
from bitboot_core.testing import FakeBackend, fails

from .conftest import Serving


async def test_the_status(serve: Serving) -> None:
    async with serve() as world:
        status = (await (await world.client()).get("/v1/status")).json()
        assert status["uptime"] >= 0
        assert (status["version"], status["pid"]) == (bitboot_core.__version__, os.getpid())
        assert (status["clients"], status["lookups"], status["problems"]) == (1, 0, [])
        (network,) = status["networks"]
        assert (network["name"], network["protocol"], network["state"]) == ("local", "local", "ready")


async def test_a_network_that_fails_says_what_to_do(serve: Serving) -> None:
    bad = FakeBackend(bootstrap=fails(Offline("no name resolves", hint="check the cable")))
    async with serve(network="bad", bad=bad) as world:
        world.daemon.bitboot.add_bootstrap(KnownHost("192.0.2.1", 1))
        client = await world.client()
        while (status := (await client.get("/v1/status")).json())["networks"][0]["state"] != "failed":
            pass
        assert status["networks"][0]["error"]["error"] == "Offline"
        assert status["problems"] == [{"message": "bad: no name resolves", "hint": "check the cable"}]


async def test_one_network_with_its_counters_and_contacts(serve: Serving) -> None:
    async with serve() as world:
        client = await world.client()
        assert (await client.get("/v1/networks")).json()["networks"][0]["name"] == "local"
        assert "stored_keys" in (await client.get("/v1/networks/local")).json()["stats"]
        contacts = (await client.get("/v1/networks/local/contacts")).json()
        assert contacts == {"network": "local", "contacts": []}
        missing = await client.get("/v1/networks/nix")
        assert (missing.status_code, missing.json()["error"]) == (404, "NotFound")


async def test_what_there_is_not(serve: Serving) -> None:
    async with serve() as world:
        client = await world.client()
        assert (await client.get("/nix")).json()["error"] == "NotFound"
        refused = await client.delete("/v1/status")
        assert (refused.status_code, "GET" in refused.headers["allow"]) == (405, True)


async def test_a_daemon_that_nobody_asks_wakes_once_a_second(
    serve: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    loop: Any = asyncio.get_running_loop()
    call_at = loop.call_at

    def noted(when: float, *arguments: Any, **options: Any) -> Any:
        pauses.append(when - loop.time())
        return call_at(when, *arguments, **options)

    monkeypatch.setattr(loop, "call_at", noted)
    async with serve():
        begun = list(pauses)
    # What is shorter are the looks whether all servers have started; uvicorn's own pauses are of 0.1 s.
    assert [pause for pause in begun if 0.01 < pause < 0.5] == []
    assert [pause for pause in begun if 0.5 < pause < 1.5]
