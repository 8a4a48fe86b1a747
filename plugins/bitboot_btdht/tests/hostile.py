"""Datagrams that nobody should send, drawn from a seed."""

from __future__ import annotations

import random
from typing import Any

from bitboot_btdht.wire import krpc

QUERY = krpc.query(b"aa", b"get_peers", {b"id": b"x" * 20, b"info_hash": b"y" * 20})
REPLY = krpc.response(
    b"aa", {b"id": b"x" * 20, b"nodes": b"n" * 208, b"values": [b"abcdef"] * 9, b"token": b"t"}, b"abcdef"
)


def rubbish(rng: random.Random) -> bytes:
    """A random datagram."""
    return rng.randbytes(rng.choice((0, 1, 2, 20, 100, 1400)))


def mutated(rng: random.Random) -> bytes:
    """A message of ours with some bytes changed, dropped or repeated."""
    data = bytearray(rng.choice((QUERY, REPLY, krpc.error(b"aa", 201, b"no", b"abcdef"))))
    for _ in range(rng.randrange(1, 6)):
        place = rng.randrange(len(data))
        match rng.randrange(3):
            case 0:
                data[place] = rng.randrange(256)
            case 1:
                del data[place : place + rng.randrange(4)]
            case _:
                data[place:place] = data[place : place + rng.randrange(30)]
        if not data:
            break
    return bytes(data)


def nested(rng: random.Random) -> bytes:
    """Lists and dictionaries, deep."""
    return rng.choice((b"l", b"d1:a", b"d1:t")) * rng.randrange(1, 2000)


def oversized(rng: random.Random) -> bytes:
    """Well-formed, and far too long."""
    values = [rng.randbytes(6) for _ in range(rng.randrange(1, 2000))]
    return krpc.response(rng.randbytes(4), {b"id": rng.randbytes(20), b"values": values}, b"abcdef")


def forged(rng: random.Random) -> bytes:
    """An answer to a question that nobody asked."""
    return krpc.response(
        rng.randbytes(4), {b"id": rng.randbytes(20), b"nodes": rng.randbytes(208)}, rng.randbytes(6)
    )


def guessed(rng: random.Random) -> bytes:
    """An announcement with a token made up."""
    arguments = {
        b"id": rng.randbytes(20),
        b"info_hash": rng.randbytes(20),
        b"port": rng.randrange(-5, 70_000),
        b"token": rng.randbytes(8),
    }
    return krpc.query(rng.randbytes(2), b"announce_peer", arguments)


def spammed(rng: random.Random) -> bytes:
    """A query under yet another id."""
    return krpc.query(rng.randbytes(2), b"ping", {b"id": rng.randbytes(20)})


def item(rng: random.Random) -> bytes:
    """A `put` with a token made up, and anything else; or a `get`, with anything for a number."""
    arguments = {
        b"id": rng.randbytes(20),
        b"cas": rng.randrange(-5, 2**63),
        b"k": rng.randbytes(rng.choice((0, 32, 33))),
        b"salt": rng.randbytes(rng.choice((0, 64, 65, 300))),
        b"seq": rng.choice((-1, 0, 2**63 - 1, b"7")),
        b"sig": rng.randbytes(rng.choice((0, 64, 65))),
        b"target": rng.randbytes(20),
        b"token": rng.randbytes(8),
        b"v": rng.choice((b"x" * 1100, [0] * 300, {b"": []}, rng.randbytes(30))),
    }
    chosen = {name: value for name, value in arguments.items() if name == b"id" or rng.random() < 0.9}
    return krpc.query(rng.randbytes(2), rng.choice((b"put", b"get")), chosen)


def surveyed(rng: random.Random) -> bytes:
    """Scrapes (BEP 33) and samples (BEP 51), asked for in every odd way, and told without being asked."""
    odd: Any = rng.choice((0, 1, -1, 2**63, b"", b"x" * 20, [1] * 50, {b"x": 1}))
    key = rng.choice((b"h" * 20, rng.randbytes(20)))
    named: dict[bytes, Any] = {b"id": rng.randbytes(20)}
    if rng.random() < 0.5:
        named[b"want"] = [b"n4", b"n6", rng.randbytes(2)]
    match rng.randrange(4):
        case 0:
            named |= {b"info_hash": key, b"scrape": rng.choice((1, odd)), b"noseed": odd}
            return krpc.query(b"aa", b"get_peers", named)
        case 1:
            return krpc.query(b"aa", b"sample_infohashes", {**named, b"target": rng.choice((key, odd))})
        case 2:
            named |= {b"BFsd": b"\xff" * 256, b"BFpe": odd, b"token": b"t"}
        case _:
            named |= {b"samples": rng.randbytes(rng.randrange(90)), b"num": odd, b"interval": odd}
    return krpc.response(rng.randbytes(4), named, b"abcdef")


MAKERS = [rubbish, mutated, nested, oversized, forged, guessed, spammed, item, surveyed]
