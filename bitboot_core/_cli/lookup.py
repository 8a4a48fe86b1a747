"""`bitboot lookup`: who is in a swarm, as the answers arrive."""

from __future__ import annotations

import string
import time
from collections.abc import Callable, Iterable, Iterator

import click

from .._swarms.keys import SwarmName
from .._swarms.private.secret import SwarmSecret
from ..errors import UsageError
from .asking import Record
from .by_daemon import by_daemon, tell
from .finding import Wish, find, wait_option
from .help import Command, example
from .options import Settings, network_options
from .report.choice import report_for
from .report.escaping import escaped
from .report.events import Done, Failed, PeerFound
from .report.output import write_line
from .report.report import PeersReport, Report
from .report.view import View
from .running import run
from .session import open_session, while_reaching
from .signals import interruptible
from .statuses import FAILED, NOBODY
from .swarm_arguments import swarm_argument

FIELDS = {"host": "192.0.2.7", "port": 6881, "peer": "192.0.2.7:6881", "swarm": "x", "sources": "mainline"}
"""What `--format` may name, each with an example."""


@click.command(
    cls=Command,
    short_help="Find the peers of a swarm.",
    epilog=example(
        "bitboot lookup my-app/v1/lobby --limit 10",
        "bitboot lookup my-app/v1/lobby -q | head -1",
        "bitboot lookup my-app/v1/lobby --wait 3 --timeout 60 --format 'server {host}:{port};'",
    ),
)
@swarm_argument
@click.option("--limit", metavar="N", type=click.IntRange(min=1), help="Stop after N peers.")
@wait_option
@click.option("-q", "--quiet", is_flag=True, help="Print only addresses, one per line.")
@click.option(
    "--format",
    "pattern",
    metavar="TEXT",
    help="Print TEXT for each peer, with {host}, {port}, {peer}, {swarm}, {sources} filled in.",
)
@click.option("--size", "only_size", is_flag=True, help="Only tell about how many peers there are.")
@click.option("--fail-empty", is_flag=True, help="Exit with status 3 if nobody was found.")
@click.option("--no-daemon", is_flag=True, help="Do not ask `bitboot serve`, even where it runs.")
@network_options
def lookup(
    settings: Settings,
    *,
    swarm: SwarmName,
    limit: int | None,
    wait: int | None,
    quiet: bool,
    pattern: str | None,
    only_size: bool,
    fail_empty: bool,
    no_daemon: bool,
    secret: SwarmSecret | None,
) -> int:
    """Look up the peers of the swarm NAME, and print each as it arrives."""
    if only_size:
        from .sizing import size  # noqa: PLC0415 - few ask

        others = {"--limit": limit, "--wait": wait, "--quiet": quiet, "--format": pattern, "a secret": secret}
        return size(settings, swarm, fail_empty=fail_empty, others=others)
    if sum((quiet, pattern is not None, settings.as_json)) > 1:
        raise UsageError("--json, --quiet and --format exclude each other", hint="give one of the three")
    pattern = _checked("{peer}" if quiet else pattern)
    report = settings.report if pattern is None else _PeersOnly(pattern)
    wish = Wish(swarm=swarm, limit=limit, wait=wait, secret=secret)

    def work() -> Done | None:
        records = None if no_daemon else interruptible(lambda: _by_daemon(settings, wish))
        if records is None:
            return run(_lookup(settings, report, wish))  # which sees to signals itself
        return interruptible(lambda: tell(records, report, str(swarm)))

    return _ended(work, report, fail_empty=fail_empty)


def _by_daemon(settings: Settings, wish: Wish) -> Iterator[Record] | None:
    """What the daemon that runs here finds, None where none does, or it is not what was asked for."""
    if wish.wait is not None or wish.secret is not None or settings.state_dir is not None:
        return None
    return by_daemon(settings.config(read_only=True), wish.swarm, wish.limit)


def tell_rest(
    records: Iterable[Record], swarm: str, pattern: str | None, *, as_json: bool, fail_empty: bool
) -> int:
    """Tell of what a daemon answers from here on, after what `quick` has told of; the exit status."""
    report = report_for(as_json) if pattern is None else _PeersOnly(pattern)
    return _ended(lambda: interruptible(lambda: tell(records, report, swarm)), report, fail_empty=fail_empty)


def _ended(work: Callable[[], Done | None], report: Report, *, fail_empty: bool) -> int:
    """Do it and tell how it ended; the exit status. `work`: None where it was stopped."""
    try:
        done = work()
    except KeyboardInterrupt:
        done = None
    if done is None:
        report.tell(Failed(error="Interrupted", message="stopped before the lookup was done", hint=""))
        return FAILED
    report.tell(done)
    return NOBODY if fail_empty and not done.peers else 0


async def _lookup(settings: Settings, report: Report, wish: Wish) -> Done:
    began = time.monotonic()
    config = settings.config(read_only=True)  # gone in a moment, so nobody should rely on this node
    view = View(f"lookup of {wish.swarm}", is_lookup=True)
    async with open_session(config, report, view, wait=False) as session:
        left = config.timeout - (time.monotonic() - began)
        peers, unproved = await while_reaching(session, find(session, wish, max(left, 0.001)))
        seconds = round(time.monotonic() - began, 3)
    return Done(swarm=str(wish.swarm), peers=len(peers), seconds=seconds, unproved=unproved or None)


class _PeersOnly(PeersReport):
    """Writes each peer by a pattern, and nothing else on stdout."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern

    def tell_peer(self, peer: PeerFound) -> None:
        """Write one peer."""
        fields = {"swarm": peer.swarm, "sources": ",".join(peer.sources), "peer": peer.endpoint}
        write_line(escaped(self._pattern.format(host=peer.host, port=peer.port, **fields), keep="\t"))


def _checked(pattern: str | None) -> str | None:
    """A pattern for `--format`. Raises UsageError where it names what there is not."""
    if pattern is not None:
        try:
            names = [name for _, name, _, _ in string.Formatter().parse(pattern) if name is not None]
            unknown = [name for name in names if name not in FIELDS]
            if not unknown:
                pattern.format(**FIELDS)
        except (ValueError, IndexError, KeyError) as error:
            raise UsageError(f"--format {pattern!r} cannot be read: {error}", hint=_FORMAT_HINT) from error
        if unknown:
            raise UsageError(f"--format does not know {{{unknown[0]}}}", hint=_FORMAT_HINT)
    return pattern


_FORMAT_HINT = f"it knows {', '.join(f'{{{name}}}' for name in FIELDS)}; write {{{{ for a brace"
