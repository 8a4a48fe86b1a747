"""What single settings mean, checked: networks, endpoints, contacts, time spans, folders."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Literal

from .errors import InvalidConfig, InvalidEndpoint
from .model import KnownHost
from .networks import NetworkDefinition

if TYPE_CHECKING:
    from pathlib import Path

Host = KnownHost | str
"""An endpoint, or its spelling as "host:port"."""

Network = str | NetworkDefinition
"""A network's name, or a definition."""


def networks(value: Network | Sequence[Network]) -> tuple[Network, ...]:
    """The networks that are meant by a `network` setting."""
    several = (value,) if isinstance(value, (str, NetworkDefinition)) else value
    if not isinstance(several, Iterable):
        raise InvalidConfig(
            f"network={value!r} is not a network", hint="give a name or a NetworkDefinition, or a list"
        )
    found = tuple(several)
    for one in found:
        if not isinstance(one, (str, NetworkDefinition)) or not one:
            raise InvalidConfig(f"{one!r} is not a network", hint="give a name or a NetworkDefinition")
    if not found:
        raise InvalidConfig("no network was given", hint='leave network= out for "mainline"')
    return found


def endpoint(value: Host) -> KnownHost:
    """A KnownHost, or one read from "host:port". Raises InvalidEndpoint."""
    return value if isinstance(value, KnownHost) else KnownHost.parse(value)


def contacts(values: Iterable[Host]) -> tuple[KnownHost, ...]:
    """A list of bootstrap contacts, each somewhere that can be reached."""
    if isinstance(values, (str, KnownHost)) or not isinstance(values, Iterable):
        raise InvalidConfig(f"bootstrap={values!r} is not a list", hint=f"write bootstrap=[{str(values)!r}]")
    return tuple(dict.fromkeys(contact(value) for value in values))


def contact(value: Host) -> KnownHost:
    """One bootstrap contact. Raises InvalidEndpoint where nobody can be reached there."""
    host = endpoint(value)
    if host.is_any or host.port == 0:
        raise InvalidEndpoint(
            f"nobody can be reached at {host}", hint="a contact has an address and a port of its own"
        )
    return host


def seconds(name: str, value: float) -> float:
    """A time span: more than nothing, and not for ever. Raises InvalidConfig."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < math.inf:
        raise InvalidConfig(f"{name}={value!r} is not a number of seconds above 0", hint="such as 20 or 0.5")
    return float(value)


def state_folder(value: str | os.PathLike[str] | Literal[False] | None) -> Path | None:
    """The folder that is meant by a `state_dir` setting, or None to keep nothing."""
    if value is None or value is False:
        return None
    if not isinstance(value, (str, os.PathLike)) or not os.fspath(value):
        raise InvalidConfig(
            f"state_dir={value!r} is not a folder", hint="give a path, or False to keep nothing"
        )
    from pathlib import Path  # noqa: PLC0415 - only where a folder is named

    folder = Path(value)
    if folder.exists() and not folder.is_dir():
        raise InvalidConfig(
            f"state_dir={str(value)!r} is not a folder", hint="a file of that name is in the way"
        )
    return folder


def users_folder(kind: Literal["state", "config"]) -> Path | None:
    """The platform's folder for what is kept, or for what users configure; None where there is none.

    As platformdirs has it: `~/.local/state/bitboot`, `~/.config/bitboot`; on macOS
    `~/Library/Application Support/bitboot` for both, on Windows `%LOCALAPPDATA%\\bitboot`. A container's
    user may have neither HOME nor an entry in the password file, and so no folder.
    """
    import platformdirs  # noqa: PLC0415 - only where nobody has named a folder

    find = platformdirs.user_state_path if kind == "state" else platformdirs.user_config_path
    try:
        folder = find("bitboot", appauthor=False)
    except (OSError, RuntimeError, ValueError, KeyError):  # Windows without the variables that it sets
        return None
    return folder if folder.is_absolute() else None  # without a home it stays "~/..."
