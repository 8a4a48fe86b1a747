"""Where a node is on the internet: what its id has to do with it, and that no neighbourhood fills a choice.

Ids are bound to public IP addresses, as in BEP 42: the first 21 bits of an id are a hash of the address
and of the id's last three bits, so that one address has eight places in the space of ids, not any that
it likes. An IPv6 address counts by its /64. A node that does not fit is not refused, since nodes with
the bare library, and those that do not know their address yet, have ids of chance; but whoever fits is
preferred. Of one source and of one network (see `bitboot_core.aio.limits`) a choice takes a few only,
for as long as there are others.

None of that holds for addresses that are not public: on a LAN machines share a /24 by nature, on
loopback one address.
"""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple, Protocol, TypeVar

from bitboot_core.aio.limits import network_of, source_of
from bitboot_core.model import address_scope

from .wire import ID_BYTES

_BOUND_BITS = 21
_FREE_BITS = 8 * ID_BYTES - _BOUND_BITS
_VARIANTS = 8
"""Places that one address has."""


class Origin(NamedTuple):
    """A public address's source and network, as bytes."""

    source: bytes
    network: bytes


class Spread(NamedTuple):
    """How many of one source, and of one network, are preferred in a choice."""

    per_source: int
    per_network: int


APART = Spread(1, 1)
"""Each of another network."""


@lru_cache(maxsize=8192)
def origin_of(ip: bytes) -> Origin | None:
    """Where a packed IP address belongs; None where it is not public."""
    return Origin(source_of(ip), network_of(ip)) if address_scope(ip) == "public" else None


def bound_id(ip: bytes, rng: random.Random) -> bytes:
    """An id for a node that is seen at `ip`, packed. Of chance where that is not public."""
    node_id = rng.getrandbits(8 * ID_BYTES)
    origin = origin_of(ip)
    if origin is not None:
        prefix = _prefix(origin.source, node_id % _VARIANTS)
        node_id = prefix << _FREE_BITS | node_id & ((1 << _FREE_BITS) - 1)
    return node_id.to_bytes(ID_BYTES, "big")


def fits(node_id: bytes, ip: bytes) -> bool:
    """Whether `node_id` may be used at `ip`, packed."""
    origin = origin_of(ip)
    number = int.from_bytes(node_id, "big")
    return origin is None or number >> _FREE_BITS == _prefix(origin.source, number % _VARIANTS)


@lru_cache(maxsize=16_384)
def _prefix(source: bytes, variant: int) -> int:
    digest = hashlib.blake2b(source + bytes((variant,)), digest_size=4, person=b"bitboot id").digest()
    return int.from_bytes(digest, "big") >> 32 - _BOUND_BITS


class Placed(Protocol):
    """Whatever is chosen: it has an origin, and an id that fits it or does not."""

    @property
    def origin(self) -> Origin | None:
        """Its source and network."""

    @property
    def fits(self) -> bool:
        """Whether its id is one that its address has."""


AnyPlaced = TypeVar("AnyPlaced", bound=Placed)


def preferred(
    ordered: Iterable[AnyPlaced], spread: Spread, passed_over: list[AnyPlaced]
) -> Iterator[AnyPlaced]:
    """Those of `ordered` that fit, a few only of each source and network. The rest go to `passed_over`."""
    sources: Counter[bytes] = Counter()
    networks: Counter[bytes] = Counter()
    for one in ordered:
        origin = one.origin
        if origin is None:
            yield one
        elif (
            one.fits
            and sources[origin.source] < spread.per_source
            and networks[origin.network] < spread.per_network
        ):
            sources[origin.source] += 1
            networks[origin.network] += 1
            yield one
        else:
            passed_over.append(one)
