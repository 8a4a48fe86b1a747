"""Publishers of items, and raw `put` and `get` as strangers send them (BEP 44)."""

from __future__ import annotations

from typing import Any

from bitboot_btdht.wire import bencode

from bitboot_core import Identity, Item
from bitboot_core.items import byte_string

from .conftest import Stranger

ALICE = Identity.from_seed(b"a" * 32)
BOB = Identity.from_seed(b"b" * 32)


def version(
    value: bytes, seq: int = 1, *, salt: bytes = b"", by: Identity = ALICE, encoded: bytes | None = None
) -> Item:
    """A version of an item. `encoded`: instead of a byte string."""
    return Item.signed(by, byte_string(value) if encoded is None else encoded, seq=seq, salt=salt)


def fields(item: Item, **changes: Any) -> dict[str, Any]:
    """What a `put` of a mutable item holds beside the token."""
    values: dict[str, Any] = {
        "k": item.public_key,
        "seq": item.seq,
        "sig": item.signature,
        "v": bencode.decode(item.encoded),
    }
    if item.salt:
        values["salt"] = item.salt
    return {name: value for name, value in {**values, **changes}.items() if value is not None}


def get(stranger: Stranger, target: bytes, **arguments: Any) -> dict[bytes, Any]:
    """What a node replies to `get`."""
    reply: dict[bytes, Any] = stranger.query(b"get", target=target, **arguments)[b"r"]
    return reply


def put(stranger: Stranger, **values: Any) -> dict[bytes, Any]:
    """A node's whole reply to `put`, with its own token unless another is given."""
    token = get(stranger, b"t" * 20)[b"token"]
    return stranger.query(b"put", **{"token": token, **values})


def code(reply: dict[bytes, Any]) -> int | None:
    """The error code of a reply, None where it is none."""
    return reply[b"e"][0] if b"e" in reply else None
