"""SSDP, by which UPnP devices are found (UPnP Device Architecture 1.1, section 1.3), sans-IO."""

from __future__ import annotations

from dataclasses import dataclass

PORT = 1900
GROUPS = {4: "239.255.255.250", 6: "ff02::c"}
"""Where devices listen for searches; for IPv6 on one link (annex A.2)."""

TARGETS = (
    "urn:schemas-upnp-org:device:InternetGatewayDevice:2",
    "urn:schemas-upnp-org:device:InternetGatewayDevice:1",
)
"""Searched for at the same time: some routers of version 2 answer to 1 alone, and the other way round."""

MAX_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Found:
    """An answer to a search: the URL of the device's description, and what it says it is."""

    location: str
    target: str


def search(target: str, group: str) -> bytes:
    """Search for devices. It is sent to the group, or to one machine alone, which then answers at once."""
    host = f"[{group}]" if ":" in group else group
    return (
        f'M-SEARCH * HTTP/1.1\r\nHOST: {host}:{PORT}\r\nMAN: "ssdp:discover"\r\nMX: 1\r\nST: {target}\r\n\r\n'
    ).encode("ascii")


def read_found(datagram: bytes) -> Found | None:
    """The answer of an internet gateway, None where it is none."""
    if len(datagram) > MAX_BYTES:
        return None
    status, *lines = datagram.decode("latin-1").split("\r\n")
    if not status.startswith("HTTP/1.") or status.split(" ")[1:2] != ["200"]:
        return None
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if colon:
            headers.setdefault(name.strip().lower(), value.strip())
    location, target = headers.get("location", ""), headers.get("st", "")
    if "InternetGatewayDevice" not in target or not location:
        return None
    return Found(location, target)
