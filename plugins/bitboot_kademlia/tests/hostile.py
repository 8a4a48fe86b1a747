"""Datagrams that nobody should send, drawn from a seed."""

from __future__ import annotations

import random

from bitboot_kademlia.messages import encode_answer, encode_call

from .strangers import MESSAGE

KEY = b"k" * 20


def rubbish(rng: random.Random) -> bytes:
    """A random datagram."""
    return rng.randbytes(rng.choice((0, 1, 20, 21, 22, 100, 1_400)))


def garbled(rng: random.Random) -> bytes:
    """A head, and rubbish behind it."""
    return bytes([rng.randrange(3)]) + rng.randbytes(20 + rng.randrange(200))


def mutated(rng: random.Random) -> bytes:
    """The beginning of one sound call and the end of another, with a byte of neither."""
    one, other = (rng.choice((pinged, stored, announced, asked))(rng) for _ in range(2))
    return one[: rng.randrange(len(one))] + rng.randbytes(1) + other[rng.randrange(len(other)) :]


def nested(rng: random.Random) -> bytes:
    """Lists and maps, deep, where a value should be."""
    depth = rng.choice((10, 900, 8_000))
    return encode_call(rng.randbytes(20), "store", [])[:-1] + rng.choice((b"\x91", b"\x81")) * depth


def deep_value(rng: random.Random) -> bytes:
    """The same, where it is certainly unpacked."""
    head = b"\x00" + rng.randbytes(20) + b"\x92\xa5store\x93\xc4\x14" + rng.randbytes(20) + b"\xc4\x14"
    return head + rng.randbytes(20) + rng.choice((b"\x91", b"\x81")) * rng.choice((50, 3_000))


def oversized(rng: random.Random) -> bytes:
    """Well-formed, and far too long."""
    return encode_call(rng.randbytes(20), "store", [rng.randbytes(20), KEY, rng.randbytes(60_000)])


def stored(rng: random.Random) -> bytes:
    """A value under yet another key."""
    value = rng.choice((rng.randbytes(rng.randrange(8_000)), rng.getrandbits(60), "x" * 4_000, [1, [2]]))
    return encode_call(rng.randbytes(20), "store", [rng.randbytes(20), rng.randbytes(20), value])


def announced(rng: random.Random) -> bytes:
    """An announcement with a token that is made up."""
    args = [rng.randbytes(20), rng.randbytes(20), "peer.example.org", 1, 1 << 31, rng.randbytes(8)]
    return encode_call(rng.randbytes(20), "announce", [*args, rng.randbytes(16)])


def asked(rng: random.Random) -> bytes:
    """A question about anything, under yet another id."""
    name = rng.choice(("find_node", "find_value", "find_peers", "keys", "records"))
    number = [rng.getrandbits(31)] if name in ("find_peers", "records") else []
    return encode_call(rng.randbytes(20), name, [rng.randbytes(20), rng.randbytes(20), *number])


def pinged(rng: random.Random) -> bytes:
    """Somebody new, again."""
    return encode_call(rng.randbytes(20), rng.choice(("ping", "hello")), [rng.randbytes(20)])


def forged(rng: random.Random) -> bytes:
    """An answer to a question that nobody asked."""
    message_id = rng.choice((MESSAGE, rng.randbytes(20)))
    return encode_answer(
        message_id, rng.choice((rng.randbytes(20), [[rng.randbytes(20), "1.2.3.4", 5]] * 20))
    )


MAKERS = [
    rubbish,
    garbled,
    mutated,
    nested,
    deep_value,
    oversized,
    stored,
    announced,
    asked,
    pinged,
    forged,
]
