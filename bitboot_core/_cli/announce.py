"""`bitboot announce`: be found in a swarm until it is stopped."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Sequence

import click

from ..model import swarm_key
from .examples import example
from .following import follow_announcement
from .options import Settings, check_for, for_option, network_options, port_option
from .report.events import Done
from .report.view import View
from .running import run
from .session import open_session


@click.command(
    short_help="Be found in a swarm, until Ctrl-C.",
    epilog=example("bitboot announce my-app/v1/lobby --port 6881"),
)
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@port_option
@for_option
@network_options
def announce(settings: Settings, names: Sequence[str], port: int, seconds: float | None) -> int:
    """Announce this machine in the swarm NAME, or in several, until Ctrl-C; then withdraw.

    Says so whenever a network has stored it: at first, and at each renewal.
    """
    # What makes no sense is told of before anything is opened.
    for name in names:
        swarm_key(name)
    check_for(seconds)
    began = time.monotonic()
    run(_announce(settings, names, port, seconds))
    for name in dict.fromkeys(names):
        settings.report.tell(Done(swarm=name, seconds=round(time.monotonic() - began, 3)))
    return 0


async def _announce(settings: Settings, names: Sequence[str], port: int, seconds: float | None) -> None:
    view = View(f"announcing port {port} in {', '.join(names)}", lists_peers=False)
    async with (
        open_session(settings.config(), settings.report, view) as session,
        session.bitboot.announce(names, port=port) as announcement,
    ):
        view.announcement = announcement
        await announcement.announced()
        with contextlib.suppress(TimeoutError):  # the time that `--for` gave is over
            async with asyncio.timeout(seconds):
                await follow_announcement(session, announcement)
