"""Telling of what goes on in an announcement and in a watch, for as long as they last."""

from __future__ import annotations

from typing import NoReturn

from .._networks.per_network import one_error
from .._swarms.announcement import Announcement
from .._swarms.ports.mapping import PortMapping
from .._swarms.records import AnnouncementStatus
from .._swarms.swarm import Swarm
from .._swarms.watch import PeerJoined, Watch
from ..errors import BitBootError, UsageError
from .peer_commands import PeerCommands
from .report.events import Announced, Failed, Joined, Left
from .report.reach import PortMapped
from .session import Session


async def follow_announcement(session: Session, announcement: Announcement) -> NoReturn:
    """Tell of each success, and of each failure.

    Raises where a swarm can be announced on none of the networks, so that no later attempt can succeed.
    """
    successes: dict[tuple[str, str], int] = {}
    errors: dict[tuple[str, str], BitBootError | None] = {}
    while True:
        session.tell_ready()
        for swarm in announcement.swarms:
            statuses = announcement.status_of(swarm)
            final = {
                name: one.last_error
                for name, one in statuses.items()
                if one.last_error is not None and _is_final(one)
            }
            if final and len(final) == len(statuses):
                raise one_error(final, f"announcing in {swarm}")
            for network, status in statuses.items():
                key = str(swarm), network
                if status.expires_in is not None and status.successes > successes.get(key, 0):
                    successes[key] = status.successes
                    session.forget_failure(network)
                    session.report.tell(
                        Announced(
                            swarm=str(swarm),
                            network=network,
                            stored_on=status.stored_on,
                            expires_in=round(status.expires_in),
                            could_store=status.could_store if status.is_meagre else None,
                        )
                    )
                if status.last_error is not errors.get(key):
                    errors[key] = status.last_error
                    if status.last_error is not None:
                        session.tell_failure(network, status.last_error)
        await announcement.changed()


def _is_final(status: AnnouncementStatus) -> bool:
    """Whether it failed for good: what is wrong with the request will be wrong the next time."""
    return isinstance(status.last_error, UsageError) and not status.stored_on and status.next_try is None


async def follow_mapping(session: Session, mapping: PortMapping | None) -> None:
    """Tell where the router has opened a port, at first and whenever that changes, and why it has not."""
    told: tuple[object, str] | None = None
    while mapping is not None:
        now = mapping.external, str(mapping.error)
        if now != told and (now[0] is not None or mapping.error is not None):
            told = now
            if mapping.external is not None:
                session.report.tell(PortMapped.of(mapping))
            if mapping.error is not None:
                session.report.tell(Failed.of(mapping.error))
        await mapping.changed()


async def follow_peers(session: Session, events: Watch | Swarm, commands: PeerCommands | None = None) -> None:
    """Tell who joins and who has left, and run the user's commands, until the watch is closed."""
    async for event in events:
        kind = Joined if isinstance(event, PeerJoined) else Left
        told = kind.of(str(event.swarm), event.peer)
        session.tell_ready()
        session.report.tell(told)
        if commands is not None:
            await commands.run(told, session.report)


async def follow_scans(session: Session, watch: Watch) -> NoReturn:
    """Tell of scans that fail: once, until they fail for another reason or again after a success."""
    while True:
        session.tell_ready()
        failures = dict(watch.failures)
        for network in watch.scans:
            if network in failures:
                session.tell_failure(network, failures[network])
            elif watch.scans[network]:
                session.forget_failure(network)
        await watch.scanned()
