"""Asking `bitboot serve` for a lookup, over its unix socket: the request, and the records of the answer.

Only what is imported quickly is imported here: `quick` needs nothing else. HTTP/1.0 (RFC 1945): its answers
come as they are, not in chunks, and end with the connection. That an answer is whole its last record tells.
"""

from __future__ import annotations

import os
import socket
import stat
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

Record = dict[str, "Any"]
"""One line of an answer: `event` says what it tells of."""

PATIENCE = 2.0
"""Seconds that the daemon may take to begin its answer; with the lookup it has as many on top."""

MIN_TIMEOUT, MAX_TIMEOUT = 0.001, 120.0
"""Seconds that the daemon lets a lookup take (docs/serve.md)."""

MAX_LIMIT = 1_000_000
"""The highest number of peers that it takes for a limit."""

MAX_LINE = 64 * 1024
MAX_HEADERS = 64

ENDED: Record = {
    "event": "error",
    "error": "BackendError",
    "message": "the daemon ended before the lookup did",
    "hint": "try again, or with --no-daemon",
}
"""The last record where the daemon has sent none."""


class Unusable(Exception):
    """The daemon does not run, or cannot do what is asked: the command makes a node of its own."""


def look_up(path: str, body: str, timeout: float) -> Iterator[Record]:
    """Ask for a lookup, at once; its answer is read as it is iterated. Raises Unusable, in both.

    `body`: of the request, with the `networks` that are meant (docs/serve.md). Yields `ready` for each one,
    then `peer` for each peer, at last `end` or `error`. After the first one Unusable is not raised any more:
    there is an answer, and nobody should ask twice.
    """
    if not hasattr(socket, "AF_UNIX") or not hasattr(os, "getuid") or not is_ours(path):
        raise Unusable("there is no socket of ours")
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(PATIENCE)
        connection.connect(path)
        content = body.encode("ascii")
        head = b"POST /v1/lookups HTTP/1.0\r\nContent-Length: %d\r\n\r\n" % len(content)
        connection.sendall(head + content)
    except OSError as error:
        connection.close()
        raise Unusable(f"it cannot be asked: {error!r:.200}") from error
    return _answer(connection, timeout)


def _answer(connection: socket.socket, timeout: float) -> Iterator[Record]:
    import json  # noqa: PLC0415 - the daemon works meanwhile

    began = False
    with connection:
        try:
            lines = _Lines(connection)
            _read_head(lines)
            lines.patience = timeout + PATIENCE
            while True:
                record = _checked(json.loads(lines.next()))
                began = True
                yield record
                if record["event"] in ("end", "error"):
                    return
        except (OSError, ValueError, RecursionError) as error:
            if not began:
                raise Unusable(f"it does not answer as expected: {error!r:.200}") from error
    yield ENDED


def is_ours(path: str) -> bool:
    """Whether there is a socket of this user's, or of root's: another one's could tell us anything."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return False
    return stat.S_ISSOCK(found.st_mode) and found.st_uid in (os.getuid(), 0)


class _Lines:
    """What comes through a connection, in lines. `patience`: seconds that may still be spent waiting."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection, self._kept = connection, b""
        self.patience = PATIENCE

    def next(self) -> bytes:
        """The next line without its end. Raises OSError, ValueError where none comes, in time and whole."""
        while b"\n" not in self._kept:
            if len(self._kept) >= MAX_LINE:
                raise ValueError("a line without an end")
            began = time.monotonic()
            self._connection.settimeout(self.patience)
            more = self._connection.recv(MAX_LINE)
            self.patience -= time.monotonic() - began
            if not more or self.patience <= 0:
                raise ValueError("it ends, or takes too long")
            self._kept += more
        line, _, self._kept = self._kept.partition(b"\n")
        return line


def _read_head(lines: _Lines) -> None:
    """Read to the end of the head. Raises Unusable where the daemon refuses, ValueError for what is none."""
    version, _, status = lines.next().decode("latin-1").partition(" ")
    if not version.startswith("HTTP/1."):
        raise ValueError(f"{version:.20} is no answer")
    if not status.startswith("200"):
        raise Unusable(f"it answers {status.strip():.80}")
    for _ in range(MAX_HEADERS):
        header = lines.next().strip().lower()
        if not header:
            return
        if header.startswith(b"transfer-encoding"):
            raise ValueError("chunks follow")
    raise ValueError("too many headers")


_SHAPES: dict[str, dict[str, Any]] = {
    "ready": {"network": str, "backend": str, "listen": str, "contacts": int},
    "peer": {"host": str, "port": int, "sources": list},
    "end": {"peers": int, "seconds": (int, float), "failures": dict},
    "error": {"error": str, "message": str, "hint": str},
}


def _checked(record: Any) -> Record:
    """A record that has what one of its kind has. Raises ValueError for others."""
    shape = _SHAPES.get(str(record.get("event"))) if isinstance(record, dict) else None
    if shape is None or not all(isinstance(record.get(key), kind) for key, kind in shape.items()):
        raise ValueError(f"{record!r:.80} is no record")
    if not all(isinstance(one, str) for one in (*record.get("sources", ()), record.get("peer_id") or "")):
        raise ValueError("a source or an id is no text")
    if not 0 <= record.get("port", 0) < 65536:
        raise ValueError("a port is none")
    for failure in record.get("failures", {}).values():
        _checked({"event": "error", **failure} if isinstance(failure, dict) else None)
    checked: Record = record
    return checked
