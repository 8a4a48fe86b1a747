"""What happens to networks: cables that are pulled, addresses that change."""

from __future__ import annotations

from .lab import Lab
from .topology import gateway


def pull(lab: Lab, host: str) -> None:
    """Pull a public host's or a home's cable, at the provider's end: nothing passes."""
    lab.ip("core", "link", "set", host, "down")


def plug(lab: Lab, host: str) -> None:
    """Plug it in again."""
    lab.ip("core", "link", "set", host, "up")


def readdress(lab: Lab, host: str, old: str, new: str, device: str = "eth0") -> None:
    """Give a public host (device `eth0`) or a home's router (`wan`) another address, as DHCP does."""
    lab.ip("core", "addr", "add", f"{gateway(new)}/24", "dev", host)
    lab.ip(host, "addr", "del", f"{old}/24", "dev", device)
    lab.ip(host, "addr", "add", f"{new}/24", "dev", device)
    lab.ip(host, "route", "add", "default", "via", gateway(new))
