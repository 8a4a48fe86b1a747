"""What systemd hands to a service, and what it wants to hear: sd_listen_fds(3) and sd_notify(3).

Not by a library: python-systemd is built with a C compiler, and sdnotify has had no release since 2017.
Elsewhere than under systemd nothing here does anything.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping, MutableMapping

from bitboot_core import ListenFailed
from bitboot_core.aio.logs import logger

_log = logger(__name__)

FIRST_FD = 3
"""The first socket that is handed over (SD_LISTEN_FDS_START)."""

MOST_SOCKETS = 8
"""More than a unit of ours asks for; who hands over more means somebody else."""


def passed_sockets(
    environ: MutableMapping[str, str] = os.environ, *, pid: int | None = None
) -> list[socket.socket]:
    """The listening sockets that systemd opened for this process, which closes them from now on.

    The variables that tell of them are removed, so that no child takes them for its own. Raises ListenFailed
    where what is handed over is no listening stream socket.
    """
    stated = {name: environ.pop(name, "") for name in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES")}
    if stated["LISTEN_PID"] != str(os.getpid() if pid is None else pid):
        return []  # for a parent of ours, if for anybody
    number = stated["LISTEN_FDS"]
    if not number.isdecimal() or int(number) > MOST_SOCKETS:
        raise ListenFailed(
            f"systemd says LISTEN_FDS={number!r}, which is no number of sockets up to {MOST_SOCKETS}",
            hint="let the unit's socket file have one or two ListenStream= lines",
        )
    return [_listening(fd) for fd in range(FIRST_FD, FIRST_FD + int(number))]


def _listening(fd: int) -> socket.socket:
    try:
        os.set_inheritable(fd, False)
        passed = socket.socket(fileno=fd)
        listens = passed.type == socket.SOCK_STREAM and passed.getsockopt(
            socket.SOL_SOCKET, socket.SO_ACCEPTCONN
        )
    except OSError as error:
        raise ListenFailed(
            f"file descriptor {fd} from systemd is no socket: {error.strerror}",
            hint="start the service by its .socket unit, or unset LISTEN_PID and LISTEN_FDS",
        ) from error
    if not listens:
        passed.detach()  # it stays whoever's it is
        raise ListenFailed(
            f"file descriptor {fd} from systemd is no listening stream socket",
            hint="the .socket unit must say ListenStream=, and not Accept=yes",
        )
    return passed


class Notifier:
    """Tells systemd how the service is doing.

    What cannot be told is logged and raises nothing: a service does not end since nobody listens.
    """

    def __init__(self, address: str = "") -> None:
        """`address`: a path, or `@` and a name of the abstract kind; "": there is nobody to tell."""
        self._address = address

    @classmethod
    def from_environment(cls, environ: MutableMapping[str, str] = os.environ) -> Notifier:
        """As this process was started. The variable is removed, so that no child speaks for it."""
        return cls(environ.pop("NOTIFY_SOCKET", ""))

    def ready(self, status: str = "") -> None:
        """The service has started, or is done with reading its configuration again."""
        self._tell({"READY": "1", "STATUS": status})

    def reloading(self) -> None:
        """It reads its configuration again; `ready` follows."""
        self._tell({"RELOADING": "1", "MONOTONIC_USEC": str(time.monotonic_ns() // 1000)})

    def stopping(self) -> None:
        """It ends."""
        self._tell({"STOPPING": "1"})

    def status(self, text: str) -> None:
        """One line for `systemctl status`."""
        self._tell({"STATUS": text})

    def _tell(self, fields: Mapping[str, str]) -> None:
        if not self._address:
            return
        # One line each: what a text has of others is no field of ours.
        lines = [f"{name}={' '.join(text.split())}" for name, text in fields.items() if text]
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
                manager.setblocking(False)  # the event loop waits for nobody
                manager.sendto("\n".join(lines).encode(), address)
        except OSError as error:
            _log.warning("systemd could not be told %s: %s", lines[0], error)
