"""`bitboot count`: how many peers a swarm has, and on how many machines."""

from __future__ import annotations

import asyncio

import click

from bitboot_core import BitBoot, BitBootConfig, ConfigFile


@click.command(short_help="Count the peers of a swarm.")
@click.argument("name", metavar="NAME")
@click.option("--network", "networks", metavar="N", multiple=True, help="Network to use.")
def count(*, name: str, networks: tuple[str, ...]) -> int:
    """Look up the swarm NAME, and say how many peers there are. The exit status is 3 where nobody is."""
    file = ConfigFile.read()
    config = file.config(network=networks, read_only=True) if networks else file.config(read_only=True)
    peers, machines = asyncio.run(_counted(name, config))
    click.echo(f"{peers} on {machines}")
    return 0 if peers else 3


async def _counted(name: str, config: BitBootConfig) -> tuple[int, int]:
    async with BitBoot(config) as bitboot:
        peers = await bitboot.lookup(name)
    return len(peers), len({peer.host for peer in peers})
