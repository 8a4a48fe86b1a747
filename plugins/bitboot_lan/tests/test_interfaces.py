"""Which of a machine's addresses are used, and who is a neighbour."""

from __future__ import annotations

import ipaddress

import pytest
from bitboot_lan.interfaces import MAX_ADDRESSES, MAX_PER_INTERFACE, Address, choose, look

LOOPBACK = [Address(1, "127.0.0.1", 8, "lo"), Address(1, "::1", 128, "lo")]
WIRED = [Address(2, "192.168.1.5", 24, "eth0"), Address(2, "fe80::5", 64, "eth0")]
WIRELESS = [Address(3, "10.0.0.7", 8, "wlan0"), Address(3, "2001:db8:1::7", 64, "wlan0")]
TUNNEL = [Address(4, "10.8.0.2", 32, "wg0"), Address(4, "fd00::2", 128, "wg0"), Address(5, "10.9.0.2", 31)]


def hosts(found: list[Address], only: str | None = None) -> set[str]:
    return {address.host for address in choose(found, only).addresses}


def test_every_interface_with_neighbours_is_used() -> None:
    used = hosts(LOOPBACK + WIRED + WIRELESS + TUNNEL)
    assert used == {"192.168.1.5", "10.0.0.7", "2001:db8:1::7"}


def test_a_machine_with_loopback_alone_uses_that() -> None:
    assert hosts(LOOPBACK) == {"127.0.0.1"}
    assert hosts(LOOPBACK + TUNNEL) == {"127.0.0.1"}


def test_no_ipv4_and_no_ipv6() -> None:
    assert hosts([LOOPBACK[1], WIRED[1]]) == {"fe80::5"}
    assert hosts([LOOPBACK[0], WIRED[0]]) == {"192.168.1.5"}
    assert hosts([]) == set()


def test_one_address_alone_may_be_asked_for() -> None:
    assert hosts(LOOPBACK + WIRED, "127.0.0.1") == {"127.0.0.1"}
    assert hosts(LOOPBACK + WIRED, "192.168.1.5") == {"192.168.1.5"}
    assert hosts(LOOPBACK + WIRED, "192.168.1.6") == set()
    assert hosts(LOOPBACK + WIRED, "fe80::5%eth0") == {"fe80::5"}


def test_a_link_local_address_is_used_where_there_is_no_wider_one() -> None:
    wider = Address(2, "2001:db8::5", 64)
    assert hosts([*WIRED, wider]) == {"192.168.1.5", "2001:db8::5"}
    assert hosts([WIRED[1], *WIRELESS]) == {"fe80::5", "10.0.0.7", "2001:db8:1::7"}
    zeroconf = Address(2, "169.254.7.7", 16)
    assert hosts([zeroconf]) == {"169.254.7.7"}
    assert hosts([zeroconf, WIRED[0]]) == {"192.168.1.5"}


def test_their_number_is_bounded() -> None:
    temporary = [Address(2, f"2001:db8::{number}", 64) for number in range(1, 50)]
    assert len(hosts(temporary)) == MAX_PER_INTERFACE
    many = [Address(number, f"10.{number}.0.1", 24) for number in range(1, 200)]
    assert len(hosts(many)) == MAX_ADDRESSES


@pytest.mark.parametrize(
    ("host", "counts"),
    [
        ("192.168.1.77", True),
        ("192.168.2.77", False),
        ("10.200.3.4", True),
        ("203.0.113.7", False),
        ("fe80::77%eth0", True),
        ("2001:db8:1::99", True),
        ("2001:db8:2::99", False),
        ("127.0.0.1", False),
        ("rubbish", False),
    ],
)
def test_only_who_is_on_a_network_of_ours_counts(host: str, *, counts: bool) -> None:
    assert choose(LOOPBACK + WIRED + WIRELESS + TUNNEL).is_neighbour(host) is counts


def test_neighbours_by_link_local_addresses_count_beside_wider_ones() -> None:
    assert choose([*WIRED, Address(2, "2001:db8::5", 64)]).is_neighbour("fe80::77%eth0")


def test_what_a_host_stands_for() -> None:
    interfaces = choose([WIRED[1], Address(4, "192.168.1.5", 24), *WIRELESS])
    for host, standing in (
        ("", {"192.168.1.5", "fe80::5", "10.0.0.7", "2001:db8:1::7"}),
        ("0.0.0.0", {"192.168.1.5", "10.0.0.7"}),
        ("::", {"fe80::5", "2001:db8:1::7"}),
        ("10.0.0.7", {"10.0.0.7"}),
        ("fe80::5%eth0", {"fe80::5"}),
        ("192.0.2.1", set()),
    ):
        assert {address.host for address in interfaces.standing_for(host)} == standing


def test_this_machine_s_addresses_are_found() -> None:
    found = look()
    assert "127.0.0.1" in {address.host for address in found}
    assert all(ipaddress.ip_address(address.host).version == address.family for address in found)
