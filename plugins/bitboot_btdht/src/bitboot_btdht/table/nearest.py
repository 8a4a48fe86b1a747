"""Of the contacts in a table's buckets, those closest to a target.

With our own id as the dividing line whole buckets come in order of distance: none of them has a contact that
is closer than one of a bucket before it. So no more than one bucket at a time has to be put in order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ..wire.node_id import ID_BITS
from .contact import Bucket, Contact


def _nobody(bucket: Bucket) -> list[Contact]:
    """Of those that wait for a place, none."""
    return []


def closest(
    buckets: list[Bucket],
    own: int,
    number: int,
    count: int,
    *,
    bad_after: int,
    waiting: Callable[[Bucket], list[Contact]] = _nobody,
) -> Iterator[Contact]:
    """The `count` contacts closest to an id, nearest first, bad ones left out. `own`: our id.

    `waiting`: which of those that wait for a place in a bucket are among them, on top of `count`. Each bucket
    is put in order when it is needed: a lookup asks the nearest before it looks at the others.
    """
    for bucket in _by_distance(buckets, own ^ number):
        usable = [contact for contact in bucket.contacts if contact.failures < bad_after]
        usable.sort(key=lambda contact: contact.number ^ number)
        chosen = usable[:count]
        if others := waiting(bucket):
            chosen += others
            chosen.sort(key=lambda contact: contact.number ^ number)
        yield from chosen
        count -= len(usable)
        if count <= 0:
            break


def good_infos(
    buckets: list[Bucket], own: int, number: int, count: int, *, good_for: float, now: float
) -> bytes | None:
    """The compact node info of the `count` good ones, in no order; None where there are fewer."""
    found, left = b"", count
    for bucket in _by_distance(buckets, own ^ number):
        good, infos = bucket.contacts, bucket.good_infos(good_for, now)
        if infos is None:
            heard_since = now - good_for
            good = [one for one in good if not one.failures and one.last_seen > heard_since]
            infos = b"".join([contact.info for contact in good])
        if len(good) >= left:
            return found + (infos if len(good) == left else _nearest(good, infos, number, left))
        found += infos
        left -= len(good)
    return None


def _nearest(contacts: list[Contact], infos: bytes, number: int, count: int) -> bytes:
    """The infos of the `count` contacts closest to an id, of all their infos: their order stays."""
    size = len(infos) // len(contacts)
    distances = [contact.number ^ number for contact in contacts]
    farthest = sorted(distances)[count - 1]
    return b"".join(
        [
            infos[place * size : place * size + size]
            for place, distance in enumerate(distances)
            if distance <= farthest
        ]
    )


def _by_distance(buckets: list[Bucket], difference: int) -> Iterator[Bucket]:
    """The buckets, that with the contacts closest to a target first. `difference`: of our id and the target.

    The contacts of bucket i differ from us in bit i, and in none before it. Where the target does so too they
    are closer to it than all in deeper buckets, which do not; where it does not, all of these are closer.
    """
    last = len(buckets) - 1
    bits = difference >> (ID_BITS - last)  # as many as there are buckets before the last
    for index in range(last):
        if bits >> (last - 1 - index) & 1:
            yield buckets[index]
    yield buckets[last]
    for index in range(last - 1, -1, -1):
        if not bits >> (last - 1 - index) & 1:
            yield buckets[index]
