"""What lookups and upkeep need of their node, and what they take from a reply of others.

They know nothing of sockets or tables: they ask through a `Network`, which the node is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from ..asking.transaction import Transaction
from ..settings import Settings
from ..wire import compact, krpc
from ..wire.compact import Address, NodeInfo
from .density import Density


class Network(Protocol):
    """What a search needs of its node."""

    @property
    def ids(self) -> Mapping[int, bytes]:
        """The node's own ids, by IP family."""

    @property
    def settings(self) -> Settings:
        """The numbers to go by."""

    @property
    def families(self) -> Sequence[int]:
        """The IP versions that the node speaks."""

    def ask(self, transaction: Transaction) -> bool:
        """Send a query, at once or when its turn comes, if it is still wanted then.

        False, and it hears of nothing, where too many wait already.
        """

    @property
    def hurries(self) -> bool:
        """Whether a lookup asks more nodes at once than can be needed, so as not to wait for the silent."""

    def knows_few(self, family: int) -> bool:
        """Whether the network is so small that many of a lookup's first candidates are among the closest: it
        asks these anyway, and may as well do so at once."""

    def quickest(self, family: int) -> list[NodeInfo]:
        """All contacts that may answer, the one with the shortest round trip first."""

    def take_turn(self) -> int:
        """A turn for all queries of one operation: of those that have to wait, the first begun go first."""

    def is_waiting(self, address: Address) -> bool:
        """Whether queries to `address` wait for their turn: it has had many recently."""

    def closest(self, target: bytes, family: int) -> Iterable[NodeInfo]:
        """Where a lookup in one family may begin, the nearest first: one by one, while nothing changes."""

    @property
    def densities(self) -> Mapping[int, Density]:
        """How close together nodes usually are, by IP family."""

    def by_chance(self, target: bytes, family: int, count: int) -> list[NodeInfo]:
        """So many good contacts at public addresses, not close to the target while there are others."""

    def is_dead(self, address: Address) -> bool:
        """Whether an address is known not to answer."""

    def try_later(self, address: Address) -> None:
        """Try an address again in a while: nobody answers there now."""


def infos_told_of(network: Network, values: dict[bytes, Any], family: int) -> bytes:
    """Compact info of the nodes that a reply tells of."""
    return compact.node_infos(
        values.get(krpc.NODES_KEY[family]), family, network.settings.nodes_taken_per_reply
    )


def told_of(network: Network, values: dict[bytes, Any], family: int) -> list[NodeInfo]:
    """The nodes that a reply tells of."""
    return compact.unpack_nodes(
        values.get(krpc.NODES_KEY[family]), family, network.settings.nodes_taken_per_reply
    )


def introduced(network: Network, teller: Address, told: list[NodeInfo]) -> list[NodeInfo]:
    """Of the nodes that `teller` has told of, those that we would follow up."""
    if not told:
        return told
    least = max(1, compact.width(teller))
    return [node for node in told if compact.width(node[1]) >= least and not network.is_dead(node[1])]
