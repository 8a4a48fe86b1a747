"""`bitboot announce`: be found in a swarm until it is stopped."""

from __future__ import annotations

import time
from collections.abc import Sequence

import click

from .._swarms.keys import SwarmName
from .._swarms.private.secret import SwarmSecret
from .following import follow_announcement, follow_mapping
from .help import Command, example
from .options import Settings, Stay, map_port_option, network_options, port_option, stay_options
from .report.events import Done
from .report.view import View
from .running import run
from .session import open_session
from .staying import announced, first_attempts, follow_networks, together
from .swarm_arguments import swarms_argument


@click.command(
    cls=Command,
    short_help="Be found in a swarm, until Ctrl-C.",
    epilog=example("bitboot announce my-app/v1/lobby --port 6881"),
)
@swarms_argument
@port_option
@map_port_option
@stay_options
@network_options
def announce(
    settings: Settings,
    stay: Stay,
    *,
    swarms: Sequence[SwarmName],
    port: int,
    map_port: bool,
    secret: SwarmSecret | None,
) -> int:
    """Announce this machine in the swarm NAME, or in several, until Ctrl-C; then withdraw.

    Says so whenever a network has stored it: at first, and at each renewal. Where no network can be
    reached it says why, and goes on trying.
    """
    began = time.monotonic()
    run(_announce(settings, stay, swarms, port, map_port=map_port, secret=secret))
    for swarm in swarms:
        settings.report.tell(Done(swarm=str(swarm), seconds=round(time.monotonic() - began, 3)))
    return 0


async def _announce(
    settings: Settings,
    stay: Stay,
    swarms: Sequence[SwarmName],
    port: int,
    *,
    map_port: bool,
    secret: SwarmSecret | None,
) -> None:
    view = View(f"announcing port {port} in {', '.join(map(str, swarms))}", lists_peers=False)
    async with (
        open_session(settings.config(), settings.report, view, wait=False) as session,
        session.bitboot.announce(swarms, port=port, map_port=map_port, secret=secret) as announcement,
    ):
        view.announcement = announcement
        await together(
            stay.seconds,
            lambda: first_attempts(announcement),
            follow_networks(session),
            follow_announcement(session, announcement),
            follow_mapping(session, announcement.mapping),
            announced(announcement, stay.give_up),
        )
