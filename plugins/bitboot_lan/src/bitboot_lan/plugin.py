"""What this distribution brings to Bitboot. Imports nothing heavy."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable

from bitboot_core import Backend, BackendConfig, BackendSpec, NetworkDefinition, hookimpl

BITBOOT_API = 1


def _make_backend(config: BackendConfig) -> Backend:
    from .backend import LanBackend  # noqa: PLC0415 - only programs that use it pay for it

    return LanBackend(config)


def _make_dnssd(config: BackendConfig) -> Backend:
    from .dnssd import DnssdBackend  # noqa: PLC0415

    return DnssdBackend(config)


def _without_zeroconf() -> str | None:
    if importlib.util.find_spec("zeroconf") is not None:
        return None
    return 'zeroconf is not installed: pip install "bitboot-core[zeroconf]"'


@hookimpl
def bitboot_backends() -> Iterable[BackendSpec]:
    """The backends `lan` and `lan-dnssd`."""
    return [
        BackendSpec("lan", ["bep14"], _make_backend, "multicast on the local network (BEP 14)"),
        BackendSpec(
            "lan-dnssd",
            ["dns-sd"],
            _make_dnssd,
            "DNS-SD on the local network, on the library zeroconf",
            _without_zeroconf,
        ),
    ]


@hookimpl
def bitboot_networks() -> Iterable[NetworkDefinition]:
    """The networks `lan` and `lan-dnssd`. They have no bootstrap contacts: on one network all hear all."""
    return [
        NetworkDefinition(
            "lan",
            protocol="bep14",
            description="the local network: peers in the same house, with no DHT and no internet (BEP 14)",
        ),
        NetworkDefinition(
            "lan-dnssd",
            protocol="dns-sd",
            description="the local network by multicast DNS, as printers do it: the service _bitboot._udp",
        ),
    ]
