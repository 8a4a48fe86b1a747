"""The sockets that the daemon opens itself, and the token of one."""

from __future__ import annotations

import ipaddress
import os
import secrets
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bitboot_core import InvalidConfig, KnownHost, ListenFailed

BACKLOG = 128


def has_unix_sockets() -> bool:
    """Whether this system has them for Python."""
    return hasattr(socket, "AF_UNIX") and os.name == "posix"


def is_own(path: Path) -> bool:
    """Whether what is at this path is this user's or root's. Raises OSError where nothing is."""
    return path.stat().st_uid in (os.getuid(), 0)


@contextmanager
def unix_socket(path: Path) -> Iterator[socket.socket]:
    """Listen on a socket that only this user can use, and remove it in the end. Raises ListenFailed.

    A lock beside it tells a daemon that runs from a socket that a killed one has left.
    """
    import fcntl  # noqa: PLC0415 - where there are unix sockets

    _prepare_folder(path.parent)
    try:
        lock = os.open(
            path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600
        )
    except OSError as error:
        raise ListenFailed(f"{path} cannot be made: {error.strerror}", hint="give --socket PATH") from error
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ListenFailed(
                f"a daemon listens on {path} already", hint="see `bitboot serve --status`"
            ) from None
        with _bound(path) as listening:
            yield listening
    finally:
        os.close(lock)


def lock_is_free(path: Path) -> bool:
    """Whether there is a lock of a daemon on this socket, and nobody holds it."""
    import fcntl  # noqa: PLC0415 - where there are unix sockets

    try:
        lock = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(lock)
    return True


def _prepare_folder(folder: Path) -> None:
    """Make the folder, for this user alone. Raises ListenFailed where it is somebody else's."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        mode, own = folder.stat().st_mode, is_own(folder)
    except OSError as error:
        raise ListenFailed(f"{folder} cannot be made: {error.strerror}", hint="give --socket PATH") from error
    others_write = mode & (stat.S_IWGRP | stat.S_IWOTH)
    if not own or (others_write and not mode & stat.S_ISVTX):
        raise ListenFailed(f"{folder} can be changed by others", hint="give --socket in a folder of your own")


@contextmanager
def _bound(path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        with suppress(FileNotFoundError):
            path.unlink()  # nobody holds the lock: a daemon that was killed has left it
        before = os.umask(0o177)
        try:
            listening.bind(str(path))
        except OSError as error:
            hint = "unix sockets have paths of about 100 bytes at most" if len(str(path)) > 100 else ""
            raise ListenFailed(f"{path} cannot be listened on: {error}", hint=hint) from error
        finally:
            os.umask(before)
        try:
            listening.listen(BACKLOG)
            yield listening
        finally:
            with suppress(FileNotFoundError):
                path.unlink()


def tcp_socket(address: str) -> socket.socket:
    """Listen on "host:port" of loopback. Raises InvalidConfig elsewhere, InvalidEndpoint, ListenFailed."""
    endpoint = KnownHost.parse(address)
    try:
        ip = ipaddress.ip_address(endpoint.host)
    except ValueError:
        raise _not_loopback(address) from None
    if not ip.is_loopback:
        raise _not_loopback(address)
    listening = socket.socket(socket.AF_INET6 if ip.version == 6 else socket.AF_INET, socket.SOCK_STREAM)
    try:
        if os.name == "posix":  # elsewhere it would let others take the port
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((endpoint.host, endpoint.port))
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        raise ListenFailed(
            f"{address} cannot be listened on: {error.strerror}", hint="port 0 is any free one"
        ) from error
    return listening


def _not_loopback(address: str) -> InvalidConfig:
    return InvalidConfig(
        f"--tcp {address} is not on loopback",
        hint="give 127.0.0.1:PORT: who wants it elsewhere puts a server with TLS in front",
    )


def token_in(path: Path) -> str:
    """The token in a file, which is made where there is none, for this user alone. Raises InvalidConfig."""
    try:
        with suppress(FileExistsError):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(secrets.token_urlsafe(32) + "\n")
        token = path.read_text(encoding="ascii").strip()
        shown = os.name == "posix" and path.stat().st_mode & 0o077
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidConfig(
            f"the token in {path} cannot be read: {error}", hint="give --token-file F"
        ) from error
    if shown:
        raise InvalidConfig(f"others can read the token in {path}", hint=f"chmod 600 {path}")
    if len(token) < 16:
        raise InvalidConfig(
            f"the token in {path} is too short", hint="remove the file, and a new one is made"
        )
    return token
