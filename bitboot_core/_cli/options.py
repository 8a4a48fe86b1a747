"""The options that commands share, spelt the same everywhere, and the configuration they make."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from .._plugins.config_file import ConfigFile
from .._plugins.registry import default_registry
from .._settings import seconds as checked_seconds
from ..config import BitBootConfig
from ..config import Settings as Fields
from ..errors import BitBootError, InvalidEndpoint
from .report.choice import report_for
from .report.escaping import escaped
from .report.report import Report

F = TypeVar("F", bound=Callable[..., Any])

json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object per line, and nothing else."
)

config_option = click.option(
    "--config",
    "config_file",
    metavar="FILE",
    type=click.Path(),
    help="Configuration file to read instead of your own (see docs/command-line.md).",
)

state_dir_option = click.option(
    "--state-dir",
    metavar="D",
    type=click.Path(),
    help="Folder to keep contacts and the identity in for the next start.  [default: the user's own]",
)


def checked_port(context: click.Context, parameter: click.Parameter, value: int | None) -> int | None:
    """What `--port` says. Raises InvalidEndpoint where that cannot be announced."""
    if value is not None and not 0 <= value < 65536:
        raise InvalidEndpoint(
            f"--port {value} is not a port that can be announced",
            hint="ports are whole numbers, 0 to 65535: give the one that your program listens on",
        )
    return value


port_option = click.option(
    "--port",
    metavar="P",
    type=int,
    required=True,
    callback=checked_port,
    help="Port that peers reach you at; 0 is the node's own, as others see it.",
)


map_port_option = click.option(
    "--map-port", is_flag=True, help="Have the router open the port, and announce the outside port."
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Stay:
    """How long a command stays that would else stay until Ctrl-C. Seconds, None for ever.

    `seconds`: until it ends, done. `give_up`: until it fails where no network could be reached.
    """

    seconds: float | None
    give_up: float | None

    def __post_init__(self) -> None:
        for name, value in (("--for", self.seconds), ("--give-up", self.give_up)):
            if value is not None:
                checked_seconds(name, value)


def stay_options(command: F) -> F:
    """Give `command` what commands share that stay until Ctrl-C; it gets it as `stay`, a `Stay`.

    Raises InvalidConfig where it makes no sense.
    """

    @click.option("--for", "seconds", metavar="S", type=float, help="Stop after S seconds, not at Ctrl-C.")
    @click.option(
        "--give-up",
        metavar="S",
        type=float,
        help="Fail if no network could be reached within S seconds.  [default: keep trying]",
    )
    @functools.wraps(command)
    def with_stay(*arguments: Any, seconds: float | None, give_up: float | None, **options: Any) -> Any:
        return command(*arguments, stay=Stay(seconds=seconds, give_up=give_up), **options)

    decorated: Any = with_stay
    return decorated  # type: ignore[no-any-return]


def _verbosity(context: click.Context, parameter: click.Parameter, value: int) -> int:
    from .logs import shown_logs  # noqa: PLC0415 - not for completion

    context.with_resource(shown_logs(value))
    return value


verbose_option = click.option(
    "-v",
    "--verbose",
    count=True,
    expose_value=False,
    callback=_verbosity,
    help="Say on stderr what is being done; -vv shows every message.",
)


def _network_names(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """What shells offer after --network."""
    try:
        known = default_registry().networks()
        known |= ConfigFile.read(context.params.get("config_file")).definitions()
    except BitBootError:
        return []
    return [
        CompletionItem(name, help=escaped(network.description))
        for name, network in sorted(known.items())
        if name.startswith(incomplete)
    ]


def _backend_names(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """What shells offer after --backend."""
    try:
        known = default_registry().backends()
    except BitBootError:
        return []
    return [
        CompletionItem(name, help=escaped(spec.description))
        for name, spec in known.items()
        if name.startswith(incomplete)
    ]


_NETWORK_OPTIONS = [
    click.option(
        "--network",
        "networks",
        metavar="N",
        multiple=True,
        shell_complete=_network_names,
        help="Network to use; may be given several times.  [default: mainline]",
    ),
    click.option(
        "--backend",
        metavar="B",
        shell_complete=_backend_names,
        help="Backend to use, if several can serve the network.",
    ),
    click.option(
        "--bootstrap",
        metavar="HOST:PORT",
        multiple=True,
        help="Contact to start from, instead of the network's own; may be given several times.",
    ),
    click.option("--listen", metavar="HOST:PORT", help="Address to listen on; port 0 is any free one."),
    state_dir_option,
    click.option(
        "--timeout",
        metavar="S",
        type=float,
        help="Seconds that finding, or one attempt to announce, may take.  [default: 20]",
    ),
    config_option,
    verbose_option,
    json_option,
]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """What the shared options say: None and () where they were not given."""

    networks: tuple[str, ...]
    backend: str | None
    bootstrap: tuple[str, ...]
    listen: str | None
    state_dir: str | None = None
    timeout: float | None
    config_file: str | None
    as_json: bool

    def config(self, **fields: Any) -> BitBootConfig:
        """The configuration that they make with the file's, and with `fields`, which go before both.

        Raises InvalidEndpoint or InvalidConfig where they make none.
        """
        given: dict[str, Any] = {
            "network": self.networks or None,
            "backend": self.backend,
            "bootstrap": self.bootstrap or None,
            "listen": self.listen,
            "state_dir": self.state_dir,
            "timeout": self.timeout,
        }
        chosen: Fields = {key: value for key, value in given.items() if value is not None}  # type: ignore[assignment]
        return self.file.config(default_registry(), **{**chosen, **fields})

    @functools.cached_property
    def file(self) -> ConfigFile:
        """The configuration file that is meant, an empty one where there is none."""
        return ConfigFile.read(self.config_file)

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
