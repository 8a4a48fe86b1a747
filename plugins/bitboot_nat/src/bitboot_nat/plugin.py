"""The hook. It imports nothing heavy: a mapper's own modules wait until one is made."""

from __future__ import annotations

from collections.abc import Iterable

from bitboot_core import PortMapper, PortMapperSpec, hookimpl

BITBOOT_API = 1


def _pcp() -> PortMapper:
    from .mappers.pcp import PcpMapper  # noqa: PLC0415

    return PcpMapper()


def _nat_pmp() -> PortMapper:
    from .mappers.natpmp import NatPmpMapper  # noqa: PLC0415

    return NatPmpMapper()


def _upnp() -> PortMapper:
    from .mappers.upnp import UpnpMapper  # noqa: PLC0415

    return UpnpMapper()


def _pinholes() -> PortMapper:
    from .mappers.pinholes import PinholeMapper  # noqa: PLC0415

    return PinholeMapper()


@hookimpl
def bitboot_port_mappers() -> Iterable[PortMapperSpec]:
    """The methods that routers know, the best first."""
    both = frozenset({4, 6})
    return [
        PortMapperSpec("pcp", _pcp, "Port Control Protocol (RFC 6887)", rank=10, families=both),
        PortMapperSpec("nat-pmp", _nat_pmp, "NAT Port Mapping Protocol (RFC 6886)", rank=20),
        PortMapperSpec("upnp", _upnp, "UPnP Internet Gateway Device 1 and 2", rank=30),
        PortMapperSpec(
            "upnp-ipv6", _pinholes, "UPnP pinholes in an IPv6 firewall", rank=30, families=frozenset({6})
        ),
    ]
