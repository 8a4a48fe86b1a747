"""BitBootPy's spellings: `bitboot --announce NAME... --lookup NAME... --continuous NAME...`.

Parsed with argparse, as they were there: an option with any number of names is nothing that click
knows. See docs/from-bitbootpy.md for what each means here.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
import time
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, NoReturn

from ..config import BitBootConfig
from ..errors import BitBootError, InvalidConfig, UsageError
from ..model import KnownHost, swarm_key
from .events import Done, Failed, PeerFound
from .following import follow_announcement, follow_peers, follow_scans
from .report import Report, report_for
from .running import run as run_until_stopped
from .session import Session, open_session

DEFAULT_PORT = 6881
ACTIONS = ("-a", "--announce", "-l", "--lookup", "--continuous")
OTHERS = ("--peer-host", "--peer-port", "-p", "--network-names-file", "--config", "--print-discovered-peers")

IGNORED = ("rate_limit_delay", "max_retries", "retry_delay", "print_discovered_peers")
"""What BitBootPy's configuration says and nobody has to say here: retries look after themselves."""


def is_classic(argv: Sequence[str]) -> bool:
    """Whether somebody writes as for BitBootPy: options where a command's name is expected."""
    spellings = {argument.partition("=")[0] for argument in argv}
    return bool(argv) and argv[0].startswith("-") and not spellings.isdisjoint((*ACTIONS, *OTHERS))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Wish:
    """What such a command line asks for."""

    announce: tuple[str, ...]
    lookup: tuple[str, ...]
    watch: tuple[str, ...]
    peer: KnownHost
    config: BitBootConfig

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
    settings = _settings(arguments.config)
    names = settings.pop("network_names", [])
    watched = [name for name, wanted in settings.pop("continuous_mode", {}).items() if wanted]
    if arguments.network_names_file is not None:
        lines = _read(arguments.network_names_file).splitlines()
        names = [line.strip() for line in lines if line.strip()]
    for field in ("network", "backend", "bootstrap", "listen", "timeout"):
        if getattr(arguments, field) is not None:
            settings[field] = getattr(arguments, field)

    def meant(given: Sequence[str] | None, otherwise: Sequence[str] = ()) -> tuple[str, ...]:
        """The names after an option; those of the file where it stands alone."""
        return tuple(dict.fromkeys(otherwise if given is None else given or names))

    wish = Wish(
        announce=meant(arguments.announce),
        lookup=meant(arguments.lookup),
        watch=meant(arguments.continuous, watched),
        peer=KnownHost(arguments.peer_host, arguments.port),
        config=BitBootConfig(**settings),
    )
    if not (wish.announce or wish.lookup or wish.watch):
        raise UsageError("no swarm was named", hint="write --announce, --lookup or --continuous, and names")
    for name in (*wish.announce, *wish.lookup, *wish.watch):
        swarm_key(name)
    return wish


def _settings(path: str | None) -> dict[str, Any]:
    """The configuration file's settings: BitBootPy's, under their names here where they have others."""
    if path is None:
        return {}
    try:
        found = json.loads(_read(path))
    except ValueError as error:
        raise InvalidConfig(f"{path} is not JSON: {error}", hint="see docs/from-bitbootpy.md") from error
    if not isinstance(found, Mapping):
        raise InvalidConfig(f"{path} holds no settings", hint='such as {"network": "mainline"}')
    settings = {str(name): value for name, value in found.items() if name not in IGNORED}
    if settings.get("bootstrap_nodes"):
        settings["bootstrap"] = [_contact(node) for node in settings["bootstrap_nodes"]]
    settings.pop("bootstrap_nodes", None)
    known = {field.name for field in dataclasses.fields(BitBootConfig)} | {"network_names", "continuous_mode"}
    unknown = sorted(settings.keys() - known)
    if unknown:
        raise InvalidConfig(
            f"{path} has settings that nobody knows: {', '.join(unknown)}",
            hint=f"known are: {', '.join(sorted(known))}",
        )
    if not isinstance(settings.get("network_names", []), list):
        raise InvalidConfig(f"{path}: network_names is not a list", hint='such as ["one", "two"]')
    if not isinstance(settings.get("continuous_mode", {}), dict):
        raise InvalidConfig(f"{path}: continuous_mode is not an object", hint='such as {"one": true}')
    return settings


def _contact(node: object) -> KnownHost:
    """A bootstrap node: ["host", port], {"host": ..., "port": ...} or "host:port"."""
    match node:
        case [str(host), int(port)] | {"host": str(host), "port": int(port)}:
            return KnownHost(host, port)
        case str(text):
            return KnownHost.parse(text)
    raise InvalidConfig(f"{node!r} is not a bootstrap node", hint='write ["router.example.org", 6881]')


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidConfig(f"{path} cannot be read: {error}", hint="check the file's name") from error


async def _do(wish: Wish, report: Report) -> bool:
    """All that is wished for, side by side. Whether all lookups succeeded."""
    async with open_session(wish.config, report) as session, AsyncExitStack() as stack:
        work: list[Coroutine[Any, Any, object]] = []
        if wish.announce:
            announcement = session.bitboot.announce(wish.announce, wish.peer)
            await stack.enter_async_context(announcement)
            await announcement.announced()
            work.append(follow_announcement(session, announcement))
        for name in wish.watch:
            watch = await stack.enter_async_context(session.bitboot.watch(name))
            work += [follow_peers(report, watch), follow_scans(session, watch)]
        async with asyncio.TaskGroup() as group:
            lookups = [group.create_task(_look_up(session, name)) for name in wish.lookup]
            for one in work:
                group.create_task(one)
    return all(lookup.result() for lookup in lookups)


async def _look_up(session: Session, name: str) -> bool:
    """Tell of the peers of a swarm. False where that failed, which ends nothing else."""
    began = time.monotonic()
    try:
        async with session.bitboot.find(name) as found:
            async for peer in found:
                session.report.tell(
                    PeerFound(swarm=name, host=peer.host, port=peer.port, sources=list(peer.sources))
                )
    except BitBootError as error:
        session.report.tell(Failed.of(error))
        return False
    for network, failure in found.failures.items():
        session.report.tell(Failed.of(failure, network=network))
    seconds = round(time.monotonic() - began, 3)
    session.report.tell(Done(swarm=name, peers=len(found.peers), seconds=seconds))
    return True
