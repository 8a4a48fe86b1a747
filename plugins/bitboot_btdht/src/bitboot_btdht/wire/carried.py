"""Requests between nodes and their answers: KRPC messages that carry a payload, read in one step."""

from __future__ import annotations

import re
from typing import Final

from .krpc import CLIENT, Query, Response
from .node_id import ID_BYTES

METHOD: Final = b"bitboot"
"""The KRPC method: `a` holds `id` and `payload`, and so does `r` of the answer."""

_END: Final = b"1:v%d:%b" % (len(CLIENT), CLIENT)


def request(transaction: bytes, own_id: bytes, payload: bytes, *, read_only: bool) -> bytes:
    """A query that carries a payload."""
    return b"d1:ad2:id%d:%b7:payload%d:%be1:q7:bitboot%b1:t%d:%b%b1:y1:qe" % (
        len(own_id),
        own_id,
        len(payload),
        payload,
        b"2:roi1e" if read_only else b"",
        len(transaction),
        transaction,
        _END,
    )


def answer(transaction: bytes, own_id: bytes, payload: bytes) -> bytes:
    """A response that carries one. Without `ip`: on IPv6 it would be longer than its query."""
    return b"d1:rd2:id%d:%b7:payload%d:%be1:t%d:%b%b1:y1:re" % (
        len(own_id),
        own_id,
        len(payload),
        payload,
        len(transaction),
        transaction,
        _END,
    )


_PAYLOAD_AT: Final = len(b"d1:ad2:id20:") + ID_BYTES
_SEVEN: Final = b"7:payload"[0]
_CARRIED: Final = re.compile(
    rb"""
    d 1:(?:(a)|r) d 2:id20:(.{20}) 7:payload(\d{1,4}):(.*) e
      (?(1) 1:q7:bitboot (2:roi1e)? )
      1:t4:(.{4})
      (?:1:v4:.{4})?
      1:y1: (?(1) q | r) e
    """,
    re.DOTALL | re.VERBOSE,
)


def read(datagram: bytes) -> Query | Response | None:
    """A message as these are written here; None: `krpc.parse` has to read it. Both read the same."""
    if len(datagram) <= _PAYLOAD_AT or datagram[_PAYLOAD_AT] != _SEVEN:
        return None  # hardly any other datagram has that byte there, and the rest tells
    carried = _CARRIED.fullmatch(datagram)
    if carried is None:
        return None
    is_query, sender, length, payload, read_only, transaction = carried.groups()
    if int(length) != len(payload):
        return None
    values = {b"id": sender, b"payload": payload}
    if is_query is None:
        return Response(transaction, sender, values, None)
    return Query(transaction, METHOD, sender, values, read_only is not None, datagram)
