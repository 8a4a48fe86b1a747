"""Network definitions: a name, the protocol spoken there, and where to begin.

A definition names no library: any installed backend that speaks its protocol can serve it.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass

from . import _defaults
from .model import KnownHost

__all__ = ["NetworkDefinition", "NetworkName", "NetworkStatus"]


class NetworkStatus(enum.Enum):
    """How far along a network is."""

    READY = "ready"
    """It works where a backend that speaks its protocol is installed."""
    PLACEHOLDER = "placeholder"
    """Nobody has written a backend for it yet; the name is kept for it."""


class NetworkName(str, enum.Enum):
    """The names of the built-in definitions. Each member is a `str` too."""

    MAINLINE = "mainline"
    KADEMLIA = "kademlia"
    LOCAL = "local"
    BITCOIN = "bitcoin"
    ETHEREUM = "ethereum"
    SOLANA = "solana"
    ARWEAVE = "arweave"

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True, slots=True)
class NetworkDefinition:
    """A DHT that swarms can be announced on.

    `protocol` is matched with `BackendSpec.protocols`. `bootstrap`: contacts to start from; none
    means that users bring their own, or that none are needed.
    """

    name: str
    protocol: str
    bootstrap: Sequence[KnownHost] = ()
    description: str = ""
    status: NetworkStatus = NetworkStatus.READY


MAINLINE = NetworkDefinition(
    NetworkName.MAINLINE.value,
    protocol="mainline",
    bootstrap=tuple(map(KnownHost.parse, _defaults.MAINLINE)),
    description="BitTorrent's mainline DHT (BEP 5): public, millions of nodes",
)

KADEMLIA = NetworkDefinition(
    NetworkName.KADEMLIA.value,
    protocol="kademlia",
    description="a private DHT on the library kademlia: bring your own bootstrap contacts",
)

LOCAL = NetworkDefinition(
    NetworkName.LOCAL.value,
    protocol="local",
    description="in memory, within this process: for tests and first steps",
)


def _placeholder(name: NetworkName, title: str) -> NetworkDefinition:
    return NetworkDefinition(
        name.value,
        protocol=name.value,
        description=f"{title}'s peer-to-peer network: no backend exists yet",
        status=NetworkStatus.PLACEHOLDER,
    )


BUILT_IN: Sequence[NetworkDefinition] = (
    MAINLINE,
    KADEMLIA,
    LOCAL,
    _placeholder(NetworkName.BITCOIN, "Bitcoin"),
    _placeholder(NetworkName.ETHEREUM, "Ethereum"),
    _placeholder(NetworkName.SOLANA, "Solana"),
    _placeholder(NetworkName.ARWEAVE, "Arweave"),
)
"""The definitions that every installation knows."""
