"""Asking the daemon that runs, and ending it."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import time
from pathlib import Path
from typing import Any

import click

from bitboot_core import BitBootError, NotRunning, UsageError

from .sockets import has_unix_sockets, is_own, lock_is_free

PATIENCE = 10.0
"""Seconds that the daemon may take to answer, or to end."""


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=PATIENCE)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def status_of(path: Path) -> dict[str, Any]:
    """What the daemon at this socket says of itself. Raises NotRunning where there is none of this user's.

    Another user's is not asked: what it says is shown on this terminal, and its pid is sent a signal.
    """
    if not has_unix_sockets():
        raise UsageError("this system has no unix sockets", hint="ask the TCP port: GET /v1/status")
    if path.exists() and not is_own(path):
        raise NotRunning(
            f"{path} belongs to another user, with the id {path.stat().st_uid}",
            hint="ask as that user, for example with `sudo -u`",
        )
    connection = _Connection(path)
    try:
        connection.request("GET", "/v1/status")
        found: dict[str, Any] = json.loads(connection.getresponse().read())
        if found["pid"] < 1:  # a signal to such a one reaches many processes
            raise ValueError(f"{found['pid']} is no daemon's pid")
    except (LookupError, TypeError, OSError, http.client.HTTPException, ValueError) as error:
        raise NotRunning(
            f"no daemon answers on {path}: {error}", hint="start one with `bitboot serve`"
        ) from None
    finally:
        connection.close()
    return found


def show_status(path: Path, *, as_json: bool) -> int:
    """Print how the daemon is doing. Raises NotRunning."""
    status = status_of(path)
    if as_json:
        click.echo(json.dumps(status))
        return 0
    click.echo(f"version {status['version']}, pid {status['pid']}, for {status['uptime']:.0f} s")
    for network in status["networks"]:
        reach = ", ".join(f"IPv{one['family']} {one['reachability']}" for one in network["reachability"])
        click.echo(
            f"{network['name']} through {network['backend']}: {network['state']}, on {network['listen']}, "
            f"{network['contacts']} contacts{f', {reach}' if reach else ''}"
        )
    names = ("clients", "lookups", "announcements", "watches")
    click.echo(", ".join(f"{status[name]} {name}" for name in names))
    for problem in status["problems"]:
        click.echo(
            _plain(
                f"problem: {problem['message']}" + (f" (hint: {problem['hint']})" if problem["hint"] else "")
            )
        )
    return 0


def stop(path: Path) -> int:
    """End the daemon, and wait until it has ended. Raises NotRunning; BitBootError where it does not end."""
    pid = status_of(path)["pid"]
    os.kill(pid, signal.SIGTERM)
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        if _has_ended(pid, path):
            click.echo(f"the daemon with pid {pid} has ended")
            return 0
        time.sleep(0.02)
    raise BitBootError(
        f"the daemon with pid {pid} has not ended within {PATIENCE:g} s", hint=f"kill -9 {pid}"
    )


def _has_ended(pid: int, path: Path) -> bool:
    """Whether the process is gone, or has let go of its lock: its parent may not wait for it."""
    if lock_is_free(path):
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def _plain(text: str) -> str:
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)
