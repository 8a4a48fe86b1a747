"""Which router is asked: what Linux tells, and what is guessed elsewhere."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from bitboot_nat import gateway
from bitboot_nat.gateway import Gateway, default_gateways, read_ipv4_routes, read_ipv6_routes
from hypothesis import given
from hypothesis import strategies as st

V4 = """\
Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
wlan0\t00000000\t0102A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0
eth0\t00000000\t0101A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0
tun0\t00000000\t00000000\t0001\t0\t0\t50\t00000000\t0\t0\t0
eth0\t0001A8C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0
eth1\t00000000\t0103A8C0\t0002\t0\t0\t100\t00000000\t0\t0\t0
vpn0\t00000000\t0104A8C0\t0003\t0\t0\t10\t00000080\t0\t0\t0
eth0\tbroken
"""

V6 = """\
00000000000000000000000000000000 00 00000000000000000000000000000000 00 fe800000000000000000000000000001 00000400 00000003 00000000 00000003     eth0
00000000000000000000000000000000 00 00000000000000000000000000000000 00 2a09f0f1000000000000000000000001 00000100 00000003 00000000 00000003     eth1
2a09f0f1000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000001 00000000 00000001     eth0
00000000000000000000000000000000 00 00000000000000000000000000000000 00 00000000000000000000000000000000 ffffffff 00000001 00000000 00200200       lo
nonsense
"""  # noqa: E501 - as the kernel writes it


@pytest.mark.skipif(sys.byteorder != "little", reason="the kernel writes addresses in its own byte order")
def test_ipv4_routes_by_metric() -> None:
    assert read_ipv4_routes(V4) == ["192.168.1.1", "192.168.2.1"]


def test_ipv6_routes_by_metric_with_zones() -> None:
    assert read_ipv6_routes(V6) == ["2a09:f0f1::1", "fe80::1%eth0"]


@given(st.text(max_size=200))
def test_nothing_raises(text: str) -> None:
    read_ipv4_routes("head\n" + text)
    read_ipv6_routes(text)


def test_the_files_are_read(tmp_path: Path) -> None:
    (tmp_path / "four").write_text(V4)
    (tmp_path / "six").write_text(V6)
    files = {4: tmp_path / "four", 6: tmp_path / "six"}
    assert all(one.is_sure for one in default_gateways(4, files))
    assert [one.host for one in default_gateways(6, files)] == ["2a09:f0f1::1", "fe80::1%eth0"]


def test_no_more_than_a_few_are_asked(tmp_path: Path) -> None:
    lines = [f"eth{n}\t00000000\t01{n:02x}A8C0\t0003\t0\t0\t{n}\t00000000" for n in range(1, 30)]
    (tmp_path / "four").write_text("head\n" + "\n".join(lines))
    assert len(default_gateways(4, {4: tmp_path / "four"})) == 4


@pytest.mark.parametrize(
    ("own", "guessed"),
    [
        ("192.168.1.7", ["192.168.1.1", "192.168.1.254"]),
        ("192.168.1.1", ["192.168.1.254"]),
        ("10.3.4.5", ["10.3.4.1", "10.3.4.254"]),
        ("81.2.69.160", []),  # nobody's router is guessed on the internet
        (None, []),
    ],
)
def test_elsewhere_it_is_guessed(
    own: str | None, guessed: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway.Gateway, "own_address", lambda self: own)
    missing = {4: tmp_path / "none", 6: tmp_path / "none"}
    assert default_gateways(4, missing) == [Gateway(host, is_sure=False) for host in guessed]
    assert default_gateways(6, missing) == []


def test_addresses_as_sockets_take_them() -> None:
    assert Gateway("192.168.1.1").at(5351) == ("192.168.1.1", 5351)
    assert Gateway("2a09:f0f1::1").at(5351) == ("2a09:f0f1::1", 5351, 0, 0)
    assert Gateway("fe80::1%7").at(5351) == ("fe80::1", 5351, 0, 7)


def test_our_own_address_on_the_way_there() -> None:
    assert Gateway("127.0.0.1").own_address() == "127.0.0.1"
