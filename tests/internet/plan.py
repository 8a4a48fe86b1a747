"""Namespaces, cables, addresses and routes, collected first and then handed to `ip` in few batches."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence

from . import topology
from .topology import DUAL_STACK, HOMES, PUBLIC, Home, gateway, home_network, ipv6_of


class BuildFailed(Exception):
    """A command failed that builds the lab. Says which, and what it said."""


class Plan:
    """The network as it is to be: `apply()` makes it."""

    def __init__(self, all_wired: bool) -> None:
        self.wires: list[tuple[float, float]] = []
        """Milliseconds of delay and percent of loss of each long cable, for `programs/wire.py`."""
        self.hosts: dict[str, list[str]] = {}
        """Each host, and what `ip` is told there."""
        self._all_wired = all_wired
        self._links: list[str] = []

    def add(self, *hosts: str) -> None:
        """Add hosts."""
        for host in hosts:
            self.hosts[host] = ["link set lo up"]

    def set(self, host: str, *lines: str) -> None:
        """Have `ip` do something on a host."""
        self.hosts[host] += lines

    def connect(self, host: str, device: str, other: str, far_device: str, mtu: int | None = None) -> None:
        """Connect two hosts by a cable."""
        ends = f"dev {device} netns {host} type veth peer name {far_device} netns {other}"
        self._links.append(f"link add {ends}")
        size = f" mtu {mtu}" if mtu else ""
        self.set(host, f"link set dev {device}{size} up")
        self.set(other, f"link set dev {far_device}{size} up")

    def connect_to_core(self, host: str, device: str, core_device: str, home: Home | None = None) -> None:
        """A cable to the core, through the process `wire.py` where it is to be long or lossy."""
        delay, loss, mtu = (home.delay, home.loss, home.mtu) if home else (0, 0, None)
        if not (delay or loss or self._all_wired):
            self.connect(host, device, "core", core_device, mtu)
            return
        index = len(self.wires)
        self.wires.append((delay, loss))
        self.connect(host, device, "wire", f"a{index}", mtu)
        self.connect("core", core_device, "wire", f"b{index}", mtu)

    def address(self, host: str, device: str, address: str, default_route: bool = True) -> None:
        """Give a host an address, and a way out through the first address of the same network."""
        length = "64 nodad" if ":" in address else "24"
        self.set(host, f"addr add {address}/{length} dev {device}")
        if default_route:
            self.set(host, f"route add {'::/0' if ':' in address else 'default'} via {gateway(address)}")

    def outside(
        self, host: str, device: str, core_device: str, address: str, default_route: bool = True
    ) -> None:
        """A public address for a host, with the core as its gateway."""
        self.address(host, device, address, default_route)
        self.address("core", core_device, gateway(address), default_route=False)

    def apply(self) -> None:
        """Make it. Raises BuildFailed."""
        command(["ip", "-batch", "-"], "".join(f"netns add {host}\n" for host in self.hosts))
        command(["ip", "-batch", "-"], "\n".join(self._links) + "\n")
        for host, lines in self.hosts.items():
            # Routes last: they need the addresses, and the devices up.
            lines.sort(key=lambda line: line.startswith("route"))
            command(["ip", "-n", host, "-batch", "-"], "\n".join(lines) + "\n")


def command(arguments: Sequence[str], text: str = "") -> None:
    """Run a command to its end. Raises BuildFailed."""
    done = subprocess.run(arguments, check=False, input=text, text=True, capture_output=True)
    if done.returncode:
        raise BuildFailed(f"{' '.join(arguments)}: {done.stderr.strip()}")


def small_internet(delays: bool, dead: int) -> Plan:
    """All hosts, cables, addresses and routes of `topology`."""
    plan = Plan(all_wired=delays)
    public: Mapping[str, str] = {**PUBLIC, **topology.dead_hosts(dead)}
    plan.add("core", "wire", "isp", *public, *(home.name for home in HOMES), *topology.HOME_HOSTS)
    for host, address in public.items():
        plan.connect_to_core(host, "eth0", host)
        plan.outside(host, "eth0", host, address)
        if host in DUAL_STACK:
            plan.outside(host, "eth0", host, ipv6_of(host))
    plan.connect_to_core("multi", "eth1", "multi-b")
    plan.outside("multi", "eth1", "multi-b", topology.SECOND_ADDRESS, default_route=False)
    for home in HOMES:
        _add_home(plan, home)
    # What has no address in here goes nowhere, in silence.
    plan.set("core", "route add blackhole default", "route add blackhole ::/0")
    return plan


def _add_home(plan: Plan, home: Home) -> None:
    if home.carrier:
        plan.connect_to_core("isp", "wan", "isp")
        plan.outside("isp", "wan", "isp", home.address)
        plan.connect("isp", "lan", home.name, "wan")
        plan.address("isp", "lan", "100.64.0.1", default_route=False)
        plan.address(home.name, "wan", "100.64.0.2")
    else:
        plan.connect_to_core(home.name, "wan", home.name, home)
        plan.outside(home.name, "wan", home.name, home.address)
    inside = home_network(home)
    plan.set(home.name, "link add lan type bridge", "link set lan up")
    plan.address(home.name, "lan", f"{inside}.1", default_route=False)
    for index, host in enumerate(home.hosts):
        plan.connect(host, "eth0", home.name, host)
        plan.set(home.name, f"link set dev {host} master lan")
        plan.address(host, "eth0", f"{inside}.{10 + index}")
    if home.ipv6:
        plan.outside(home.name, "wan", home.name, topology.IPV6_LINK)
        plan.set("core", f"route add {topology.IPV6_PREFIX} via {topology.IPV6_LINK}")
        plan.address(home.name, "lan", gateway(topology.IPV6_HOST), default_route=False)
        plan.address(home.hosts[0], "eth0", topology.IPV6_HOST)
