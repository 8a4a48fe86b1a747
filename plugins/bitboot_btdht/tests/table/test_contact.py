"""Buckets, and what is kept of them."""

from __future__ import annotations

from bitboot_btdht.simulation import public_address
from bitboot_btdht.table.contact import Bucket, Contact


def test_a_bucket_tells_of_all_whom_it_holds_now_and_only_while_all_are_good() -> None:
    bucket = Bucket(0.0)
    first, second = (Contact(bytes([number]) * 20, public_address(number), 10.0, 0.1) for number in (1, 2))
    bucket.add(first, 10.0)
    assert bucket.good_infos(900.0, 10.0) == first.info
    bucket.add(second, 11.0)
    assert bucket.good_infos(900.0, 11.0) == first.info + second.info
    bucket.remove(first)
    assert bucket.good_infos(900.0, 12.0) == second.info
    bucket.failed(second)
    assert bucket.good_infos(900.0, 13.0) is None
    second.failures = 0
    assert bucket.good_infos(900.0, 909.0) == second.info
    assert bucket.good_infos(900.0, 910.0) is None, "15 minutes after it was heard"
