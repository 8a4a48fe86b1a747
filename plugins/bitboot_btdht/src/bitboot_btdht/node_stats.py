"""What a node has sent, heard and stored, in numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bitboot_core import KnownHost, RoutingContact

from .node import Node
from .wire.compact import Address
from .wire.node_id import ID_BITS, common_prefix


def stats(node: Node) -> Mapping[str, int | float]:
    """`MainlineBackend.stats`, which says what they mean."""
    return {
        **{
            name: getattr(node.counters, name)
            for name in (
                *("sent", "unsent", "received", "refused", "queries", "unsolicited"),
                *("timeouts", "malformed", "errors", "sent_bytes", "received_bytes"),
            )
        },
        **{name: number for family in node.families for name, number in _nodes(node, family).items()},
        "serves": sum(map(node.is_serving, node.families)),
        "contacts": sum(len(table) for table in node.tables.values()),
        "stored_peers": len(node.store),
        "stored_keys": node.store.hashes,
        "stored_items": len(node.items.stored),
        "round_trip": node.transactions.round_trips.mean,
    }


def routing_table(node: Node, known_host: Callable[[Address], KnownHost]) -> list[RoutingContact]:
    """`MainlineBackend.routing_table`. `known_host`: where a compact address is."""
    return [
        RoutingContact(
            known_host(contact.address),
            ID_BITS - common_prefix(table.own_id, contact.id),
            contact.round_trip,
            silent=contact.failures > 0,
        )
        for table in node.tables.values()
        for contact in table
    ]


def _nodes(node: Node, family: int) -> dict[str, int]:
    told = node.population(family)
    about, low, high = (0, 0, 0) if told is None else (told.about, told.low, told.high)
    name = f"nodes_ipv{family}"
    return {name: about, f"{name}_low": low, f"{name}_high": high}
