"""A browser for the tests of the page: Debian's Chromium, driven by Playwright."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio

from .double import Double

try:
    from playwright.async_api import Browser, Page, async_playwright
except ImportError:
    async_playwright = None

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

WITHOUT_A_BROWSER = "the page of bitboot serve was NOT TESTED IN A BROWSER"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    """One for all tests of a file. It reaches loopback alone: there is no host that it can resolve."""
    if async_playwright is None:
        pytest.skip(f"{WITHOUT_A_BROWSER}: playwright is not installed")
    if CHROMIUM is None:
        pytest.skip(f"{WITHOUT_A_BROWSER}: chromium is not installed")
    # Chromium's sandbox does not start for root, as in containers.
    root = ["--no-sandbox"] if getattr(os, "geteuid", lambda: 1)() == 0 else []
    arguments = [*root, "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        await browser.close()


class Visit:
    """A page that is open, and what it did that it should not."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.expected: tuple[str, ...] = ()
        """What complaints may hold: for tests that provoke them."""
        self._url = url
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("dialog", lambda dialog: self.complaints.append(f"a dialog: {dialog.message}"))

    def _hear(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def check(self) -> None:
        """No error, no breach of the policy, no request to anywhere else."""
        unexpected = [one for one in self.complaints if not any(part in one for part in self.expected)]
        assert unexpected == []
        assert [url for url in self.requests if not url.startswith(self._url)] == []

    async def overflow(self) -> int:
        """By how many pixels the page is wider than the window."""
        return int(await self.page.evaluate("document.documentElement.scrollWidth - innerWidth"))


Open = Callable[..., Awaitable[Visit]]


@pytest_asyncio.fixture(loop_scope="module")
async def double() -> AsyncIterator[Double]:
    """A double of a daemon that has something to tell."""
    async with Double() as double:
        yield double


@pytest_asyncio.fixture(loop_scope="module")
async def visit(browser: Browser, double: Double) -> AsyncIterator[Open]:
    """Opens the page of a daemon at a URL, and closes it before the double. What it does wrong fails."""
    visits: list[Visit] = []

    async def open_page(
        url: str,
        *,
        width: int = 1280,
        height: int = 900,
        fragment: str = "",
        clock: bool = False,
        **options: Any,
    ) -> Visit:
        context = await browser.new_context(viewport={"width": width, "height": height}, **options)
        page = await context.new_page()
        page.set_default_timeout(20_000)
        if clock:
            await page.clock.install()
        visits.append(Visit(page, url))
        await page.goto(url + fragment)
        return visits[-1]

    yield open_page
    for one in visits:
        await one.page.context.close()
    for one in visits:
        one.check()
