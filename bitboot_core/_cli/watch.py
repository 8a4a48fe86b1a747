"""`bitboot watch` and `bitboot join`: swarms as they come and go, until stopped."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Coroutine, Sequence
from contextlib import AsyncExitStack
from typing import Any

import click

from .._swarms.keys import SwarmName
from .._swarms.private.secret import SwarmSecret
from .._swarms.watch import Watch
from .following import follow_announcement, follow_mapping, follow_peers, follow_scans
from .help import Command, example
from .options import Settings, Stay, map_port_option, network_options, port_option, stay_options
from .peer_commands import PeerCommands, peer_command_options
from .report.events import Done
from .report.view import View
from .running import run
from .session import Session, open_session
from .staying import announced, first_attempts, first_scans, follow_networks, in_touch, together
from .swarm_arguments import swarms_argument


@click.command(
    cls=Command,
    short_help="See who joins a swarm and who leaves it, until Ctrl-C.",
    epilog=example(
        "bitboot watch my-app/v1/lobby", "bitboot watch my-app/v1/lobby --on-join 'notify-send joined'"
    ),
)
@swarms_argument
@peer_command_options
@stay_options
@network_options
def watch(
    settings: Settings,
    stay: Stay,
    *,
    swarms: Sequence[SwarmName],
    commands: PeerCommands,
    secret: SwarmSecret | None,
) -> int:
    """Watch the swarm NAME, or several, until Ctrl-C: print each peer that joins, and each that has left.

    A peer has left once it was missed often and for long: a single bad lookup says nothing. Where no
    network can be reached it says why, and goes on trying.
    """
    return _until_stopped(settings, swarms, _watch(settings, stay, swarms, commands, secret))


@click.command(
    cls=Command,
    short_help="Be found in a swarm, and see who else is there, until Ctrl-C.",
    epilog=example("bitboot join my-app/v1/lobby --port 6881"),
)
@swarms_argument
@port_option
@map_port_option
@peer_command_options
@stay_options
@network_options
def join(
    settings: Settings,
    stay: Stay,
    *,
    swarms: Sequence[SwarmName],
    port: int,
    map_port: bool,
    commands: PeerCommands,
    secret: SwarmSecret | None,
) -> int:
    """Announce this machine in the swarm NAME, or in several, and watch them, until Ctrl-C; then withdraw.

    Where no network can be reached it says why, and goes on trying.
    """
    return _until_stopped(
        settings,
        swarms,
        _join(settings, stay, swarms, commands, port=port, map_port=map_port, secret=secret),
    )


def _until_stopped(settings: Settings, swarms: Sequence[SwarmName], work: Coroutine[Any, Any, None]) -> int:
    with contextlib.closing(work):
        began = time.monotonic()
        run(work)
    for swarm in swarms:
        settings.report.tell(Done(swarm=str(swarm), seconds=round(time.monotonic() - began, 3)))
    return 0


async def _watch(
    settings: Settings,
    stay: Stay,
    swarms: Sequence[SwarmName],
    commands: PeerCommands,
    secret: SwarmSecret | None,
) -> None:
    view = View(f"watching {', '.join(map(str, swarms))}")
    async with (
        open_session(settings.config(), settings.report, view, wait=False) as session,
        AsyncExitStack() as stack,
    ):
        watches = [
            await stack.enter_async_context(session.bitboot.watch(swarm, secret=secret)) for swarm in swarms
        ]
        await together(
            stay.seconds,
            lambda: first_scans(watches),
            follow_networks(session),
            in_touch(session, stay.give_up),
            *_followed(session, watches, commands),
        )


async def _join(
    settings: Settings,
    stay: Stay,
    swarms: Sequence[SwarmName],
    commands: PeerCommands,
    *,
    port: int,
    map_port: bool,
    secret: SwarmSecret | None,
) -> None:
    view = View(f"in {', '.join(map(str, swarms))}, at port {port}")
    async with (
        open_session(settings.config(), settings.report, view, wait=False) as session,
        session.bitboot.announce(swarms, port=port, map_port=map_port, secret=secret) as announcement,
        AsyncExitStack() as stack,
    ):
        view.announcement = announcement
        watches = [
            await stack.enter_async_context(session.bitboot.watch(swarm, secret=secret)) for swarm in swarms
        ]
        await together(
            stay.seconds,
            lambda: first_attempts(announcement),
            follow_networks(session),
            follow_announcement(session, announcement),
            follow_mapping(session, announcement.mapping),
            announced(announcement, stay.give_up),
            *_followed(session, watches, commands),
        )


def _followed(
    session: Session, watches: Sequence[Watch], commands: PeerCommands
) -> list[Coroutine[Any, Any, None]]:
    return [
        work
        for watch in watches
        for work in (follow_peers(session, watch, commands), follow_scans(session, watch))
    ]
