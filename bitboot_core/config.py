"""`BitBootConfig`: the settings of one BitBoot, checked when it is made."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypedDict

from . import _defaults
from ._settings import Host, Network, contacts, endpoint, networks, seconds, state_folder
from .errors import InvalidConfig

if TYPE_CHECKING:
    from .identity import Identity

__all__ = ["BitBootConfig"]


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
    map_ports: bool
    identity: Identity | None


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
    `map_ports`: have the router open the ports that the networks' own nodes listen on.
    `identity`: who this program is in private swarms; None: the identity that is kept in the state folder,
    made there when it is first needed.
    """

    network: Network | Sequence[Network] = "mainline"
    backend: str | None = None
    bootstrap: Sequence[Host] | None = None
    listen: Host | None = None
    state_dir: str | os.PathLike[str] | Literal[False] | None = None
    timeout: float = _defaults.TIMEOUT
    lifetime: float = 1800.0
    read_only: bool = False
    map_ports: bool = False
    identity: Identity | None = None

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
        for name in ("read_only", "map_ports"):
            value = getattr(self, name)
            if not isinstance(value, bool):
                raise InvalidConfig(f"{name}={value!r} is neither True nor False", hint="give one of the two")
        state_folder(self.state_dir)
        if self.identity is not None:
            _check_identity(self.identity)


def _check_identity(identity: object) -> None:
    from .identity import Identity  # noqa: PLC0415 - only where one is given

    if not isinstance(identity, Identity):
        raise InvalidConfig(
            f"identity= takes an Identity, not {type(identity).__name__}",
            hint="Identity.load(path) reads one from a file, and makes it",
        )
