"""Checks that a stranger cannot stop a node: neither by what it sends nor by what it stores."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import random
import socket
from collections.abc import Iterator

import pytest

from bitboot_core.backend import Backend
from bitboot_core.model import KnownHost

from ._base import Checks, Nodes, check, endpoint_of, key_of
from ._failing import fail

BATCH = 10
"""Datagrams sent in one turn of the event loop, so that they do not overflow the receiver's buffer."""

LOOPBACK = {4: "127.0.0.1", 6: "::1"}


class HostileChecks(Checks):
    """Whoever knows where a node listens can send it anything."""

    @check
    async def test_hostile_datagrams_do_no_harm(self, nodes: Nodes) -> None:
        """They raise nothing, log no error, and the node serves on."""
        one, other = await nodes.pair()
        targets = [node.address for node in (one, other)]
        if not all(target.port for target in targets):
            pytest.skip("it listens on no socket")
        before, after = key_of(one, "before"), key_of(one, "after")
        await nodes.announce(one, before, endpoint_of(one, 7001))
        with errors_logged() as errors:
            for target in targets:
                await _send([*DATAGRAMS, *nodes.world.datagrams], target)
            await nodes.announce(one, after, endpoint_of(one, 7002))
            await nodes.expect(other, before, {7001}, "for what was announced before hostile datagrams")
            await nodes.expect(other, after, {7002}, "for what was announced after hostile datagrams")
            gc.collect()  # exceptions of tasks that nobody looks at are logged when these are collected
        if errors:
            fail(f"hostile datagrams led to {len(errors)} errors in the log, first: {errors[0]}")

    @check
    async def test_stored_rubbish_does_no_harm(self, nodes: Nodes) -> None:
        """What strangers store beside it hides no peer, raises nothing and logs no error."""
        if nodes.world.store_raw is None:
            pytest.skip("this world has no way to store rubbish")
        one, other = await nodes.pair()
        key, only = key_of(one, "beside rubbish"), key_of(one, "only rubbish")
        await nodes.announce(one, key, endpoint_of(one, 7001))
        with errors_logged() as errors:
            for rubbish in DATAGRAMS:
                await nodes.world.store_raw(key, rubbish)
                await nodes.world.store_raw(only, rubbish)
            await _expect_among_rubbish(nodes, other, key, {7001})
            await nodes.announce(one, key, endpoint_of(one, 7002))
            await _expect_among_rubbish(nodes, other, key, {7001, 7002})
            await _expect_among_rubbish(nodes, other, only, set())
            gc.collect()
        if errors:
            fail(f"stored rubbish led to {len(errors)} errors in the log, first: {errors[0]}")


async def _expect_among_rubbish(nodes: Nodes, node: Backend, key: bytes, ports: set[int]) -> None:
    """More may be found, since some rubbish reads like a peer."""
    error: Exception | None = None
    found: set[int] = set()
    try:
        found = await nodes.ports(node, key)
    except Exception as raised:  # noqa: BLE001 - judged below
        error = raised
    if error is not None:
        fail(f"where rubbish is stored, a lookup raised {error!r}")
    if not ports <= found:
        fail(f"where rubbish is stored, a lookup missed the ports {sorted(ports - found)}")


def _made_up() -> Iterator[bytes]:
    yield b""
    yield b"\0"
    yield b"\xff" * 1400
    yield b"\0" * 60_000
    # Nested deeply, and lengths that lie, in the encodings that DHTs use: bencode, msgpack, JSON, protobuf
    yield b"l" * 5000
    yield b"d1:a" * 2000
    yield b"d1:ad2:id20:" + b"x" * 19
    yield b"99999999999999999999:x"
    yield b"i" + b"9" * 4000 + b"e"
    yield b"\x91" * 5000
    yield b"\xdd\xff\xff\xff\xff"
    yield b"\xc6\xff\xff\xff\xff" + b"x" * 30
    yield b"[" * 5000
    yield b'{"a":' * 1000
    yield b"\x0a\xff\xff\xff\xff\x0f"
    noise = random.Random(1)
    for size in (1, 2, 4, 8, 20, 21, 22, 40, 100, 500, 1400):
        for _ in range(8):
            yield noise.randbytes(size)
            yield bytes([noise.choice(b"\x00\x01\x80\x91dli{[")]) + noise.randbytes(size)


DATAGRAMS = tuple(_made_up())
"""What anybody could send, the same every time."""


async def _send(datagrams: list[bytes], target: KnownHost) -> None:
    family = target.family or 4
    host = LOOPBACK[family] if target.is_any else target.host
    with socket.socket(socket.AF_INET if family == 4 else socket.AF_INET6, socket.SOCK_DGRAM) as stranger:
        for number, datagram in enumerate(datagrams):
            with contextlib.suppress(OSError):  # some systems send none of that length
                stranger.sendto(datagram, (host, target.port))
            if number % BATCH == 0:
                for _ in range(3):
                    await asyncio.sleep(0)


class _Collector(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        self.messages.append(f"{record.name}: {record.getMessage()}" + (f" ({error!r})" if error else ""))


@contextlib.contextmanager
def errors_logged() -> Iterator[list[str]]:
    """What is logged as an error meanwhile; asyncio logs what no task or callback handled."""
    collector = _Collector()
    logging.getLogger().addHandler(collector)
    try:
        yield collector.messages
    finally:
        logging.getLogger().removeHandler(collector)
