"""Of the contacts in a table's buckets, those closest to a target.

With our own id as the dividing line distances come sorted by bucket: first the target's own bucket, then all
nearer to us than it, then the farther ones, one after another.
"""

from __future__ import annotations

from collections.abc import Iterator

from .contact import Bucket, Contact


def closest(buckets: list[Bucket], index: int, number: int, count: int, bad_after: int) -> list[Contact]:
    """The `count` contacts closest to an id, nearest first, bad ones left out. Its own bucket: `index`."""
    found: list[Contact] = []
    for group in _groups(buckets, index):
        usable = [contact for contact in group if contact.failures < bad_after]
        usable.sort(key=lambda contact: contact.number ^ number)
        found += usable[: count - len(found)]
        if len(found) == count:
            break
    return found


def good_infos(
    buckets: list[Bucket], index: int, number: int, count: int, *, good_for: float, now: float
) -> bytes | None:
    """The compact node info of the `count` good ones, in no order; None where there are fewer.

    What a bucket of good ones keeps is taken as it is: for most targets that is the whole answer.
    """
    bucket = buckets[index]
    left, infos = count - len(bucket.contacts), bucket.good_infos(good_for, now)
    if infos is None:
        return _some_infos(buckets, index, number, count, heard_since=now - good_for)
    if left:
        others = _some_infos(buckets, index, number, left, heard_since=now - good_for, but=bucket)
        return None if others is None else infos + others
    return infos


def _some_infos(
    buckets: list[Bucket],
    index: int,
    number: int,
    left: int,
    *,
    heard_since: float,
    but: Bucket | None = None,
) -> bytes | None:
    found: list[bytes] = []
    for group in _groups(buckets, index):
        if but is not None and group is but.contacts:
            continue
        good = [contact for contact in group if not contact.failures and contact.last_seen > heard_since]
        if len(good) > left:  # else all are taken, in whichever order
            good.sort(key=lambda contact: contact.number ^ number)
            del good[left:]
        found += [contact.info for contact in good]
        left -= len(good)
        if not left:
            return b"".join(found)
    return None


def _groups(buckets: list[Bucket], index: int) -> Iterator[list[Contact]]:
    yield buckets[index].contacts
    if index + 1 < len(buckets):
        yield [contact for bucket in buckets[index + 1 :] for contact in bucket.contacts]
    for bucket in reversed(buckets[:index]):
        yield bucket.contacts
