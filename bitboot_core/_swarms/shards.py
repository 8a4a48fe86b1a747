"""Shards: further keys of a swarm, for crowds that its own key cannot hold.

On a DHT a key lives on a handful of nodes. These keep so many of its peers and no more (libtorrent's
500), and tell of a sample at a time. So a peer is stored under its swarm's key, where every client
looks, and under one of COUNT shards beside it; who finds a crowd under the key reads the shards as well.

Exactly, for whoever wants to take part (test vectors are in docs/large-swarms.md):

- the key of shard number i, 0 to 63, is SHA-1(swarm's key + "bitboot-shard" in ASCII + i as one byte);
- a peer is announced under one shard. Any choice will do that scatters peers evenly and that each one
  keeps to, since finders read all shards; `shard_of` is ours;
- finders read the shards where the key itself tells of a crowd: on mainline, of 300 peers or more.

Backends on which a key can be crowded say so (`Capabilities.crowd`); on the others there are no shards.
"""

from __future__ import annotations

from ..model import KnownHost
from .keys import sha1

COUNT = 64
"""How many shards a swarm has. With libtorrent's 500 peers a key that is room for 32,000."""

_LABEL = b"bitboot-shard"


def shard_key(key: bytes, number: int) -> bytes:
    """The key of shard `number`, 0 to 63, of the swarm whose own key is `key`. 20 bytes.

    Raises ValueError for any other number.
    """
    if not 0 <= number < COUNT:
        raise ValueError(f"shards are numbered from 0 to {COUNT - 1}, not {number}")
    return sha1(key + _LABEL + bytes([number]))


def shard_of(key: bytes, endpoint: KnownHost, salt: bytes) -> int:
    """The shard that `endpoint` is announced under: by a hash of the endpoint, where it is known.

    One whose host is "any" does not know where others will see it. There `salt` takes the host's
    place: something random that stays the same for as long as it is announced.
    """
    host = salt if endpoint.is_any else endpoint.host.encode()
    text = key + host + b":%d" % endpoint.port
    return sha1(text)[0] % COUNT


def all_shards(key: bytes) -> list[bytes]:
    """The keys of all shards, in order."""
    return [shard_key(key, number) for number in range(COUNT)]
