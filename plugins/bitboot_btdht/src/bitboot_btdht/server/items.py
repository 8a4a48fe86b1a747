"""Answering `get` and `put` (BEP 44): what is asked for, what may be stored, and what is refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bitboot_core import LibraryMissing
from bitboot_core.aio.limits import AddressLimits, Allowance
from bitboot_core.items import (
    KEY_BYTES,
    MAX_ENCODED,
    MAX_SALT,
    MAX_SEQ,
    SIGNATURE_BYTES,
    immutable_target,
    mutable_target,
    signed_message,
)

from ..lookup.item_found import Verify
from ..settings import Settings
from ..wire import bencode, krpc
from ..wire.compact import Address
from .item_store import ItemStore, Stored
from .refused import Refused
from .tokens import Tokens


class Items:
    """What others may do with the items stored here."""

    def __init__(self, settings: Settings, store: ItemStore, tokens: Tokens, verify: Verify) -> None:
        self._store = store
        self._tokens = tokens
        self._verify = verify
        total = settings.verifications_per_second
        self._total = None if total is None else Allowance(total, total, max_keys=1)
        self._limits = AddressLimits(
            per_source=settings.verifications_per_second_per_ip,
            per_network=settings.verifications_per_second_per_subnet,
        )

    def get(self, target: bytes, arguments: dict[bytes, Any], now: float) -> dict[bytes, Any]:
        """What a reply to `get` has of the item: nothing where there is none."""
        stored = self._store.get(target, now)
        if stored is None:
            return {}
        values: dict[bytes, Any] = {}
        if stored.is_mutable:
            values[b"seq"] = stored.seq
            known = arguments.get(b"seq")
            if isinstance(known, int) and stored.seq <= known:
                return values
            values[b"k"], values[b"sig"] = stored.public_key, stored.signature
        values[b"v"] = bencode.decode(stored.encoded)
        return values

    def put(self, query: krpc.Query, address: Address, now: float) -> dict[bytes, Any]:
        """Store what a `put` brings. Raises Refused."""
        arguments = query.arguments
        token = arguments.get(b"token")
        if not isinstance(token, bytes) or not self._tokens.accepts(token, address, now):
            raise Refused(krpc.PROTOCOL_ERROR, "bad token")
        encoded = _value(query)
        if b"k" in arguments or b"sig" in arguments:
            self._put_mutable(_Signed.read(arguments, encoded), address, now)
        else:
            self._store.put(immutable_target(encoded), Stored(encoded), address[:-2], now)
        return {}

    def _put_mutable(self, put: _Signed, address: Address, now: float) -> None:
        target = mutable_target(put.item.public_key, put.salt)
        stored = self._store.get(target, now)
        if stored != put.item:  # else it is put again, to be kept for longer
            if stored is not None:
                _check_version(put, stored)
            self._check_signature(put, address, now)
        self._store.put(target, put.item, address[:-2], now)

    def _check_signature(self, put: _Signed, address: Address, now: float) -> None:
        """The only check that takes long, and so the last, for so many a second."""
        if not self._limits.take(address[:-2], now) or not (
            self._total is None or self._total.take(b"", now)
        ):
            raise Refused(krpc.SERVER_ERROR, "too many signatures to check")
        item = put.item
        message = signed_message(item.encoded, item.seq, put.salt)
        try:
            is_good = self._verify(item.public_key, message, item.signature)
        except LibraryMissing as error:
            raise Refused(krpc.SERVER_ERROR, "signatures cannot be checked here") from error
        if not is_good:
            raise Refused(krpc.BAD_SIGNATURE, "invalid signature")


def _check_version(put: _Signed, stored: Stored) -> None:
    """Whether it may take the place of what is stored. Raises Refused."""
    if put.cas is not None and put.cas != stored.seq:
        raise Refused(krpc.CAS_MISMATCH, "another version is stored than the one to be replaced")
    same = put.item.seq == stored.seq and put.item.encoded == stored.encoded
    if put.item.seq <= stored.seq and not same:
        raise Refused(krpc.SEQ_TOO_LOW, "a version with this number or a higher one is stored")


@dataclass(frozen=True, slots=True)
class _Signed:
    """A mutable item as a `put` brings it."""

    item: Stored
    salt: bytes
    cas: int | None

    @classmethod
    def read(cls, arguments: dict[bytes, Any], encoded: bytes) -> _Signed:
        """Raises Refused where a part is missing or makes no sense."""
        salt = arguments.get(b"salt", b"")
        if not isinstance(salt, bytes):
            raise Refused(krpc.PROTOCOL_ERROR, "bad salt")
        if len(salt) > MAX_SALT:
            raise Refused(krpc.SALT_TOO_BIG, "salt too big")
        key, signature, seq = arguments.get(b"k"), arguments.get(b"sig"), arguments.get(b"seq")
        if not isinstance(key, bytes) or len(key) != KEY_BYTES:
            raise Refused(krpc.PROTOCOL_ERROR, "bad k")
        if not isinstance(signature, bytes) or len(signature) != SIGNATURE_BYTES:
            raise Refused(krpc.PROTOCOL_ERROR, "bad sig")
        if not isinstance(seq, int) or not 0 <= seq <= MAX_SEQ:
            raise Refused(krpc.PROTOCOL_ERROR, "bad seq")
        cas = arguments.get(b"cas")
        if cas is not None and not isinstance(cas, int):
            raise Refused(krpc.PROTOCOL_ERROR, "bad cas")
        return cls(Stored(encoded, key, seq, signature), salt, cas)


def _value(query: krpc.Query) -> bytes:
    """The value in a `put`, as it was written. Raises Refused.

    What is hashed and signed is how it was written. Our reader forgives, say, keys that are not in order; BEP
    44 has such a value refused. A value that was written as we would write it stands in the datagram just so.
    """
    if b"v" not in query.arguments:
        raise Refused(krpc.PROTOCOL_ERROR, "no v")
    encoded = bencode.encode(query.arguments[b"v"])
    if len(encoded) > MAX_ENCODED:
        raise Refused(krpc.VALUE_TOO_BIG, "message (v field) too big")
    if b"1:v" + encoded not in query.datagram:
        raise Refused(krpc.PROTOCOL_ERROR, "v is not bencoded as it should be")
    return encoded
