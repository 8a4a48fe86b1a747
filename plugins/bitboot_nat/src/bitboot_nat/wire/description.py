"""A UPnP device's description: the services that it has, and where they are asked (sans-IO)."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import SplitResult, urljoin, urlsplit

from .xml import parse

CONNECTIONS = (
    "urn:schemas-upnp-org:service:WANIPConnection:2",
    "urn:schemas-upnp-org:service:WANIPConnection:1",
    "urn:schemas-upnp-org:service:WANPPPConnection:1",
)
"""Those that map ports."""

FIREWALL = "urn:schemas-upnp-org:service:WANIPv6FirewallControl:1"
"""The one that opens ports of IPv6 (UPnP WANIPv6FirewallControl:1)."""

MAX_SERVICES = 16


@dataclass(frozen=True, slots=True)
class Service:
    """A service: its type, and the URL that it is asked at."""

    kind: str
    control: str


def read_services(data: bytes, location: str) -> list[Service]:
    """The services that open ports, in the order of the description. Raises xml.Refused.

    `location`: where the description was. A service elsewhere is left out: a device speaks for itself alone.
    """
    root = parse(data)
    base = root.text_of("URLBase") or location
    host = host_of(location)
    found = []
    for element in root.all("service"):
        kind = element.text_of("serviceType")
        control = _joined(base, element.text_of("controlURL"))
        if kind in (*CONNECTIONS, FIREWALL) and control and host_of(control) == host:
            found.append(Service(kind, control))
    return found[:MAX_SERVICES]


def host_of(url: str) -> str | None:
    """The IP address that an http URL leads to, without a zone. None for a name, or what is no such URL."""
    parts = split(url)
    if parts is None or parts.hostname is None:
        return None
    try:
        return str(ipaddress.ip_address(parts.hostname.partition("%")[0]))
    except ValueError:
        return None


def split(url: str) -> SplitResult | None:
    """The parts of an http URL with a port that can be one; None for anything else."""
    if not url.isascii() or not url.isprintable() or " " in url or len(url) > 512:
        return None  # each goes into a request's head
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme != "http" or parts.username is not None or port == 0:
        return None
    return parts


def _joined(base: str, path: str) -> str:
    if not path:
        return ""
    try:
        return urljoin(base, path)
    except ValueError:
        return ""
