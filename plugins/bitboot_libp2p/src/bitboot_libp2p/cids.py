"""A swarm's key as other libp2p implementations spell it.

The key of a swarm is the SHA-1 digest of its name's UTF-8 bytes. So it is the multihash
`sha1` (code 0x11, 20 bytes) of those bytes, and the CID is version 1, codec `raw` (0x55): the CID of
the name itself as a block. In go: `cid.NewCidV1(cid.Raw, mh)` with `mh` of
`multihash.Sum([]byte(name), multihash.SHA1, -1)`; in js: `CID.createV1(0x55, Digest.create(0x11, sha1))`.

The swarm "unique_network" has the CID that `bitboot_libp2p/tests/test_cids.py` holds.
Sources: https://github.com/multiformats/cid, .../multihash, .../multicodec/blob/master/table.csv.
"""

from __future__ import annotations

import base64

SHA1 = 0x11
RAW = 0x55


def multihash(key: bytes) -> bytes:
    """The multihash of a key of 20 bytes: what the DHT stores providers under."""
    return bytes((SHA1, len(key))) + key


def cid(key: bytes) -> str:
    """The CID (version 1, base32) that other implementations provide and find."""
    return "b" + base64.b32encode(bytes((1, RAW)) + multihash(key)).decode().lower().rstrip("=")
