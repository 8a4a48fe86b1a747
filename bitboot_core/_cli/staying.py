"""Commands that stay until they are stopped: they wait for a network for ever, and say why they wait."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, NoReturn

from .._swarms.announcement import Announcement
from .._swarms.watch import Watch
from ..errors import AnnounceFailed, BitBootError, BootstrapFailed
from .session import Session

_GAVE_UP = "`bitboot doctor` looks for the cause; without --give-up it keeps trying"

LOOK_EVERY = 1.0
"""Seconds between looks at how the networks are doing."""


async def follow_networks(session: Session) -> NoReturn:
    """Tell of each network that gets in touch, and of each that does not: why, once for each reason."""
    while True:
        session.tell_networks()
        await asyncio.sleep(LOOK_EVERY)


async def in_touch(session: Session, give_up: float | None) -> None:
    """Wait until a network is in touch. Raises BootstrapFailed after `give_up` seconds, None for never."""
    try:
        async with asyncio.timeout(give_up):
            while True:
                try:
                    await session.bitboot.ready()
                except BitBootError:  # which `follow_networks` tells; some are known at once
                    await asyncio.sleep(LOOK_EVERY)
                else:
                    return
    except TimeoutError:
        session.tell_networks()
        raise BootstrapFailed(f"no network was in touch after {give_up:g} s", hint=_GAVE_UP) from None


async def announced(announcement: Announcement, give_up: float | None) -> None:
    """Wait until it is stored, however often that fails.

    Raises AnnounceFailed after `give_up` seconds, None for never.
    """
    try:
        async with asyncio.timeout(give_up):
            while True:
                try:
                    await announcement.announced()
                except BitBootError:  # which `follow_announcement` tells
                    await announcement.changed()
                else:
                    return
    except TimeoutError:
        raise AnnounceFailed(f"not announced after {give_up:g} s", hint=_GAVE_UP) from None


async def first_attempts(announcement: Announcement) -> None:
    """Wait until each swarm was announced once on each network, well or not."""
    while any(
        not status.successes and status.last_error is None
        for swarm in announcement.swarms
        for status in announcement.status_of(swarm).values()
    ):
        await announcement.changed()


async def first_scans(watches: Sequence[Watch]) -> None:
    """Wait until each swarm was looked up once on each network, well or not."""
    for watch in watches:
        while not all(watch.scans.values()):
            await watch.scanned()


async def together(
    seconds: float | None, first: Callable[[], Coroutine[Any, Any, None]], *work: Coroutine[Any, Any, None]
) -> None:
    """Do all this side by side, for `seconds` (None: until we are cancelled), and until `first` is done."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one) for one in work]
        if seconds is not None:
            await asyncio.sleep(seconds)
            await first()
            # Who follows what `first` waited for has been woken by it too: let them tell of it.
            await asyncio.sleep(0)
            for task in tasks:
                task.cancel()
