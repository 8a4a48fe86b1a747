"""Finding peers: those of now, or as many as are waited for. `bitboot lookup` and `bitboot run` do it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import click

from .._swarms.keys import SwarmName
from .._swarms.private.secret import SwarmSecret
from .._swarms.watch import PeerJoined
from ..errors import BackendTimeout
from ..model import Peer
from .report.events import Failed, PeerFound
from .report.plain import count
from .session import Session

wait_option = click.option(
    "--wait",
    metavar="N",
    type=click.IntRange(min=1),
    help="Look until N peers are there; fail at --timeout.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is to be found. `wait`: wait for N peers, not only for the answers of now."""

    swarm: SwarmName
    limit: int | None
    wait: int | None
    secret: SwarmSecret | None


async def find(session: Session, wish: Wish, timeout: float) -> tuple[list[Peer], int]:
    """Tell of the peers of a swarm as they arrive, and return them.

    And how many did not prove to be members, in a private swarm that is looked up once.

    Raises what a Lookup raises, and BackendTimeout where fewer than `wish.wait` were there after `timeout`
    seconds.
    """
    if wish.wait is None:
        found = await _now(session, wish, timeout)
    else:
        found = await _wait(session, wish, wish.wait, timeout), 0
    session.tell_ready()
    return found


async def _now(session: Session, wish: Wish, timeout: float) -> tuple[list[Peer], int]:
    """The peers that are there now."""
    lookup = session.bitboot.find(wish.swarm, limit=wish.limit, timeout=timeout, secret=wish.secret)
    async with lookup as found:
        async for peer in found:
            _tell(session, wish, peer)
    for network, error in found.failures.items():
        session.report.tell(Failed.of(error, network=network))
    return found.peers, found.unproved


async def _wait(session: Session, wish: Wish, wanted: int, timeout: float) -> list[Peer]:
    """The peers that come until there are as many as wanted."""
    found: list[Peer] = []
    try:
        async with asyncio.timeout(timeout), session.bitboot.watch(wish.swarm, secret=wish.secret) as events:
            async for event in events:
                if isinstance(event, PeerJoined):
                    found.append(event.peer)
                    _tell(session, wish, event.peer)
                    if len(found) >= wanted:
                        break
    except TimeoutError:
        raise BackendTimeout(
            f"{len(found) or 'none'} of {count(wanted, 'peer')} found after {timeout:.3g} s",
            hint="allow more time with timeout=, or wait for fewer",
        ) from None
    return found


def _tell(session: Session, wish: Wish, peer: Peer) -> None:
    session.tell_ready()
    session.report.tell(PeerFound.of(str(wish.swarm), peer))
