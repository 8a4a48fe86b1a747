"""What a node has sent, heard and stored, in numbers."""

from __future__ import annotations

from collections.abc import Mapping

from .node import Node


def stats(node: Node) -> Mapping[str, int | float]:
    """`MainlineBackend.stats`, which says what they mean."""
    return {
        **{
            name: node.counters[name]
            for name in (
                *("sent", "unsent", "received", "refused", "queries", "unsolicited"),
                *("timeouts", "malformed", "errors"),
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


def _nodes(node: Node, family: int) -> dict[str, int]:
    told = node.population(family)
    about, low, high = (0, 0, 0) if told is None else (told.about, told.low, told.high)
    name = f"nodes_ipv{family}"
    return {name: about, f"{name}_low": low, f"{name}_high": high}
