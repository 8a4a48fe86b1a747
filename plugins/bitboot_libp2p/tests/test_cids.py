"""The rule by which other implementations find a swarm, and the page that states it."""

from __future__ import annotations

from pathlib import Path

import multihash as library
from bitboot_libp2p.cids import cid, multihash
from libp2p.bitswap.cid import parse_cid

from bitboot_core import swarm_key

NAME = "unique_network"
CID = "bafkrcfahr3o6oxp25xwdtl3sfygyhbc6r6x7gdi"


def test_the_vector() -> None:
    assert cid(swarm_key(NAME)) == CID
    page = Path(__file__).parents[3] / "docs" / "libp2p.md"
    assert f"\n    {CID}\n" in page.read_text(encoding="utf-8")


def test_the_library_reads_it_the_same_way() -> None:
    key = multihash(swarm_key(NAME))
    assert parse_cid(CID).multihash == key
    assert library.decode(key).digest == swarm_key(NAME)
