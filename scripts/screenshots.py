"""Draw docs/images anew: the command line's live views, at work on a DHT of this machine alone.

    python scripts/screenshots.py [FOLDER]

Needs bitboot-core[btdht,cli]. What is drawn is what a terminal shows: the same views, of a real swarm.
"""

from __future__ import annotations

import asyncio
import io
import os
import re
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from bitboot_btdht.testnet import Testnet
from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console

from bitboot_core import BitBoot, BitBootConfig, ConfigFile, KnownHost, default_registry
from bitboot_core._cli.checkup.checkup import Checkup
from bitboot_core._cli.demo import NODES, show, suggest_next
from bitboot_core._cli.following import follow_peers
from bitboot_core._cli.options import Settings
from bitboot_core._cli.report.demo_drawing import DemoDrawing
from bitboot_core._cli.report.demo_view import DemoView
from bitboot_core._cli.report.drawing import Drawing
from bitboot_core._cli.report.events import Done, PeerFound, Started
from bitboot_core._cli.report.terminal import TerminalReport
from bitboot_core._cli.report.view import View
from bitboot_core._cli.session import open_session

IMAGES = Path(__file__).resolve().parents[1] / "docs" / "images"
WIDTH, HEIGHT = 104, 40
SWARM = "my-app/v1/lobby"
PORTS = (50001, 50002, 50003, 50004)

# Without the web font that it would load from elsewhere: a picture in a README loads nothing.
SVG = re.sub(r"\s*@font-face \{\{.*?\}\}", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL).replace(
    "Fira Code, monospace", "Menlo, Consolas, DejaVu Sans Mono, monospace"
)


@asynccontextmanager
async def swarm(contacts: Sequence[KnownHost]) -> AsyncIterator[BitBootConfig]:
    """Peers that are announced on a testnet; gives the settings of somebody who joins it."""
    config = BitBootConfig(bootstrap=contacts, listen="127.0.0.1:0", state_dir=False)
    async with AsyncExitStack() as stack:
        for port in PORTS:
            bitboot = await stack.enter_async_context(BitBoot(config))
            await bitboot.announce_peer(SWARM, KnownHost("", port))
        yield config


Scene = Callable[[Console, BitBootConfig], Awaitable[None]]


async def demo(console: Console, config: BitBootConfig) -> None:
    """`bitboot demo`, done, on the testnet that all pictures share."""
    report = _Final(console)
    report.tell(Started(network="mainline", nodes=NODES))
    report.tell(await show("btdht", config.bootstrap or [], report))
    suggest_next(report, ".venv/bin/bitboot")


async def lookup(console: Console, config: BitBootConfig) -> None:
    """`bitboot lookup`, done."""
    began = time.monotonic()
    view = View(f"lookup of {SWARM}", is_lookup=True)
    async with open_session(config, _Showing(view)) as session, session.bitboot.find(SWARM) as found:
        async for peer in found:
            view.note(PeerFound.of(SWARM, peer))
        view.look(session.bitboot)
        console.print(Drawing(view).draw(WIDTH, HEIGHT, final=True))
    seconds = round(time.monotonic() - began, 3)
    TerminalReport(console).tell(Done(swarm=SWARM, peers=len(found.peers), seconds=seconds))


async def join(console: Console, config: BitBootConfig) -> None:
    """`bitboot join`, once it has found everybody."""
    view = View(f"in {SWARM}, at port 50000")
    report = _Showing(view)
    async with (
        open_session(config, report) as session,
        session.bitboot.join(SWARM, port=50000) as joined,
    ):
        view.announcement = joined.announcement
        await joined.announced()
        following = asyncio.create_task(follow_peers(session, joined))
        while len(view.peers) <= len(PORTS):
            await joined.watch.scanned()
            await asyncio.sleep(0)
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        view.look(session.bitboot)
        console.print(Drawing(view).draw(WIDTH, HEIGHT))


async def doctor(console: Console, config: BitBootConfig) -> None:
    """`bitboot doctor`, with one contact that is dead."""
    began = time.monotonic()
    report = TerminalReport(console)
    checkup = Checkup(report, default_registry())
    settings = Settings(
        networks=(),
        backend=None,
        bootstrap=(),
        listen=None,
        timeout=None,
        config_file=None,
        as_json=False,
    )
    vars(settings)["file"] = ConfigFile()  # not the user's own
    contacts = [*(config.bootstrap or [])[:1], "127.0.0.1:9"]
    await checkup.run(settings, BitBootConfig(bootstrap=contacts, listen="127.0.0.1:0", timeout=4))
    report.tell(checkup.verdict(time.monotonic() - began))


class _Showing(TerminalReport):
    """Has the view take in what it is told of."""

    def __init__(self, view: View) -> None:
        super().__init__(Console(file=io.StringIO()))
        self._view = view


class _Final(TerminalReport):
    """Shows a view once, as it is in the end."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._console = console

    @asynccontextmanager
    async def showing(self, view: View, bitboot: BitBoot) -> AsyncIterator[None]:
        assert isinstance(view, DemoView)
        self._view = view
        yield
        self._view = None
        self._console.print(DemoDrawing(view).draw(WIDTH, HEIGHT, final=True))


SCENES: dict[str, Scene] = {"demo": demo, "lookup": lookup, "join": join, "doctor": doctor}
TITLES = {
    "demo": "python3 scripts/demo.py",
    "lookup": f"bitboot lookup {SWARM}",
    "join": f"bitboot join {SWARM} --port 50000",
    "doctor": "bitboot doctor",
}


async def draw() -> dict[str, str]:
    """All scenes as SVG, by name."""
    drawn: dict[str, str] = {}
    async with Testnet(16) as testnet, swarm(testnet.bootstrap) as config:
        for name, scene in SCENES.items():
            console = Console(
                record=True,
                width=WIDTH,
                height=HEIGHT,
                file=io.StringIO(),
                force_terminal=True,
                color_system="truecolor",
                highlight=False,
            )
            await scene(console, config)
            drawn[name] = console.export_svg(title=TITLES[name], code_format=SVG, unique_id=f"bitboot-{name}")
    return drawn


def main(folder: Path) -> None:
    """Draw them into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bitboot-") as state:
        os.environ["BITBOOT_STATE_DIR"] = state
        os.environ.pop("NO_COLOR", None)
        for name, svg in asyncio.run(draw()).items():
            (folder / f"{name}.svg").write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else IMAGES)
