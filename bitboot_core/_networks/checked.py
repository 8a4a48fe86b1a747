"""What a backend answers, checked: each function returns it as the core uses it, or says what is wrong.

A backend is a plugin, and knows what strangers tell it. All raise TypeError or ValueError.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from ..backend import Announces, Capabilities, Scope
from ..errors import InvalidItem
from ..model import KnownHost
from ..reports import Place, Reachability, Receipt
from ..routing_table import RoutingContact


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and not math.isnan(value)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


_CAPABILITIES: Mapping[str, Callable[[object], bool]] = {
    "can_withdraw": lambda value: isinstance(value, bool),
    "announces": lambda value: isinstance(value, Announces),
    "scope": lambda value: isinstance(value, Scope),
    "families": lambda value: isinstance(value, Collection) and bool(value) and set(value) <= {4, 6},
    "max_lifetime": lambda value: _is_number(value) and value > 0,  # type: ignore[operator]
    "key_bytes": _is_count,
    "crowd": lambda value: value is None or _is_count(value),
    "own_port": lambda value: isinstance(value, bool),
    "transport": lambda value: value in ("tcp", "udp"),
    "max_request": lambda value: value == 0 or _is_count(value),
    "sizes": lambda value: isinstance(value, bool),
    "items": lambda value: isinstance(value, bool),
    "early_lookups": lambda value: isinstance(value, bool),
}
"""For each field of Capabilities, whether a value makes sense."""


def capabilities(found: object) -> Capabilities:
    """Capabilities of which every field makes sense."""
    if not isinstance(found, Capabilities):
        raise TypeError(f"its capabilities are {found!r:.200}")
    for field, makes_sense in _CAPABILITIES.items():
        value = getattr(found, field)
        if not makes_sense(value):
            raise ValueError(f"capabilities.{field} is {value!r:.200}")
    return found


def contacts(found: object) -> list[KnownHost]:
    """A list of nodes' addresses."""
    return _all(found, Sequence, lambda one: isinstance(one, KnownHost), "a KnownHost")


def round_trips(found: object) -> dict[KnownHost, float]:
    """Seconds by the address of each contact of a routing table of which they are known."""
    table = _all(found, Sequence, lambda one: isinstance(one, RoutingContact), "a RoutingContact")
    return {
        one.address: float(one.round_trip)
        for one in table
        if isinstance(one.address, KnownHost) and _is_number(one.round_trip)
    }


def seen_at(found: object) -> frozenset[str]:
    """A collection of hosts."""
    return frozenset(_all(found, Collection, lambda one: isinstance(one, str), "a host"))


def places(found: object) -> dict[int, Place]:
    """Places by IP version."""
    if not isinstance(found, Mapping):
        raise TypeError(f"{found!r:.200} is not a mapping")
    for family, place in found.items():
        if not (
            family in (4, 6)
            and isinstance(place, Place)
            and isinstance(place.reachability, Reachability)
            and (place.outside is None or isinstance(place.outside, KnownHost))
        ):
            raise ValueError(f"{family!r:.200}: {place!r:.200} is not a place with an IP version")
    return dict(found)


def address(found: object) -> KnownHost:
    """Where a backend listens."""
    if not isinstance(found, KnownHost):
        raise TypeError(f"{found!r:.200} is not a KnownHost")
    return found


def stats(found: object) -> dict[str, int | float]:
    """Numbers by name."""
    if not isinstance(found, Mapping):
        raise TypeError(f"{found!r:.200} is not a mapping")
    for name, value in found.items():
        if not isinstance(name, str) or not _is_number(value) or math.isinf(value):
            raise ValueError(f"{name!r:.200}: {value!r:.200} is not a number with a name")
    return dict(found)


def is_receipt(receipt: object) -> bool:
    """Whether what an announcement returned is a Receipt with numbers in it."""
    return (
        isinstance(receipt, Receipt)
        and isinstance(receipt.stored_on, int)
        and _is_number(receipt.lifetime)
        and math.isfinite(receipt.lifetime)
        and (receipt.could_store is None or isinstance(receipt.could_store, int))
    )


def is_item(item: object) -> bool:
    """Whether what a lookup of an item gave is an Item, of which every part makes sense."""
    from .. import items  # noqa: PLC0415 - an import of the core does not wait for it

    if not isinstance(item, items.Item):
        return False
    try:
        items.check_public_key(item.public_key)
        items.check_salt(item.salt)
        items.check_seq(item.seq)
        items.check_encoded(item.encoded)
    except InvalidItem:
        return False
    return isinstance(item.signature, bytes)


def _all(found: Any, kind: Any, is_one: Callable[[object], bool], what: str) -> list[Any]:
    if isinstance(found, (str, bytes)) or not isinstance(found, kind):
        raise TypeError(f"{found!r:.200} is not a {kind.__name__.lower()}")
    items: list[Any] = list(found)
    for one in items:
        if not is_one(one):
            raise TypeError(f"{one!r:.200} is not {what}")
    return items
