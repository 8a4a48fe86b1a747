"""`bitboot demo`: a whole DHT on this machine, five peers, and somebody who finds them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack

import click

from .._plugins.frozen import how_to_get
from .._plugins.registry import Registry, default_registry
from ..backend import BackendSpec
from ..bitboot import BitBoot
from ..config import BitBootConfig
from ..errors import BackendTimeout, NetworkUnavailable
from ..model import KnownHost
from ..networks import MAINLINE
from .help import Command, example
from .options import json_option
from .report.choice import report_for
from .report.demo_view import DemoView
from .report.events import Announced, Cost, Done, Failed, PeerFound, Started
from .report.report import Report
from .running import run
from .session import Session
from .typed import this_command

NODES = 16
PORTS = range(50001, 50006)
"""The ports that are announced. Nothing listens there: that is the peers' own business."""

SWARM = "bitboot-demo"
TIMEOUT = 8.0
"""Seconds for everything; with the closing it is over in ten."""

NEXT = [
    (
        "{bitboot} join my-app --port 7001 --listen 127.0.0.1:4000 --bootstrap 127.0.0.1:4001",
        "a swarm of your own on this machine: in one terminal",
    ),
    (
        "{bitboot} join my-app --port 7002 --listen 127.0.0.1:4001 --bootstrap 127.0.0.1:4000",
        "and in another",
    ),
    ("{bitboot} doctor", "whether BitTorrent's DHT can be reached from here"),
    ("{bitboot} join my-app/v1/lobby --port 7001", "if so, on two machines anywhere, with no server"),
]
"""What to try next, and what that does."""


@click.command(
    cls=Command, short_help="Show it at work on this machine alone.", epilog=example("bitboot demo")
)
@json_option
def demo(as_json: bool) -> int:
    """Show it at work on this machine alone, with no internet.

    Starts a mainline DHT of 16 nodes, lets five peers announce themselves in it, and looks them up
    from a node that knows none of them.
    """
    backend, spec = _with_testnet(default_registry())
    report = report_for(as_json)
    done = run(_demo(backend, spec, report))
    if done is None:
        report.tell(Failed(error="Interrupted", message="stopped before the demo was done", hint=""))
        return 1
    report.tell(done)
    if done.peers != len(PORTS):
        return 1
    suggest_next(report, this_command())
    return 0


def suggest_next(report: Report, bitboot: str) -> None:
    """Say what to try next, where `bitboot` is what to type for the command itself."""
    for command, does in NEXT:
        report.suggest(command.format(bitboot=bitboot), does)


def _with_testnet(registry: Registry) -> tuple[str, BackendSpec]:
    """The first mainline backend that can start a network of its own."""
    for name in registry.backends_for(MAINLINE):
        spec = registry.backend(name)
        if spec.testnet is not None:
            return name, spec
    raise NetworkUnavailable(
        "the demo needs a mainline backend that can start a test network, and none is installed",
        hint=how_to_get("btdht"),
    )


async def _demo(backend: str, spec: BackendSpec, report: Report) -> Done:
    assert spec.testnet is not None
    try:
        async with asyncio.timeout(TIMEOUT), spec.testnet(NODES) as contacts:
            report.tell(Started(network=MAINLINE.name, nodes=NODES))
            return await show(backend, contacts, report)
    except TimeoutError as error:
        raise BackendTimeout(f"the demo was not done after {TIMEOUT:g} s") from error


async def show(backend: str, contacts: Sequence[KnownHost | str], report: Report) -> Done:
    """Announce the peers, and find them from a node that knows none of them."""
    own = BitBootConfig(backend=backend, bootstrap=contacts, listen="127.0.0.1:0", state_dir=False)
    view = DemoView(f"{len(PORTS)} peers and {NODES} nodes on this machine alone", ports=PORTS)
    finder = BitBoot(own)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(report.showing(view, finder))
        await asyncio.gather(*(_announce(own, port, stack, report) for port in PORTS))
        await stack.enter_async_context(finder)
        await finder.ready()
        Session(finder, report).tell_ready()
        return await _find(finder, report)


async def _announce(config: BitBootConfig, port: int, stack: AsyncExitStack, report: Report) -> None:
    """A peer with a node of its own, until the stack is closed."""
    bitboot = await stack.enter_async_context(BitBoot(config))
    announcement = await stack.enter_async_context(bitboot.announce(SWARM, port=port))
    await announcement.announced()
    for network, status in announcement.status.items():
        expires_in = round(status.expires_in or 0)
        report.tell(
            Announced(
                swarm=SWARM, network=network, stored_on=status.stored_on, expires_in=expires_in, port=port
            )
        )


async def _find(bitboot: BitBoot, report: Report) -> Done:
    before = _datagrams(bitboot)
    began = time.monotonic()
    async with bitboot.find(SWARM) as found:
        async for peer in found:
            report.tell(PeerFound.of(SWARM, peer))
    seconds = time.monotonic() - began
    datagrams = _datagrams(bitboot) - before
    report.tell(Cost(datagrams=datagrams, milliseconds=round(seconds * 1000, 1)))
    return Done(swarm=SWARM, peers=len(found.peers), seconds=round(seconds, 3))


def _datagrams(bitboot: BitBoot) -> int:
    return sum(int(stats.get("sent", 0) + stats.get("received", 0)) for stats in bitboot.stats().values())
