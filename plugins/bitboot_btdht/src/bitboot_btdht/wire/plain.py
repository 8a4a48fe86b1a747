"""How nearly all nodes write nearly all KRPC messages (BEP 5): `krpc` reads these in one step."""

from __future__ import annotations

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

SHORTEST_QUESTION: Final = 17
"""Bytes from what is looked for to END: "e1:q4:ping1:t2:" and a transaction id. Compiled code cannot cut a
piece whose end is before its beginning, or that begins beyond the end: it is looked at before."""

ReadResponse: TypeAlias = tuple[bytes, dict[bytes, Any], bytes | None]
"""Its transaction id, what it holds, and where its sender sees us."""

_IPV4: Final = b"d2:ip6:"
_IPV6: Final = b"d2:ip18:"
_ID: Final = b"1:rd2:id20:"
_NODES: Final = b"5:nodes208:"
_NODES6: Final = b"6:nodes6304:"
_PORT: Final = b"1:pi"
_PORT_DIGITS: Final = 5
_TOKENS: Final = {b"5:token4:": 4, b"5:token8:": 8}
_LONG_TOKEN: Final = b"5:token20:"
_PEERS: Final = b"6:valuesl"
_TRANSACTION: Final = b"e1:t4:"
_END_OF_RESPONSE: Final = b"1:y1:re"

SHORTEST_RESPONSE: Final = 49
"""Bytes of one with nothing but an id: see SHORTEST_QUESTION."""

_D: Final = ord("d")
_E: Final = ord("e")
_ZERO: Final = ord("0")
_SIX: Final = ord("6")
_NINE: Final = ord("9")
_COLON: Final = ord(":")


def response(datagram: bytes) -> ReadResponse | None:
    """A response as nearly all are written; None: the decoder has to read it. Both read the same.

    What it may hold is cut out as it stands, in half of the decoder's time.
    """
    end = len(datagram) - 7
    if len(datagram) < SHORTEST_RESPONSE or datagram[end:] != _END_OF_RESPONSE:
        return None
    if datagram[end - 9 : end - 4] == VERSION:
        end -= 9
    end -= 10
    if datagram[end : end + 6] != _TRANSACTION:
        return None
    if datagram[:7] == _IPV4:
        start = 13
    elif datagram[:8] == _IPV6:
        start = 26
    elif datagram[0] == _D:
        start = 1
    else:
        return None
    if datagram[start : start + 11] != _ID:
        return None
    values = _values(datagram, start + 11, end)
    if values is None:
        return None
    external = datagram[7:13] if start == 13 else datagram[8:26] if start == 26 else None
    return datagram[end + 6 : end + 10], values, external


def _values(  # noqa: PLR0911, PLR0912 - part by part, in one pass
    datagram: bytes, start: int, end: int
) -> dict[bytes, Any] | None:
    """What a response returns, from its id on; None where anything else stands before `end`.

    Eight nodes of each family or none, a port, a token of 4, 8 or 20 bytes and IPv4 peers, or none.
    """
    values: dict[bytes, Any] = {b"id": datagram[start : start + 20]}
    start += 20
    if start > end:
        return None
    if datagram[start : start + 11] == _NODES:
        values[b"nodes"] = datagram[start + 11 : start + 219]
        start += 219
        if start > end:
            return None
    if datagram[start : start + 12] == _NODES6:
        values[b"nodes6"] = datagram[start + 12 : start + 316]
        start += 316
        if start > end:
            return None
    if datagram[start : start + 4] == _PORT:
        first = start + 4
        start, port = first, 0
        while _ZERO <= datagram[start] <= _NINE and start < first + _PORT_DIGITS:
            port = 10 * port + datagram[start] - _ZERO
            start += 1
        if start == first or datagram[start] != _E:
            return None
        values[b"p"] = port
        start += 1
    size = _TOKENS.get(datagram[start : start + 9])
    if size is not None:
        values[b"token"] = datagram[start + 9 : start + 9 + size]
        start += 9 + size
    elif datagram[start : start + 10] == _LONG_TOKEN:
        values[b"token"] = datagram[start + 10 : start + 30]
        start += 30
    if start > end:
        return None
    if datagram[start : start + 9] == _PEERS and datagram[end - 1] == _E:
        peers: list[bytes] = []
        for peer in range(start + 9, end - 1, 8):
            if datagram[peer] != _SIX or datagram[peer + 1] != _COLON:
                return None
            peers.append(datagram[peer + 2 : peer + 8])
        values[b"values"] = peers
        start += 10 + 8 * len(peers)
    return values if start == end else None
