"""What systemd is told (sd_notify(3)). Nothing happens where nobody asked to be told."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping

from bitboot_core.aio.logs import logger

log = logger(__name__)


def notify(*lines: str, environ: Mapping[str, str] | None = None) -> None:
    """Send lines such as "READY=1" to the socket in NOTIFY_SOCKET."""
    address = (os.environ if environ is None else environ).get("NOTIFY_SOCKET", "")
    if not address or not hasattr(socket, "AF_UNIX"):
        return
    target = "\0" + address[1:] if address.startswith("@") else address
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sending:
            sending.sendto("\n".join(lines).encode(), target)
    except OSError as error:
        log.warning("systemd could not be told at %s: %s", ascii(address), error)


def reloading() -> tuple[str, str]:
    """What is told when the configuration is read again, with the time that `Type=notify-reload` asks for."""
    return "RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}"
