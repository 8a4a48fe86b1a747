"""How nearly all nodes write nearly all KRPC messages (BEP 5): `krpc` reads these in one step."""

from __future__ import annotations

import re
from typing import Final

HEAD: Final = b"d1:ad2:id20:"
INFO_HASH: Final = b"9:info_hash20:"
TARGET: Final = b"6:target20:"
VERSION: Final = b"1:v4:"
END: Final = b"1:y1:qe"

TRANSACTIONS: Final = (2, 4, 8)
"""Bytes of a transaction id."""

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
