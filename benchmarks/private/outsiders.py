"""Outsiders who ask a member: whether they are answered, and what they cost."""

from __future__ import annotations

import random
import time

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from bitboot_core import Identity, KnownHost
from bitboot_core._swarms.private.epochs import Epochs
from bitboot_core._swarms.private.introduction import Introduction
from bitboot_core._swarms.private.prepared import Prepared
from bitboot_core._swarms.private.record import write_record
from bitboot_core._swarms.private.responder import Responder
from bitboot_core._swarms.private.roster import Roster

NAME = "unique_network"
TIME = 1_800_000_000.0
FLOOD = 10_000
"""First messages a second."""


def member() -> Responder:
    """Somebody who answers members."""
    epochs = Epochs(NAME, bytes(range(32)))
    static = X25519PrivateKey.generate()
    record = write_record(
        Identity.generate(), static.public_key().public_bytes_raw(), [KnownHost("", 1)], b""
    )
    return Responder(
        epochs,
        Roster(epochs),
        static,
        record=lambda: record,
        admits=lambda member: True,
        expects=lambda source: False,
        proved=lambda session: None,
        deliver=lambda session, data: True,
    )


def anybody(number: int) -> KnownHost:
    """An address that is far from the last ones."""
    return KnownHost(f"{11 + number % 80}.{number // 7 % 256}.{number // 80 % 256}.1", 1 + number % 60000)


def probes(count: int) -> int:
    """How many of so many probes are answered."""
    chance = random.Random(1)
    asked = member()
    outside = Epochs(NAME, bytes(32))
    prepared = Prepared(X25519PrivateKey.generate(), initiates=True)
    begun = Introduction(outside.keys(outside.at(TIME)), prepared).first
    answered = 0
    for number in range(count):
        kind = number % 4
        if kind == 0:  # as a member of another swarm begins
            probe = chance.randbytes(32) + begun[32:]
        elif kind == 1:
            probe = chance.randbytes(chance.randint(0, 1000))
        elif kind == 2:
            probe = bytes(chance.randint(0, 1000))
        else:
            probe = chance.randbytes(1000)
        # Slowly enough that each is tried on the keys.
        answered += asked.answer(anybody(number), probe, number / 1000, TIME) is not None
    return answered


def flood(seconds: float) -> float:
    """CPU seconds that one second of first messages costs."""
    asked = member()
    junk = [random.Random(number).randbytes(1000) for number in range(100)]
    count = int(FLOOD * seconds)
    sources = [anybody(number) for number in range(count)]
    began = time.process_time()
    for number, source in enumerate(sources):
        asked.answer(source, junk[number % 100], number / FLOOD, TIME)
    return (time.process_time() - began) / seconds
