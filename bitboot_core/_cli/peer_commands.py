"""Commands of the user's that are run when a peer joins or leaves: `--on-join CMD --on-leave CMD`."""

from __future__ import annotations

import asyncio
import functools
import os
import shlex
import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click

from ..errors import UsageError
from .children import ProgramFailed, exit_status
from .report.events import Failed, Joined, Left
from .report.report import Report

F = TypeVar("F", bound=Callable[..., Any])

LAST_CHANCE = 1.0
"""Seconds that a command gets to end, once it has been told to."""


class PeerCommands:
    """What to run when a peer joins, and when one leaves: each one at a time, in the order of the events."""

    def __init__(self, on_join: str | None, on_leave: str | None) -> None:
        """Raises UsageError where a command cannot be read."""
        self._join = _words("--on-join", on_join)
        self._leave = _words("--on-leave", on_leave)

        self._turn = asyncio.Lock()

    async def run(self, event: Joined | Left, report: Report) -> None:
        """Run what is to be run for this event, and return once it has ended. Tells of what fails.

        A swarm that changes faster than the commands run waits for them, so nothing piles up.
        """
        words = self._join if isinstance(event, Joined) else self._leave
        if words:
            async with self._turn:
                try:
                    await _run(words, event)
                except ProgramFailed as error:
                    report.tell(Failed.of(error))


def peer_command_options(command: F) -> F:
    """Give `command` the options; it gets them as `commands`, a `PeerCommands`."""

    @click.option(
        "--on-join", metavar="CMD", help="Run CMD for each peer that joins (see docs/command-line.md)."
    )
    @click.option("--on-leave", metavar="CMD", help="Run CMD for each peer that has left.")
    @functools.wraps(command)
    def with_commands(*arguments: Any, on_join: str | None, on_leave: str | None, **options: Any) -> Any:
        return command(*arguments, commands=PeerCommands(on_join, on_leave), **options)

    decorated: Any = with_commands
    return decorated  # type: ignore[no-any-return]


async def _run(words: list[str], event: Joined | Left) -> None:
    status = await exit_status(
        words,
        os.environ | event.environment(),
        last_chance=LAST_CHANCE,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=sys.stderr.fileno() if _has_file(sys.stderr) else None,  # stdout is for our own events
    )
    if status:
        raise ProgramFailed(f"{words[0]} ended with exit status {status}, for {event.name} {event.endpoint}")


def _has_file(stream: Any) -> bool:
    try:
        stream.fileno()
    except (AttributeError, OSError, ValueError):
        return False
    return True


def _words(option: str, command: str | None) -> list[str]:
    if command is None:
        return []
    try:
        words = shlex.split(command, posix=os.name != "nt")
    except ValueError as error:
        raise UsageError(f"{option} {command!r} cannot be read: {error}", hint="close the quotes") from error
    if not words:
        raise UsageError(f"{option} names no command", hint="such as --on-join 'logger joined'")
    return words
