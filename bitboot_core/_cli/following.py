"""Telling of what goes on in an announcement and in a watch, for as long as they last."""

from __future__ import annotations

from typing import NoReturn

from .._swarms.announcement import Announcement
from .._swarms.swarm import Swarm
from .._swarms.watch import PeerJoined, Watch
from ..errors import BitBootError
from .report.events import Announced, Failed, Joined, Left
from .report.report import Report
from .session import Session


async def follow_announcement(session: Session, announcement: Announcement) -> NoReturn:
    """Tell of each success, and of each failure."""
    successes: dict[tuple[str, str], int] = {}
    errors: dict[tuple[str, str], BitBootError | None] = {}
    while True:
        session.tell_ready()
        for swarm in announcement.swarms:
            for network, status in announcement.status_of(swarm).items():
                key = swarm, network
                if status.expires_in is not None and status.successes > successes.get(key, 0):
                    successes[key] = status.successes
                    session.report.tell(
                        Announced(
                            swarm=swarm,
                            network=network,
                            stored_on=status.stored_on,
                            expires_in=round(status.expires_in),
                        )
                    )
                if status.last_error is not errors.get(key):
                    errors[key] = status.last_error
                    if status.last_error is not None:
                        session.report.tell(Failed.of(status.last_error, network=network))
        await announcement.changed()


async def follow_peers(report: Report, events: Watch | Swarm) -> None:
    """Tell who joins and who has left, until the watch is closed."""
    async for event in events:
        kind = Joined if isinstance(event, PeerJoined) else Left
        report.tell(kind.of(event.swarm, event.peer))


async def follow_scans(session: Session, watch: Watch) -> NoReturn:
    """Tell of scans that fail: once, until they fail for another reason or again after a success."""
    told: dict[str, str] = {}
    while True:
        session.tell_ready()
        failures = dict(watch.failures)
        for network, error in failures.items():
            if told.get(network) != str(error):
                session.report.tell(Failed.of(error, network=network))
        told = {network: str(error) for network, error in failures.items()}
        await watch.scanned()
