"""Looking up through `bitboot serve`, where it runs on the same networks: its node is warm already.

Whatever is not as expected before the first answer means that the command makes a node of its own, as ever.
Plain sockets and `http.client`, not asyncio: it is to be quick.
"""

from __future__ import annotations

import http.client
import json
import os
import socket
import warnings
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from .. import errors
from .._plugins.registry import default_registry
from .._settings import networks as networks_of
from .._swarms.keys import SwarmKey, SwarmName
from ..aio.logs import logger
from ..config import BitBootConfig
from ..errors import AllBackendsFailed, BackendError, BitBootError
from ..networks import BUILT_IN, NetworkDefinition
from .report.events import Done, Failed, PeerFound, Ready
from .report.report import Report

log = logger(__name__)

PATIENCE = 2.0
"""Seconds that the daemon may take to say on which networks it is; with a lookup it has as many on top."""

MAX_TIMEOUT = 120.0
"""Seconds that the daemon lets a lookup take (docs/serve.md)."""

MAX_LINE = 64 * 1024


def by_daemon(config: BitBootConfig, report: Report, swarm: SwarmName, limit: int | None) -> Done | None:
    """Look a swarm up through the daemon, and tell of its peers. None where there is no fitting one.

    Raises what the lookup raised there, and BackendError where the daemon ends meanwhile.
    """
    path = socket_path()
    if config.backend is not None or config.listen is not None or config.timeout > MAX_TIMEOUT:
        return None
    if not hasattr(socket, "AF_UNIX") or not _is_ours(path):
        return None
    connection = _Connection(path, PATIENCE)
    reading: http.client.HTTPResponse | None = None
    try:
        connection.request("GET", "/v1/networks")
        found = json.loads(connection.getresponse().read())["networks"]
        if not _are_the_same(config, found):
            log.info("the daemon on %s is on other networks: not used", path)
            return None
        connection.sock.settimeout(config.timeout + PATIENCE)
        name = {"key": str(swarm)} if isinstance(swarm, SwarmKey) else {"swarm": swarm}
        body = {**name, "timeout": config.timeout, **({} if limit is None else {"limit": limit})}
        connection.request("POST", "/v1/lookups", json.dumps(body))
        response = connection.getresponse()
        if response.status in (429, 503):
            return None
        if response.status != 200:
            raise _error(json.loads(response.read()))
        reading = response
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError) as error:
        if isinstance(error, BitBootError):
            raise
        log.info("the daemon on %s cannot be used: %r", path, error)
        return None
    finally:
        if reading is None:
            connection.close()
    # From here on peers have been told of: no second lookup, whatever fails, our own output included.
    with closing(connection):
        try:
            return _read(reading, found, report, str(swarm))
        except (KeyError, TypeError, AttributeError) as error:
            raise _ended() from error


def socket_path() -> Path:
    """Where the daemon of this user listens: as BITBOOT_SOCKET says, else in the runtime folder."""
    if os.environ.get("BITBOOT_SOCKET"):
        return Path(os.environ["BITBOOT_SOCKET"])
    import platformdirs  # noqa: PLC0415 - only where the environment does not say it

    with warnings.catch_warnings():  # without XDG_RUNTIME_DIR, as under cron, there is a folder all the same
        warnings.simplefilter("ignore")
        try:
            return platformdirs.user_runtime_path("bitboot", appauthor=False) / "serve.sock"
        except OSError:
            return Path(os.devnull)


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def _is_ours(path: Path) -> bool:
    """Whether there is a socket of this user's, or of root's: another one's could tell us anything."""
    try:
        found = path.stat()
    except OSError:
        return False
    return path.is_socket() and found.st_uid in (os.getuid(), 0)


def _are_the_same(config: BitBootConfig, found: list[dict[str, Any]]) -> bool:
    """Whether the daemon is in touch with exactly the networks that are meant, from the same contacts."""
    meant = {}
    for network in networks_of(config.network):
        definition = _definition(network)
        if definition.protocol == "local":
            return False  # each process has one of its own
        contacts = definition.bootstrap if config.bootstrap is None else config.bootstrap
        meant[definition.name] = {str(contact) for contact in contacts}
    theirs = {one["name"]: set(one["bootstrap"]) for one in found if one["state"] == "ready"}
    return meant == theirs and len(found) == len(theirs)


def _definition(network: str | NetworkDefinition) -> NetworkDefinition:
    """What is known as that. Those that are built in need no plugin, whose discovery takes a while."""
    if isinstance(network, NetworkDefinition):
        return network
    built_in = {one.name: one for one in BUILT_IN}
    return built_in[network] if network in built_in else default_registry().network(network)


def _read(
    response: http.client.HTTPResponse, networks: list[dict[str, Any]], report: Report, swarm: str
) -> Done:
    for one in networks:
        report.tell(
            Ready(
                network=one["name"],
                backend=one["backend"],
                listen=str(one["listen"]),
                contacts=one["contacts"],
            )
        )
    for record in _records(response):
        if record["event"] == "peer":
            member = record["member"]
            report.tell(
                PeerFound(
                    swarm=swarm,
                    host=record["host"],
                    port=record["port"],
                    sources=list(record["sources"]),
                    member=member,
                )
            )
        elif record["event"] == "error":
            raise _error(record)
        elif record["event"] == "end":
            for network, failure in record["failures"].items():
                report.tell(Failed.of(_error(failure), network=network))
            return Done(swarm=swarm, peers=record["peers"], seconds=round(record["seconds"], 3))
    raise _ended()


def _records(response: http.client.HTTPResponse) -> Iterator[dict[str, Any]]:
    while True:
        try:
            line = response.readline(MAX_LINE)
        except (OSError, http.client.HTTPException) as error:
            raise _ended() from error
        if not line:
            return
        try:
            record = json.loads(line)
        except ValueError as error:
            raise _ended() from error
        yield record


def _ended() -> BackendError:
    return BackendError("the daemon ended before the lookup did", hint="try again, or with --no-daemon")


def _error(problem: dict[str, Any]) -> BitBootError:
    """The error that a problem of the daemon's tells of."""
    kind = (
        getattr(errors, problem["error"], BackendError)
        if problem["error"] in errors.__all__
        else BackendError
    )
    message, hint = str(problem["message"]), str(problem["hint"])
    if kind is AllBackendsFailed:
        return AllBackendsFailed(message, {}, hint=hint)
    made: BitBootError = kind(message, hint=hint)
    return made
