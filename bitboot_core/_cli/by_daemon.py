"""Looking up through `bitboot serve`, where it runs on the same networks: its node is warm already.

Whatever is not as expected before the first answer means that the command makes a node of its own, as ever.
`quick` does the same where the command line is plain, before all this is imported.
"""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

from .. import errors
from .._plugins.registry import default_registry
from .._settings import networks as networks_of
from .._swarms.keys import SwarmKey, SwarmName
from ..aio.logs import logger
from ..config import BitBootConfig
from ..errors import AllBackendsFailed, BackendError, BitBootError
from ..networks import BUILT_IN, NetworkDefinition
from .asking import MAX_TIMEOUT, MIN_TIMEOUT, Record, Unusable, look_up
from .report.events import Done, Failed, PeerFound, Ready
from .report.report import Report

log = logger(__name__)


def by_daemon(config: BitBootConfig, swarm: SwarmName, limit: int | None) -> Iterator[Record] | None:
    """Look a swarm up through the daemon: the records of its answer, None where none fits."""
    path = socket_path()
    if config.backend is not None or config.listen is not None:
        return None
    if not MIN_TIMEOUT <= config.timeout <= MAX_TIMEOUT:
        return None
    networks = _meant(config)
    if networks is None:
        return None
    name = {"key": str(swarm)} if isinstance(swarm, SwarmKey) else {"swarm": swarm}
    wish = {**name, "limit": limit, "timeout": config.timeout, "networks": networks}
    try:
        records = look_up(str(path), json.dumps(wish), config.timeout)
        first = next(records)
    except Unusable as error:
        log.info("the daemon on %s is not used: %s", path, error)
        return None
    return chain([first], records)


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


def _meant(config: BitBootConfig) -> dict[str, list[str]] | None:
    """The networks that are meant, each with its contacts. None where a daemon's is not the same."""
    meant = {}
    for network in networks_of(config.network):
        definition = _definition(network)
        if definition.protocol == "local":
            return None  # each process has one of its own
        contacts = definition.bootstrap if config.bootstrap is None else config.bootstrap
        meant[definition.name] = [str(contact) for contact in contacts]
    return meant


def _definition(network: str | NetworkDefinition) -> NetworkDefinition:
    """What is known as that. Those that are built in need no plugin, whose discovery takes a while."""
    if isinstance(network, NetworkDefinition):
        return network
    built_in = {one.name: one for one in BUILT_IN}
    return built_in[network] if network in built_in else default_registry().network(network)


def tell(records: Iterable[Record], report: Report, swarm: str) -> Done:
    """Tell of the records of an answer but its end, which is returned. Raises the error that it ends with."""
    for record in records:
        if record["event"] == "ready":
            fields = {key: record[key] for key in ("network", "backend", "listen", "contacts")}
            report.tell(Ready(**fields))
        elif record["event"] == "peer":
            fields = {key: record[key] for key in ("host", "port", "sources")}
            report.tell(PeerFound(swarm=swarm, peer_id=record.get("peer_id"), **fields))
        elif record["event"] == "error":
            raise _error(record)
        else:
            for network, failure in record["failures"].items():
                report.tell(Failed.of(_error(failure), network=network))
            return Done(swarm=swarm, peers=record["peers"], seconds=round(record["seconds"], 3))
    raise AssertionError("an answer has an end")


def _error(record: Record) -> BitBootError:
    """The error that a record tells of."""
    name = record["error"]
    kind = getattr(errors, name) if name in errors.__all__ else BackendError
    message, hint = record["message"], record["hint"]
    if kind is AllBackendsFailed:
        return AllBackendsFailed(message, {}, hint=hint)
    made: BitBootError = kind(message, hint=hint)
    return made
