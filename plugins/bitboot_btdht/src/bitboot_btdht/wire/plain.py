"""How nearly all nodes write nearly all KRPC messages (BEP 5): `krpc` reads these in one step."""

from __future__ import annotations

import re
from typing import Final

QUERY: Final = re.compile(
    rb"""
    d 1:ad 2:id20:(.{20})
           (?:9:info_hash20:(.{20}))?
           (?:6:target20:(.{20}))?
           (?:4:wantl((?:2:n[46]){1,2})e)? e
      1:q (?:4:(ping)|9:(find_node|get_peers))
      (2:roi1e)?
      1:t (?:2:(..)|4:(.{4})|8:(.{8}))
      (?:1:v4:.{4})?
      1:y1:q e
    """,
    re.DOTALL | re.VERBOSE,
)
"""Queries as nearly all are written: read in one step, they take a fifth of the decoder's time."""

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
