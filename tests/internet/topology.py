"""What the small internet consists of: addresses, homes and their kinds of NAT. `build.py` builds it."""

from __future__ import annotations

from dataclasses import dataclass

NODE_PORT = 6881
"""Where the public nodes listen."""


def _named(prefix: str, addresses: str) -> dict[str, str]:
    return {f"{prefix}{index}": address for index, address in enumerate(addresses.split())}


# Every public host is in a /16 of its own, since DHT nodes count networks, not addresses.
LIBTORRENT = _named(
    "lt",
    """45.12.7.10 88.99.3.10 151.80.44.10 62.210.5.10 77.88.8.10 91.121.9.10
    94.23.16.10 109.74.20.10 130.89.14.10 141.76.2.10 158.69.33.10 163.172.1.10""",
)
BITBOOT = _named("bb", "176.31.7.10 178.33.9.10 185.21.216.10 188.165.3.10 193.70.11.10 195.154.6.10")
FREE = _named("free", "198.27.66.10 212.83.5.10 217.182.4.10 213.32.8.10")
PUBLIC = {**LIBTORRENT, **BITBOOT, **FREE, "multi": "80.67.1.10"}

DUAL_STACK = {*(f"lt{i}" for i in range(8)), *(f"bb{i}" for i in range(4)), "free0"}
ENFORCING = {f"lt{i}" for i in range(1, 12, 2)}
"""The libtorrent hosts with `dht_enforce_node_id`: they refuse ids that do not fit the address (BEP 42)."""

SECOND_ADDRESS = "81.2.3.10"
"""Of the host `multi`: on a second interface, without a default route."""

MAX_DEAD = 20


def dead_hosts(count: int) -> dict[str, str]:
    """Hosts that everybody will know and that will not answer."""
    return {f"dead{i}": f"{130 + i}.{7 * i + 11}.{i + 1}.10" for i in range(count)}


def ipv6_of(host: str) -> str:
    """The IPv6 address of a dual-stack host, again in a network of its own."""
    index = list(PUBLIC).index(host)
    return f"2a0{index % 10}:{0x1000 + 0x111 * index:x}:1::10"


def gateway(address: str) -> str:
    """The first address of the same network."""
    separator = "::" if ":" in address else "."
    return address.rsplit(separator, 1)[0] + separator + "1"


@dataclass(frozen=True)
class Home:
    """A router, which has the home's name, and the hosts behind it.

    `nat`: "cone" keeps the source port and lets in who was written to; "random" takes another port for
    every destination; "full" keeps the port, lets in anybody, and hairpins. `carrier`: behind the
    carrier's NAT `isp` as well. `delay` (milliseconds) and `loss` (percent) are one way.
    """

    name: str
    address: str
    hosts: tuple[str, ...]
    nat: str = "cone"
    carrier: bool = False
    upnp: bool = False
    ipv6: bool = False
    delay: float = 0
    loss: float = 0
    mtu: int | None = None
    udp_timeout: int | None = None


OFFICE = tuple(f"pc{i}" for i in range(24))
"""Machines of one LAN, one /24."""

HOMES = (
    Home("cone", "82.64.1.2", ("cone1",)),
    Home("random", "83.1.2.2", ("random1",), nat="random"),
    Home("cgn", "84.17.3.2", ("cgn1",), carrier=True, upnp=True),
    Home("lan", "85.25.4.2", ("lan1", "lan2")),
    Home("upnp", "86.10.5.2", ("upnp1",), upnp=True),
    Home("six", "87.98.6.2", ("six1",), ipv6=True, upnp=True),
    Home("lossy", "89.2.7.2", ("lossy1",), delay=75, loss=5),
    Home("small", "90.3.8.2", ("small1",), mtu=1280),
    Home("short", "92.5.9.2", ("short1",), udp_timeout=30),
    Home("full", "95.6.4.2", ("full1", "full2"), nat="full"),
    Home("office", "96.7.5.2", OFFICE),
)
HOME_HOSTS = tuple(host for home in HOMES for host in home.hosts)
OUTSIDE = {host: home.address for home in HOMES for host in home.hosts}
"""At which address the rest sees a host of a home."""

# The home `six`: its link to the provider, and the prefix that was delegated to it.
IPV6_LINK = "2a09:f0f0::2"
IPV6_PREFIX = "2a09:f0f1::/64"
IPV6_HOST = "2a09:f0f1::10"


def home_network(home: Home) -> str:
    """The first three octets of the addresses inside."""
    return f"192.168.{HOMES.index(home) + 1}"


# What the nodes' usual bootstrap names mean in here. One of them is dead, as on the real internet.
HOSTS_FILE = f"""\
127.0.0.1 localhost
::1 localhost
{PUBLIC["lt0"]} router.bittorrent.com
{ipv6_of("lt0")} router.bittorrent.com
{PUBLIC["lt2"]} dht.transmissionbt.com
{PUBLIC["lt4"]} dht.libtorrent.org
{ipv6_of("lt2")} dht.libtorrent.org
213.186.33.99 router.utorrent.com
"""
