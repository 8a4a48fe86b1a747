"""`bitboot announce`: be found in a swarm until it is stopped."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Sequence
from typing import NoReturn

import click

from ..announcement import Announcement
from ..config import seconds as checked_seconds
from ..errors import BitBootError
from ..model import swarm_key
from .events import Announced, Done, Failed
from .options import Settings, network_options
from .running import run
from .session import Session, open_session


@click.command(short_help="Be found in a swarm, until Ctrl-C.")
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@click.option(
    "--port", metavar="P", type=click.IntRange(1, 65535), required=True, help="Port that peers reach you at."
)
@click.option("--for", "seconds", metavar="SECONDS", type=float, help="Stop after so long, not at Ctrl-C.")
@network_options
def announce(settings: Settings, names: Sequence[str], port: int, seconds: float | None) -> int:
    """Announce this machine in the swarm NAME, or in several, until Ctrl-C; then withdraw.

    Says so whenever a network has stored it: at first, and at each renewal.
    """
    # What makes no sense is told of before anything is opened.
    for name in names:
        swarm_key(name)
    if seconds is not None:
        checked_seconds("--for", seconds)
    began = time.monotonic()
    run(_announce(settings, names, port, seconds))
    for name in dict.fromkeys(names):
        settings.report.tell(Done(swarm=name, seconds=round(time.monotonic() - began, 3)))
    return 0


async def _announce(settings: Settings, names: Sequence[str], port: int, seconds: float | None) -> None:
    async with (
        open_session(settings.config(), settings.report) as session,
        session.bitboot.announce(names, port=port) as announcement,
    ):
        await announcement.announced()
        with contextlib.suppress(TimeoutError):  # the time that `--for` gave is over
            async with asyncio.timeout(seconds):
                await _Follower(session, announcement).follow()


class _Follower:
    """Tells of each success of an announcement, and of each failure, once."""

    def __init__(self, session: Session, announcement: Announcement) -> None:
        self._session, self._announcement = session, announcement
        self._successes: dict[tuple[str, str], int] = {}
        self._errors: dict[tuple[str, str], BitBootError | None] = {}

    async def follow(self) -> NoReturn:
        while True:
            self._session.tell_ready()
            for swarm in self._announcement.swarms:
                self._tell(swarm)
            await self._announcement.changed()

    def _tell(self, swarm: str) -> None:
        report = self._session.report
        for network, status in self._announcement.status_of(swarm).items():
            key = swarm, network
            if status.expires_in is not None and status.successes > self._successes.get(key, 0):
                self._successes[key] = status.successes
                expires_in = round(status.expires_in)
                report.tell(
                    Announced(swarm=swarm, network=network, stored_on=status.stored_on, expires_in=expires_in)
                )
            if status.last_error is not self._errors.get(key):
                self._errors[key] = status.last_error
                if status.last_error is not None:
                    report.tell(Failed.of(status.last_error, network=network))
