"""`bitboot serve`: the daemon, and what asks and ends it.

What it needs is imported when it is called: whoever asks for `bitboot --help` waits for nothing but click.
"""

from __future__ import annotations

import functools
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from bitboot_core import BitBootConfig

EPILOG = "\b\nExample:\n  bitboot serve\n  bitboot serve --tcp 127.0.0.1:6880\n  bitboot serve --status"


@click.command(short_help="Be one warm node for every program on this machine, until Ctrl-C.", epilog=EPILOG)
@click.option(
    "--network", "networks", metavar="N", multiple=True, help="Network to use; may be given several times."
)
@click.option("--backend", metavar="B", help="Backend to use, if several can serve the network.")
@click.option(
    "--bootstrap",
    metavar="HOST:PORT",
    multiple=True,
    help="Contact to start from; may be given several times.",
)
@click.option(
    "--listen", metavar="HOST:PORT", help="Address that the node listens on; port 0 is any free one."
)
@click.option(
    "--state-dir", metavar="D", type=click.Path(), help="Folder to keep contacts in for the next start."
)
@click.option(
    "--timeout", metavar="S", type=float, help="Seconds that a lookup, or one attempt to announce, may take."
)
@click.option(
    "--config",
    "config_file",
    metavar="FILE",
    type=click.Path(),
    help="Configuration file to read instead of your own.",
)
@click.option("--socket", "socket_file", metavar="PATH", type=click.Path(), help="Unix socket to serve on.")
@click.option("--tcp", metavar="HOST:PORT", help="Serve on this port of loopback too, for who has the token.")
@click.option(
    "--token-file",
    metavar="F",
    type=click.Path(),
    help="File with the token of the TCP port; made if missing.",
)
@click.option("--secrets", metavar="D", type=click.Path(), help="Folder with the secrets of private swarms.")
@click.option(
    "--log",
    "log_format",
    type=click.Choice(["auto", "plain", "journal", "json"]),
    default="auto",
    help="How to log.  [default: auto, the journal's way under systemd]",
)
@click.option("-v", "--verbose", count=True, help="Log what is being done; -vv logs every message.")
@click.option("--status", "action", flag_value="status", help="Show how the daemon that runs is doing.")
@click.option("--stop", "action", flag_value="stop", help="End the daemon that runs.")
@click.option("--json", "as_json", is_flag=True, help="With --status: print JSON.")
def serve(
    *,
    networks: tuple[str, ...],
    backend: str | None,
    bootstrap: tuple[str, ...],
    listen: str | None,
    state_dir: str | None,
    timeout: float | None,
    config_file: str | None,
    socket_file: str | None,
    tcp: str | None,
    token_file: str | None,
    secrets: str | None,
    log_format: str,
    verbose: int,
    action: str | None,
    as_json: bool,
) -> int:
    """Be one warm node for every program on this machine, in any language: HTTP and JSON on a unix socket.

    Only your own programs can use it. See docs/serve.md for the API. SIGHUP reads the configuration again.
    """
    from .paths import default_secrets, socket_path  # noqa: PLC0415

    path = Path(socket_file) if socket_file is not None else socket_path()
    if action is not None:
        from . import asking  # noqa: PLC0415

        return asking.show_status(path, as_json=as_json) if action == "status" else asking.stop(path)
    given: dict[str, Any] = {
        "network": networks or None,
        "backend": backend,
        "bootstrap": bootstrap or None,
        "listen": listen,
        "state_dir": state_dir,
        "timeout": timeout,
    }
    import asyncio  # noqa: PLC0415

    from . import logs, running  # noqa: PLC0415 - `--help` and `--status` need no server

    logs.set_up(log_format, verbose, os.environ)
    place = running.Place(
        socket=path,
        tcp=tcp,
        token_file=None if token_file is None else Path(token_file),
        secrets=Path(secrets) if secrets is not None else default_secrets(),
    )
    asyncio.run(running.serve(functools.partial(_config, config_file, given), place, click.echo))
    return 0


def _config(config_file: str | None, given: dict[str, Any]) -> BitBootConfig:
    """The file's configuration, with what the command line says before it."""
    from bitboot_core import ConfigFile  # noqa: PLC0415

    chosen: Any = {key: value for key, value in given.items() if value is not None}
    return ConfigFile.read(config_file).config(**chosen)
