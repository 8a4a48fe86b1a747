"""How nearly all nodes write nearly all KRPC messages (BEP 5): `krpc` reads these in one step."""

from __future__ import annotations

import re
from typing import Any, Final, TypeAlias

HEAD: Final = b"d1:ad2:id20:"
INFO_HASH: Final = b"9:info_hash20:"
TARGET: Final = b"6:target20:"
VERSION: Final = b"1:v4:"
END: Final = b"1:y1:qe"

TRANSACTIONS: Final[tuple[int, ...]] = (2, 4, 8)
"""Bytes of a transaction id. Of no fixed length: compiled code would make such a tuple anew for each loop."""

_WANTS: Final[dict[bytes, list[bytes]]] = {
    b"": [],
    b"4:wantl2:n4e": [b"n4"],
    b"4:wantl2:n6e": [b"n6"],
    b"4:wantl2:n42:n6e": [b"n4", b"n6"],
    b"4:wantl2:n62:n4e": [b"n6", b"n4"],
}

QUESTIONS: Final[dict[bytes, tuple[bytes, bool, list[bytes]]]] = {
    b"%be1:q%b%b1:t%d:" % (want, method, read_only, size): (method[2:], bool(read_only), wanted)
    for want, wanted in _WANTS.items()
    for method in (b"4:ping", b"9:find_node", b"9:get_peers")
    for read_only in (b"", b"2:roi1e")
    for size in TRANSACTIONS
}
"""What stands between what is looked for and the transaction id: the method, whether `ro`, what `want`.

Queries as nearly all are written have these parts: looked up, they take a fifth of the decoder's time."""

RESPONSE: Final = re.compile(
    rb"""
    d (?:2:ip(?:6:(.{6})|18:(.{18})))?
      1:rd 2:id20:(.{20})
           (?:5:nodes208:(.{208}))?
           (?:6:nodes6304:(.{304}))?
           (?:1:pi(\d{1,5})e)?
           (?:5:token(?:4:(.{4})|8:(.{8})|20:(.{20})))?
           (?:6:valuesl((?:6:.{6})+)e)? e
      1:t4:(.{4})
      (?:1:v4:.{4})?
      1:y1:r e
    """,
    re.DOTALL | re.VERBOSE,
)
"""Responses as most are written: read so, they take a fourth of the decoder's time."""


ReadResponse: TypeAlias = tuple[bytes, dict[bytes, Any], bytes | None]
"""Its transaction id, what it holds, and where its sender sees us."""

_IP: Final = b"d2:ip6:"
_ID: Final = b"1:rd2:id20:"
_NODES: Final = b"5:nodes208:"
_TOKENS: Final = {b"5:token4:": 4, b"5:token8:": 8}
_TRANSACTION: Final = b"e1:t4:"
_END_OF_RESPONSE: Final = b"1:y1:re"


def response(datagram: bytes) -> ReadResponse | None:
    """A response that looks like that; None: the decoder has to read it. Both read the same."""
    return _usual_response(datagram) or _other_response(datagram)


def _usual_response(datagram: bytes) -> ReadResponse | None:
    """With our address, eight nodes or none, and a token or none: what most hold, cut out as it stands."""
    if datagram[:7] != _IP or datagram[13:24] != _ID:
        return None
    values: dict[bytes, Any] = {b"id": datagram[24:44]}
    start = 44
    if datagram[44:55] == _NODES:
        values[b"nodes"] = datagram[55:263]
        start = 263
    size = _TOKENS.get(datagram[start : start + 9])
    if size is not None:
        values[b"token"] = datagram[start + 9 : start + 9 + size]
        start += 9 + size
    end = len(datagram) - 7
    if datagram[start : start + 6] != _TRANSACTION or datagram[end:] != _END_OF_RESPONSE:
        return None
    if end != start + 10 and (end != start + 19 or datagram[start + 10 : start + 15] != VERSION):
        return None
    return datagram[start + 6 : start + 10], values, datagram[7:13]


def _other_response(datagram: bytes) -> ReadResponse | None:
    """All that `RESPONSE` matches."""
    match = RESPONSE.fullmatch(datagram)
    if match is None:
        return None
    ipv4, ipv6, sender, nodes, nodes6, port, usual, ours, long, peers, transaction = match.groups()
    values: dict[bytes, Any] = {b"id": sender}
    if nodes is not None:
        values[b"nodes"] = nodes
    if nodes6 is not None:
        values[b"nodes6"] = nodes6
    if port is not None:
        values[b"p"] = int(port)
    token = usual or ours or long
    if token is not None:
        values[b"token"] = token
    if peers is not None:
        values[b"values"] = [peers[start : start + 6] for start in range(2, len(peers), 8)]
    return transaction, values, ipv4 or ipv6
