"""The options that commands share, spelt the same everywhere, and the configuration they make."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any, TypeVar

import click

from ..config import BitBootConfig
from ..config import seconds as checked_seconds
from ..errors import InvalidEndpoint
from .report import Report, report_for

F = TypeVar("F", bound=Callable[..., Any])

json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object a line, and nothing else."
)


def _checked_port(context: click.Context, parameter: click.Parameter, value: int) -> int:
    if not 0 < value < 65536:
        raise InvalidEndpoint(
            f"--port {value} is not a port that can be announced",
            hint="ports are whole numbers, 1 to 65535: give the one that your program listens on",
        )
    return value


port_option = click.option(
    "--port",
    metavar="P",
    type=int,
    required=True,
    callback=_checked_port,
    help="Port that peers reach you at.",
)

for_option = click.option(
    "--for", "seconds", metavar="SECONDS", type=float, help="Stop after so long, not at Ctrl-C."
)


def check_for(seconds: float | None) -> None:
    """Raise InvalidConfig where `--for` was given, and is no time span."""
    if seconds is not None:
        checked_seconds("--for", seconds)


_NETWORK_OPTIONS = [
    click.option(
        "--network",
        "networks",
        metavar="N",
        multiple=True,
        default=["mainline"],
        show_default=True,
        help="Network to use; may be given several times.",
    ),
    click.option("--backend", metavar="B", help="Backend to use, where several could serve the network."),
    click.option(
        "--bootstrap",
        metavar="HOST:PORT",
        multiple=True,
        help="Contact to start from, in place of the network's own; may be given several times.",
    ),
    click.option("--listen", metavar="HOST:PORT", help="Address to listen on; port 0 is any free one."),
    click.option(
        "--timeout",
        metavar="S",
        type=float,
        default=20.0,
        show_default=True,
        help="Seconds that finding or announcing may take.",
    ),
    json_option,
]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """What the shared options say."""

    networks: tuple[str, ...]
    backend: str | None
    bootstrap: tuple[str, ...]
    listen: str | None
    timeout: float
    as_json: bool

    def config(self, *, read_only: bool = False) -> BitBootConfig:
        """The configuration that they make. Raises InvalidEndpoint or InvalidConfig where they make none."""
        return BitBootConfig(
            network=self.networks,
            backend=self.backend,
            bootstrap=self.bootstrap or None,
            listen=self.listen,
            timeout=self.timeout,
            read_only=read_only,
        )

    @functools.cached_property
    def report(self) -> Report:
        """Where to tell of events."""
        return report_for(self.as_json)


def network_options(command: F) -> F:
    """Give `command` the shared options; it gets them as its first argument, a `Settings`."""

    @functools.wraps(command)
    def with_settings(**options: Any) -> Any:
        fields = {field.name: options.pop(field.name) for field in dataclasses.fields(Settings)}
        return command(Settings(**fields), **options)

    decorated: Any = with_settings
    for option in reversed(_NETWORK_OPTIONS):
        decorated = option(decorated)
    return decorated  # type: ignore[no-any-return]
