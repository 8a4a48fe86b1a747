"""`bitboot watch` and `bitboot join`: a swarm as it comes and goes, until stopped."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Coroutine
from typing import Any

import click

from ..model import swarm_key
from .examples import example
from .following import follow_announcement, follow_peers, follow_scans
from .options import Settings, check_for, for_option, network_options, port_option
from .report.events import Done
from .report.view import View
from .running import run
from .session import open_session


@click.command(
    short_help="See who joins a swarm and who leaves it, until Ctrl-C.",
    epilog=example("bitboot watch my-app/v1/lobby"),
)
@click.argument("name")
@for_option
@network_options
def watch(settings: Settings, name: str, seconds: float | None) -> int:
    """Watch the swarm NAME until Ctrl-C: print each peer that joins it, and each that has left it.

    A peer has left once it was missed often and for long: a single bad lookup says nothing.
    """
    return _until_stopped(settings, name, seconds, _watch(settings, name, seconds))


@click.command(
    short_help="Be found in a swarm, and see who else is there, until Ctrl-C.",
    epilog=example("bitboot join my-app/v1/lobby --port 6881"),
)
@click.argument("name")
@port_option
@for_option
@network_options
def join(settings: Settings, name: str, port: int, seconds: float | None) -> int:
    """Announce this machine in the swarm NAME and watch it, until Ctrl-C; then withdraw."""
    return _until_stopped(settings, name, seconds, _join(settings, name, port, seconds))


def _until_stopped(
    settings: Settings, name: str, seconds: float | None, work: Coroutine[Any, Any, None]
) -> int:
    with contextlib.closing(work):
        # What makes no sense is told of before anything is opened.
        swarm_key(name)
        check_for(seconds)
        began = time.monotonic()
        run(work)
    settings.report.tell(Done(swarm=name, seconds=round(time.monotonic() - began, 3)))
    return 0


async def _watch(settings: Settings, name: str, seconds: float | None) -> None:
    view = View(f"watching {name}")
    async with (
        open_session(settings.config(), settings.report, view) as session,
        session.bitboot.watch(name) as watch,
    ):
        await _together(seconds, follow_peers(settings.report, watch), follow_scans(session, watch))


async def _join(settings: Settings, name: str, port: int, seconds: float | None) -> None:
    view = View(f"in {name}, at port {port}")
    async with (
        open_session(settings.config(), settings.report, view) as session,
        session.bitboot.join(name, port=port) as swarm,
    ):
        view.announcement = swarm.announcement
        await swarm.announced()
        await _together(
            seconds,
            follow_announcement(session, swarm.announcement),
            follow_peers(settings.report, swarm),
            follow_scans(session, swarm.watch),
        )


async def _together(seconds: float | None, *work: Coroutine[Any, Any, None]) -> None:
    """Do all this side by side, no longer than `seconds`."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds), asyncio.TaskGroup() as group:
            for one in work:
                group.create_task(one)
