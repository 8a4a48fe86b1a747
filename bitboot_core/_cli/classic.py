"""BitBootPy's spellings: `bitboot --announce NAME... --lookup NAME... --continuous NAME...`.

Parsed with argparse, as they were there: an option with any number of names is nothing that click
knows. See docs/from-bitbootpy.md for what each means here.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import NoReturn

from .._plugins.config_file import ConfigFile
from .._plugins.config_text import read_text
from .._plugins.registry import default_registry
from .._swarms.keys import swarm_key
from .._swarms.private.secret import SwarmSecret
from ..config import BitBootConfig
from ..errors import BitBootError, UsageError
from ..model import KnownHost
from .following import follow_announcement, follow_peers, follow_scans
from .report.choice import report_for
from .report.events import Done, Failed, PeerFound
from .report.report import Report
from .running import run as run_until_stopped
from .secret_option import secret_from_environment
from .session import Session, open_session
from .staying import follow_networks

DEFAULT_PORT = 6881


@dataclasses.dataclass(frozen=True, kw_only=True)
class Wish:
    """What such a command line asks for."""

    announce: tuple[str, ...]
    lookup: tuple[str, ...]
    watch: tuple[str, ...]
    peer: KnownHost
    config: BitBootConfig
    secret: SwarmSecret | None

    @property
    def lasts(self) -> bool:
        """Whether it goes on until Ctrl-C: an announcement lives as long as its program."""
        return bool(self.announce or self.watch)


def run(argv: Sequence[str]) -> int:
    """Do what a BitBootPy command line asks for; return the exit status. Raises BitBootErrors."""
    arguments = _parser().parse_args(list(argv))
    wish = _wish(arguments)
    report = report_for(arguments.as_json)
    succeeded = run_until_stopped(_do(wish, report))
    if succeeded is None and not wish.lasts:
        report.tell(Failed(error="Interrupted", message="stopped before the lookup was done", hint=""))
        return 1
    return 1 if succeeded is False else 0


class _Parser(argparse.ArgumentParser):
    """Raises UsageError instead of ending the program."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(message, hint="see `bitboot --help`, or docs/from-bitbootpy.md for these spellings")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="bitboot", allow_abbrev=False, add_help=False)
    for flags in (("-a", "--announce"), ("-l", "--lookup"), ("--continuous",)):
        parser.add_argument(*flags, metavar="NAME", nargs="*")
    parser.add_argument("--peer-host", metavar="HOST", default="")
    parser.add_argument(
        "-p", "--port", "--peer-port", metavar="P", dest="port", type=int, default=DEFAULT_PORT
    )
    parser.add_argument("--network-names-file", metavar="FILE")
    parser.add_argument("--config", metavar="FILE")
    parser.add_argument("--print-discovered-peers", action="store_true")
    # And what all commands have here.
    parser.add_argument("--network", metavar="N", action="append")
    parser.add_argument("--backend", metavar="B")
    parser.add_argument("--bootstrap", metavar="HOST:PORT", action="append")
    parser.add_argument("--listen", metavar="HOST:PORT")
    parser.add_argument("--timeout", metavar="S", type=float)
    parser.add_argument("--json", dest="as_json", action="store_true")
    return parser


def _wish(arguments: argparse.Namespace) -> Wish:
    file = ConfigFile.read(arguments.config)
    names: Sequence[str] = file.network_names
    if arguments.network_names_file is not None:
        lines = read_text(arguments.network_names_file).splitlines()
        names = [line.strip() for line in lines if line.strip()]
    given = {
        field: getattr(arguments, field)
        for field in ("network", "backend", "bootstrap", "listen", "timeout")
        if getattr(arguments, field) is not None
    }

    def meant(given: Sequence[str] | None, otherwise: Sequence[str] = ()) -> tuple[str, ...]:
        """The names after an option; those of the file where it stands alone."""
        return tuple(dict.fromkeys(otherwise if given is None else given or names))

    wish = Wish(
        announce=meant(arguments.announce),
        lookup=meant(arguments.lookup),
        watch=meant(arguments.continuous, file.continuous),
        peer=KnownHost(arguments.peer_host, arguments.port),
        config=file.config(default_registry(), **given),
        secret=secret_from_environment(),
    )
    if not (wish.announce or wish.lookup or wish.watch):
        raise UsageError("no swarm was named", hint="write --announce, --lookup or --continuous, and names")
    for name in (*wish.announce, *wish.lookup, *wish.watch):
        swarm_key(name)
    return wish


async def _do(wish: Wish, report: Report) -> bool:
    """All that is wished for, side by side. Whether all lookups succeeded."""
    async with open_session(wish.config, report, wait=not wish.lasts) as session, AsyncExitStack() as stack:
        bitboot = session.bitboot
        announcements = (
            [bitboot.announce(wish.announce, wish.peer, secret=wish.secret)] if wish.announce else []
        )
        watches = [bitboot.watch(name, secret=wish.secret) for name in wish.watch]
        for announcement in announcements:
            await stack.enter_async_context(announcement)
        for watch in watches:
            await stack.enter_async_context(watch)
        async with asyncio.TaskGroup() as group:
            lookups = [group.create_task(_look_up(session, name, wish.secret)) for name in wish.lookup]
            if wish.lasts:
                group.create_task(follow_networks(session))
            for announcement in announcements:
                group.create_task(follow_announcement(session, announcement))
            for watch in watches:
                group.create_task(follow_peers(session, watch))
                group.create_task(follow_scans(session, watch))
    return all(lookup.result() for lookup in lookups)


async def _look_up(session: Session, name: str, secret: SwarmSecret | None) -> bool:
    """Tell of the peers of a swarm. False where that failed, which ends nothing else."""
    began = time.monotonic()
    try:
        async with session.bitboot.find(name, secret=secret) as found:
            async for peer in found:
                session.report.tell(PeerFound.of(name, peer))
    except BitBootError as error:
        session.report.tell(Failed.of(error))
        return False
    for network, failure in found.failures.items():
        session.report.tell(Failed.of(failure, network=network))
    seconds = round(time.monotonic() - began, 3)
    session.report.tell(Done(swarm=name, peers=len(found.peers), seconds=seconds))
    return True
