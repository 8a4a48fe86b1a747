"""The package btdht as a finder beside ours, where it is built (docs/native.md says how)."""

from __future__ import annotations

import hashlib
import statistics
import time
from importlib.util import find_spec

from bitboot_btdht.backend import MainlineBackend
from bitboot_btdht.testnet import Testnet

from bitboot_core import Backend, BackendConfig, KnownHost

from .rows import Row, shown

COMMAND = "python -m benchmarks.performance native"
HOST = "127.1.1.1"
"""Without a zero octet, at which the package cuts addresses."""

NODES, KEYS, TURNS = 64, 10, 3


async def run() -> list[Row]:
    """Measure; no rows where the package is not installed."""
    if find_spec("btdht") is None:
        return []
    from bitboot_btdht.native.backend import NativeBackend  # noqa: PLC0415 - it needs the package

    config = BackendConfig(network="mainline", protocol="mainline", listen=KnownHost(HOST, 0))
    keys = [hashlib.sha1(b"native %d" % number).digest() for number in range(KEYS)]
    finders: list[Backend] = [MainlineBackend(config), NativeBackend(config)]
    times: list[list[float]] = [[], []]
    async with Testnet(NODES, host=HOST) as testnet:
        announcer = MainlineBackend(config)
        try:
            for backend in (announcer, *finders):
                await backend.start()
                await backend.bootstrap(testnet.bootstrap)
            for key in keys:
                await announcer.announce(key, KnownHost("", 7000), lifetime=1800)
            for key in keys * TURNS:
                for finder, taken in zip(finders, times, strict=True):
                    taken.append(await _first(finder, key))
        finally:
            for backend in (announcer, *finders):
                await backend.aclose()
    ours, theirs = times
    ratio = statistics.median(ours) / statistics.median(theirs)
    texts = shown(ours, "ms", 1e3), shown(theirs, "ms", 1e3)
    return [Row("1d", "first peer among 64 nodes of ours", "the package btdht", *texts, ratio, 1, COMMAND)]


async def _first(backend: Backend, key: bytes) -> float:
    """Seconds to the first peer; the lookup is read to its end."""
    began = time.perf_counter()
    first = 0.0
    async for _ in backend.lookup(key):
        first = first or time.perf_counter() - began
    if not first:
        raise RuntimeError("nobody found")
    return first
