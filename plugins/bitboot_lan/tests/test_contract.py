"""The backend `lan` keeps the contract, in a private group on loopback."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bitboot_lan.backend import LanBackend
from bitboot_lan.message import Kind, Message, encode

from bitboot_core import KnownHost
from bitboot_core.testing.contract import BackendContract, World, advance_event_loop

from .group import LOOPBACK, private


class TestLan(BackendContract):
    entry_point = "lan"

    @asynccontextmanager
    async def world(self) -> AsyncIterator[World]:
        settings = private(patience=0.5)  # on a busy machine fifty lookups took more than 0.1 s
        now = asyncio.get_running_loop().time
        yield World(
            make=lambda: LanBackend(LOOPBACK, settings, now),
            advance=advance_event_loop,
            datagrams=[mutated(random.Random(seed)) for seed in range(300)],
        )


def mutated(chance: random.Random) -> bytes:
    """A message with some of its bytes changed, left out or repeated."""
    message = Message(
        chance.choice(list(Kind)),
        tuple(chance.randbytes(20) for _ in range(chance.randrange(30))),
        chance.choice([0, 1, 7001, 65_535, 70_000]),
        chance.choice(["", "1234abcd", "x" * 500]),
        chance.choice([None, 0, 600, 10**9]),
    )
    data = bytearray(encode(message, KnownHost("239.192.152.143", 6771)))
    for _ in range(chance.randrange(8)):
        start = chance.randrange(len(data))
        data[start : start + chance.randrange(4)] = chance.randbytes(chance.randrange(4))
    return bytes(data)
