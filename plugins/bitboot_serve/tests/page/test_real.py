"""The page of a real daemon, on a DHT of this machine alone: what is seen is what its API says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx
import pytest
from bitboot_btdht.testnet import Testnet
from bitboot_serve.app import create_app
from bitboot_serve.daemon import Daemon
from bitboot_serve.serving import Servers
from bitboot_serve.sockets import tcp_socket

from bitboot_core import BitBoot, BitBootConfig, KnownHost

from .conftest import Open
from .double import TOKEN
from .test_page import expect

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

SWARM = "<b>lobby</b> of my-app"


class Real:
    """A daemon that serves a port of loopback, somebody who asks it, and where its network begins."""

    def __init__(self, daemon: Daemon, url: str, client: httpx.AsyncClient, config: BitBootConfig) -> None:
        self.daemon, self.url, self.client, self.config = daemon, url, client, config

    async def ask(self, path: str) -> Any:
        return (await self.client.get(path)).raise_for_status().json()


@asynccontextmanager
async def serving() -> AsyncIterator[Real]:
    async with AsyncExitStack() as stack:
        testnet = await stack.enter_async_context(Testnet(12))
        config = BitBootConfig(bootstrap=testnet.bootstrap, listen="127.0.0.1:0", state_dir=False)
        sock = stack.enter_context(tcp_socket("127.0.0.1:0"))
        daemon = await stack.enter_async_context(Daemon(config))
        servers = Servers(daemon, create_app(daemon), [sock], TOKEN)
        await servers.start()
        url = f"http://127.0.0.1:{sock.getsockname()[1]}/"
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=20, trust_env=False) as client:
            try:
                yield Real(daemon, url, client, config)
            finally:
                daemon.closing.set()
                await servers.stop()


async def same_contacts(real: Real, page: Any) -> None:
    """The page comes to show the routing table and the contacts of the API, which may change meanwhile."""
    dots, figure = page.locator("#routing circle.contact"), page.locator("#figure-contacts")
    async with asyncio.timeout(30):
        while True:
            table = (await real.ask("/v1/networks/mainline/contacts"))["contacts"]
            known = (await real.ask("/v1/status"))["networks"][0]["contacts"]
            await page.get_by_role("combobox", name="Network").dispatch_event("change")
            try:
                await expect(dots).to_have_count(len(table), timeout=3_000)
                await expect(figure).to_have_text(str(known), timeout=3_000)
            except AssertionError:
                continue
            assert len(table) >= 8
            return


async def test_a_real_daemon_is_shown_as_its_api_tells(visit: Open) -> None:
    async with serving() as real, BitBoot(real.config) as other:
        await other.announce_peer(SWARM, KnownHost("", 7001))
        page = (await visit(real.url, fragment=f"#token={TOKEN}")).page
        await expect(page.locator("#networks h3")).to_have_text("mainline")
        async with real.client.stream("GET", "/v1/watches", params={"swarm": SWARM}) as watch:
            watch.raise_for_status()
            name = page.locator("#swarms h3")
            await expect(name).to_have_text(SWARM)
            await expect(page.locator("#swarms .peers code")).to_have_text("127.0.0.1:7001")
            await expect(page.locator("#activity li")).to_contain_text("127.0.0.1:7001 joined " + SWARM)
            (swarm,) = (await real.ask("/v1/swarms"))["swarms"]
            assert [(one["host"], one["port"]) for one in swarm["peers"]] == [("127.0.0.1", 7001)]

        wish = {"swarm": SWARM, "port": 7002, "lease": 600}
        made = (await real.client.post("/v1/announcements", json=wish)).raise_for_status().json()
        standing = page.locator("#announcements .dot")
        await expect(standing).to_contain_text("stored on")
        (network,) = (await real.ask(f"/v1/announcements/{made['id']}"))["networks"]
        assert f"mainline stored on {network['stored_on']} nodes" in " ".join(
            (await standing.inner_text()).split()
        )
        await expect(page.locator("#announcements")).to_contain_text("Lapses in 10 min")

        await same_contacts(real, page)
        await expect(page.locator("#state")).to_have_text("All is well")
        metrics = (await real.client.get("/metrics")).raise_for_status().text
        assert "bitboot_announcements 1.0\n" in metrics
        assert 'bitboot_announcements_stored_total{kind="first",network="mainline"} 1.0\n' in metrics
        await page.context.close()


async def test_an_hour_of_a_real_daemon_is_drawn(visit: Open) -> None:
    async with serving() as real:
        await real.daemon.bitboot.ready()
        real.daemon.traffic._look()
        (minute,) = (await real.ask("/v1/traffic"))["minutes"]
        (network,) = minute["networks"]
        assert network["sent"] > 0
        page = (await visit(real.url, fragment=f"#token={TOKEN}")).page
        both = network["sent"] + network["received"]
        await expect(page.locator("#figure-traffic")).to_have_text(str(both))
        await expect(page.locator("#traffic .minute")).to_have_count(1)
        await page.context.close()


async def test_a_daemon_that_ends_closes_the_page_s_stream_and_is_said_to_be_gone(visit: Open) -> None:
    async with serving() as real:
        one = await visit(real.url, fragment=f"#token={TOKEN}")
        one.expected = ("ERR_", "Failed to load resource")
        await expect(one.page.locator("#state")).to_have_text("All is well")
    async with asyncio.timeout(20):
        await expect(one.page.locator("#state")).to_have_text("No answer")
    await expect(one.page.locator("#networks h3")).to_have_text("mainline")
