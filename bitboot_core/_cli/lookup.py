"""`bitboot lookup`: who is in a swarm, as the answers arrive."""

from __future__ import annotations

import time

import click

from ..model import swarm_key
from .examples import example
from .options import Settings, network_options
from .report.events import Done, Failed, PeerFound
from .report.view import View
from .running import run
from .session import open_session


@click.command(
    short_help="Find the peers of a swarm.", epilog=example("bitboot lookup my-app/v1/lobby --limit 10")
)
@click.argument("name")
@click.option("--limit", metavar="N", type=click.IntRange(min=1), help="Stop after so many peers.")
@network_options
def lookup(settings: Settings, name: str, limit: int | None) -> int:
    """Look up the peers of the swarm NAME, and print each as it arrives."""
    swarm_key(name)  # what makes no sense is told of before anything is opened
    done = run(_lookup(settings, name, limit))
    if done is None:
        settings.report.tell(
            Failed(error="Interrupted", message="stopped before the lookup was done", hint="")
        )
        return 1
    settings.report.tell(done)
    return 0


async def _lookup(settings: Settings, name: str, limit: int | None) -> Done:
    began = time.monotonic()
    config = settings.config(read_only=True)  # gone in a moment, so nobody should rely on this node
    view = View(f"lookup of {name}", is_lookup=True)
    async with open_session(config, settings.report, view) as session:
        left = config.timeout - (time.monotonic() - began)
        async with session.bitboot.find(name, limit=limit, timeout=max(left, 0.001)) as found:
            async for peer in found:
                session.tell_ready()
                session.report.tell(PeerFound.of(name, peer))
        session.tell_ready()
        for network, error in found.failures.items():
            session.report.tell(Failed.of(error, network=network))
        seconds = round(time.monotonic() - began, 3)
    return Done(swarm=name, peers=len(found.peers), seconds=seconds)
