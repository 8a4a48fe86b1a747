"""`bitboot run`: a program with the peers of a swarm in its environment."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack

import click

from .._swarms.keys import SwarmName
from .._swarms.private.secret import SwarmSecret
from ..errors import UsageError
from ..model import Peer
from .children import exit_status
from .finding import Wish, find, wait_option
from .help import Command, example
from .options import Settings, checked_port, map_port_option, network_options
from .report.events import PeerFound
from .report.report import PeersReport
from .running import run as run_until_stopped
from .session import open_session
from .statuses import NOBODY
from .swarm_arguments import swarm_and_words

LAST_CHANCE = 5.0
"""Seconds that the program gets to end once we are told to."""


@click.command(
    cls=Command,
    short_help="Start a program with a swarm's peers in its environment.",
    epilog=example(
        "bitboot run my-app/v1/lobby --port 6881 -- python node.py",
        "bitboot run my-app/v1/lobby --wait 3 -- sh -c 'echo $BITBOOT_PEERS'",
    ),
)
@swarm_and_words
@click.option(
    "--port", metavar="P", type=int, callback=checked_port, help="Be found at port P while CMD runs."
)
@map_port_option
@click.option("--limit", metavar="N", type=click.IntRange(min=1), help="Look for no more than N peers.")
@wait_option
@click.option("--fail-empty", is_flag=True, help="If nobody is found, exit with status 3 at once.")
@network_options
def run(
    settings: Settings,
    *,
    swarm: SwarmName,
    words: Sequence[str],
    port: int | None,
    map_port: bool,
    limit: int | None,
    wait: int | None,
    fail_empty: bool,
    secret: SwarmSecret | None,
) -> int:
    """Look up the swarm NAME, then start CMD with the peers in its environment; exit with CMD's status.

    BITBOOT_PEERS holds all of them, separated by spaces; BITBOOT_PEER, BITBOOT_HOST and BITBOOT_PORT the
    first one; BITBOOT_SWARM the name. With --port this machine is announced in the swarm until CMD ends.
    """
    if not words:
        raise UsageError("no program was named", hint="write it after the name: bitboot run NAME -- CMD")
    if map_port and port is None:
        raise UsageError("--map-port needs a port to open", hint="give it with --port")
    wish = Wish(swarm=swarm, limit=limit, wait=wait, secret=secret)
    status = run_until_stopped(_run(settings, wish, words, port, map_port=map_port, fail_empty=fail_empty))
    return 1 if status is None else status


async def _run(
    settings: Settings,
    wish: Wish,
    command: Sequence[str],
    port: int | None,
    *,
    map_port: bool,
    fail_empty: bool,
) -> int:
    began = time.monotonic()
    config = settings.config(read_only=port is None)
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(open_session(config, _ErrorsOnly()))
        if port is not None:
            await stack.enter_async_context(
                session.bitboot.announce(wish.swarm, port=port, map_port=map_port, secret=wish.secret)
            )
        left = config.timeout - (time.monotonic() - began)
        peers, _ = await find(session, wish, max(left, 0.001))
        if fail_empty and not peers:
            return NOBODY
        if port is None:
            await stack.aclose()  # nothing is needed any more
        return await exit_status(
            command, os.environ | _environment(str(wish.swarm), peers), last_chance=LAST_CHANCE
        )


def _environment(swarm: str, peers: Sequence[Peer]) -> dict[str, str]:
    """What the program is told of the swarm."""
    events = [PeerFound.of(swarm, peer) for peer in peers]
    found = {"BITBOOT_SWARM": swarm, "BITBOOT_PEERS": " ".join(event.endpoint for event in events)}
    return found | (events[0].environment() if events else {})


class _ErrorsOnly(PeersReport):
    """Stdout is the program's."""

    def tell_peer(self, peer: PeerFound) -> None:
        """The program is told."""
