"""`BitBootConfig`: the settings of one BitBoot, checked when it is made."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypedDict

from .errors import InvalidConfig, InvalidEndpoint
from .model import KnownHost
from .networks import NetworkDefinition

__all__ = ["BitBootConfig"]

Host = KnownHost | str
"""An endpoint, or its spelling as "host:port"."""

Network = str | NetworkDefinition
"""A network's name, or a definition."""


class Settings(TypedDict, total=False):
    """The fields of BitBootConfig, for functions that take them as keyword arguments."""

    network: Network | Sequence[Network]
    backend: str | None
    bootstrap: Sequence[Host] | None
    listen: Host | None
    state_dir: str | os.PathLike[str] | Literal[False] | None
    timeout: float
    lifetime: float
    read_only: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class BitBootConfig:
    """What a BitBoot is to do. Raises InvalidConfig or InvalidEndpoint for what makes no sense.

    `network`: a network's name, a NetworkDefinition, or a list of either.
    `backend`: pins the backend that serves it; None takes the best that is installed. Of several
    networks it serves those whose protocol it speaks.
    `bootstrap`: contacts instead of the network's own, as KnownHost or "host:port"; [] is none at
    all, for the first node of a private network. For several networks with different contacts, put
    them into the definitions.
    `listen`: where to listen, KnownHost or "host:port"; port 0 is any free port, None the backend's
    choice. Of several networks the first gets the port, the others any free one.
    `state_dir`: a folder to keep what helps the next start; False keeps nothing.
    `timeout`: seconds that a call may take, unless it is told otherwise.
    `lifetime`: seconds that an announcement is asked to live without renewal.
    `read_only`: only ask and announce, serve nobody (BEP 43), where the backend can do that.
    """

    network: Network | Sequence[Network] = "mainline"
    backend: str | None = None
    bootstrap: Sequence[Host] | None = None
    listen: Host | None = None
    state_dir: str | os.PathLike[str] | Literal[False] | None = None
    timeout: float = 20.0
    lifetime: float = 1800.0
    read_only: bool = False

    def __post_init__(self) -> None:
        networks(self.network)
        if self.backend is not None and (not isinstance(self.backend, str) or not self.backend):
            raise InvalidConfig(
                f"backend={self.backend!r} is not a name", hint="see `bitboot plugins` for those there are"
            )
        if self.bootstrap is not None:
            object.__setattr__(self, "bootstrap", contacts(self.bootstrap))
        if self.listen is not None:
            object.__setattr__(self, "listen", endpoint(self.listen))
        object.__setattr__(self, "timeout", seconds("timeout", self.timeout))
        object.__setattr__(self, "lifetime", seconds("lifetime", self.lifetime))
        if not isinstance(self.read_only, bool):
            raise InvalidConfig(
                f"read_only={self.read_only!r} is neither True nor False", hint="give one of the two"
            )
        state_folder(self.state_dir)


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
