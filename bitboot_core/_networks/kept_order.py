"""Which of the contacts that were kept come first: those that answered most recently, and the quickest."""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, zip_longest

from ..model import KnownHost, address_scope

PER_SUBNET = 8
"""Contacts of one public /24 (IPv6: /64) that are made use of."""

RECENT = 86_400.0
"""Seconds before the latest answer of all within which a quick contact is preferred: one day. Who has been
silent for longer is not likely to be there still, however quick it was."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A contact, about when it answered last (seconds since 1970), and its round trip in seconds if known."""

    contact: KnownHost
    seen: float = 0.0
    round_trip: float | None = None


def best_first(kept: Iterable[Kept]) -> list[KnownHost]:
    """Their contacts, in turn the one seen most recently and the quickest; of a subnet no more than a share.

    Neither alone will do: the most recent may be far away, and whoever wants to be asked by a node near him
    can be quick. What is equal stays in the order given.
    """
    recent = sorted(_shared(kept), key=lambda one: -one.seen)
    latest = recent[0].seen if recent else 0.0
    quick = sorted(
        (one for one in recent if one.round_trip is not None and latest - one.seen <= RECENT),
        key=lambda one: one.round_trip or 0.0,
    )
    turns = chain.from_iterable(zip_longest(recent, quick))
    return list(dict.fromkeys(one.contact for one in turns if one is not None))


def _shared(kept: Iterable[Kept]) -> Iterator[Kept]:
    taken: Counter[object] = Counter()
    for one in kept:
        subnet = _subnet(one.contact)
        taken[subnet] += 1
        if subnet is None or taken[subnet] <= PER_SUBNET:
            yield one


def _subnet(contact: KnownHost) -> object:
    """The network that a contact counts towards; None for one that is not on the internet."""
    host = contact.host.partition("%")[0]
    if contact.family is None or address_scope(host) != "public":
        return None
    return ipaddress.ip_network(f"{host}/{24 if contact.family == 4 else 64}", strict=False)
