"""Draw docs/images of the page of bitboot serve anew: light and dark, and as narrow as a phone.

    python -m plugins.bitboot_serve.tests.page.screenshots [FOLDER]

From the root of the repository. Needs bitboot-serve, playwright, pillow, and a Chromium of the system. The
page shows what its tests have it show: peers at addresses that belong to nobody (RFC 5737).
"""

from __future__ import annotations

import asyncio
import io
import shutil
import sys
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.async_api import Browser, async_playwright

from .answers import peer
from .double import Double

IMAGES = Path(__file__).resolve().parents[4] / "docs" / "images"

COLOURS = 160
"""As many as a picture keeps: a third of the bytes, and the same to the eye."""

PICTURES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("page-light", {"viewport": {"width": 1280, "height": 1400}, "color_scheme": "light"}),
    ("page-dark", {"viewport": {"width": 1280, "height": 1400}, "color_scheme": "dark"}),
    ("page-narrow", {"viewport": {"width": 360, "height": 900}, "color_scheme": "light"}),
)


async def picture(browser: Browser, double: Double, options: dict[str, Any]) -> bytes:
    """The page as it looks with these options, once somebody has come and somebody has gone."""
    context = await browser.new_context(**options)
    page = await context.new_page()
    await page.goto(double.url)
    await page.wait_for_selector("#routing circle.contact")
    await double.listening.wait()
    for number, kind in ((12, "peer-joined"), (40, "peer-joined"), (40, "peer-left"), (7, "peer-joined")):
        double.tell(kind, {"swarm": "my-app/v1/lobby", **peer(number)})
    await page.wait_for_selector("#activity li:nth-child(4)")
    image: bytes = await page.screenshot()
    await context.close()
    return image


async def main(folder: Path) -> None:
    """All of them."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        sys.exit("no Chromium is installed")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for name, options in PICTURES:
            async with Double() as double:
                image = Image.open(io.BytesIO(await picture(browser, double, options))).convert("RGB")
            fewer = image.quantize(COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
            fewer.save(folder / f"{name}.png", optimize=True)
        await browser.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]) if sys.argv[1:] else IMAGES))
