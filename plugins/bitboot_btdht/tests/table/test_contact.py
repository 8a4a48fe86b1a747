"""Buckets, and what is kept of them."""

from __future__ import annotations

import pytest
from bitboot_btdht.simulation import public_address
from bitboot_btdht.table.contact import Bucket, Contact
from bitboot_btdht.wire.compact import Address, pack


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


@pytest.mark.parametrize(
    ("first", "second", "one_per_subnet", "both"),
    [
        (pack("21.0.0.1", 1), pack("21.0.0.1", 1), False, False),
        (pack("21.0.0.1", 1), pack("21.0.0.2", 1), False, True),
        (pack("21.0.0.1", 1), pack("21.0.0.2", 1), True, False),
        (pack("21.0.0.1", 1), pack("21.0.1.1", 1), True, True),
        (pack("2a00::1", 1), pack("2a00::2", 1), True, False),
        (pack("192.168.1.1", 1), pack("192.168.1.2", 1), True, True),
        (pack("192.168.1.1", 1), pack("192.168.1.1", 2), True, False),
        (pack("127.0.0.1", 1), pack("127.0.0.1", 2), False, True),
    ],
)
def test_one_public_subnet_or_local_ip_has_one_that_waits_the_latest(
    first: Address, second: Address, one_per_subnet: bool, both: bool
) -> None:
    bucket = Bucket(0.0)
    for address in first, public_address(1000), second:
        bucket.wait(Contact(bytes(20), address, 0.0, 0.1), 8, one_per_subnet=one_per_subnet)
    expected = [first] * both + [public_address(1000), second]
    assert [contact.address for contact in bucket.waiting] == expected
