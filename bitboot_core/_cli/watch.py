"""`bitboot watch` and `bitboot join`: swarms as they come and go, until stopped."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Coroutine, Sequence
from contextlib import AsyncExitStack
from typing import Any

import click

from .._swarms.keys import swarm_key
from .._swarms.watch import Watch
from .examples import example
from .following import follow_announcement, follow_peers, follow_scans
from .options import Settings, Stay, network_options, port_option, stay_options
from .peer_commands import PeerCommands, peer_command_options
from .report.events import Done
from .report.view import View
from .running import run
from .session import Session, open_session
from .staying import announced, follow_networks, in_touch, together


@click.command(
    short_help="See who joins a swarm and who leaves it, until Ctrl-C.",
    epilog=example(
        "bitboot watch my-app/v1/lobby", "bitboot watch my-app/v1/lobby --on-join 'notify-send joined'"
    ),
)
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@peer_command_options
@stay_options
@network_options
def watch(settings: Settings, stay: Stay, names: Sequence[str], commands: PeerCommands) -> int:
    """Watch the swarm NAME, or several, until Ctrl-C: print each peer that joins, and each that has left.

    A peer has left once it was missed often and for long: a single bad lookup says nothing. Where no
    network can be reached it says why, and goes on trying.
    """
    return _until_stopped(settings, names, _watch(settings, stay, _each_once(names), commands))


@click.command(
    short_help="Be found in a swarm, and see who else is there, until Ctrl-C.",
    epilog=example("bitboot join my-app/v1/lobby --port 6881"),
)
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@port_option
@peer_command_options
@stay_options
@network_options
def join(settings: Settings, stay: Stay, names: Sequence[str], port: int, commands: PeerCommands) -> int:
    """Announce this machine in the swarm NAME, or in several, and watch them, until Ctrl-C; then withdraw.

    Where no network can be reached it says why, and goes on trying.
    """
    return _until_stopped(settings, names, _join(settings, stay, _each_once(names), port, commands))


def _each_once(names: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(names))


def _until_stopped(settings: Settings, names: Sequence[str], work: Coroutine[Any, Any, None]) -> int:
    with contextlib.closing(work):
        for name in names:  # what makes no sense is told of before anything is opened
            swarm_key(name)
        began = time.monotonic()
        run(work)
    for name in _each_once(names):
        settings.report.tell(Done(swarm=name, seconds=round(time.monotonic() - began, 3)))
    return 0


async def _watch(settings: Settings, stay: Stay, names: Sequence[str], commands: PeerCommands) -> None:
    view = View(f"watching {', '.join(names)}")
    async with (
        open_session(settings.config(), settings.report, view, wait=False) as session,
        AsyncExitStack() as stack,
    ):
        watches = [await stack.enter_async_context(session.bitboot.watch(name)) for name in names]
        await together(
            stay.seconds,
            follow_networks(session),
            in_touch(session, stay.give_up),
            *_followed(session, watches, commands),
        )


async def _join(
    settings: Settings, stay: Stay, names: Sequence[str], port: int, commands: PeerCommands
) -> None:
    view = View(f"in {', '.join(names)}, at port {port}")
    async with (
        open_session(settings.config(), settings.report, view, wait=False) as session,
        session.bitboot.announce(names, port=port) as announcement,
        AsyncExitStack() as stack,
    ):
        view.announcement = announcement
        watches = [await stack.enter_async_context(session.bitboot.watch(name)) for name in names]
        await together(
            stay.seconds,
            follow_networks(session),
            follow_announcement(session, announcement),
            announced(announcement, stay.give_up),
            *_followed(session, watches, commands),
        )


def _followed(
    session: Session, watches: Sequence[Watch], commands: PeerCommands
) -> list[Coroutine[Any, Any, None]]:
    return [
        work
        for watch in watches
        for work in (follow_peers(session.report, watch, commands), follow_scans(session, watch))
    ]
